import SIP

/// The connections that are open as far as the switch knows, and where phones went whose connection
/// broke.
///
/// Nothing of it is stored: connections end with the process.
struct Connections: Sendable {
    /// Moves that are remembered; beyond it the oldest is forgotten.
    static let moveLimit = 20_000

    private struct Known: Sendable {
        /// Requests of ours may wait on it.
        var isUsed = false
        /// A trunk speaks by it, a phone whose password was right, or one that knows the tags of a call
        /// at the address that it has the call at.
        var isProved = false
        /// The extension that this is; nil of a trunk.
        var prover: String?
    }

    /// Connections that one extension keeps at a time, so that a stolen one does not hold
    /// all of them; more are closed like those of strangers. Its phones have far fewer.
    static let limitOfExtension = 20

    private var open: [Flow: Known] = [:]
    /// How many each extension keeps; those that keep none are missing.
    private var countOfExtension: [String: Int] = [:]
    /// What the certificates of peers say that they are; most connections have none.
    private var names: [Flow: [String]] = [:]
    private var moves: [Flow: Flow] = [:]
    private var moveOrder = Queue<Flow>()

    var count: Int { open.count }
    var moveCount: Int { moveOrder.count }
    /// The most that one extension keeps.
    var mostOfExtension: Int { countOfExtension.values.max() ?? 0 }

    mutating func heard(on flow: Flow) {
        if open[flow] == nil { open[flow] = Known() }
    }

    /// Whoever speaks by it has proved who it is.
    ///
    /// - Parameter prover: the extension; nil of a trunk.
    /// - Returns: whether that is news, and keeps the connection.
    mutating func proved(_ flow: Flow, by prover: String?) -> Bool {
        guard let place = open.index(forKey: flow), !open.values[place].isProved else {
            return false
        }
        if let prover {
            guard countOfExtension[prover, default: 0] < Self.limitOfExtension else {
                return false
            }
            countOfExtension[prover, default: 0] += 1
        }
        open.values[place].isProved = true
        open.values[place].prover = prover
        return true
    }

    func isOpen(_ flow: Flow) -> Bool { open[flow] != nil }

    func isProved(_ flow: Flow) -> Bool { open[flow]?.isProved == true }

    /// A request of ours goes out on it and waits for its answer.
    mutating func used(_ flow: Flow) { open[flow, default: Known()].isUsed = true }

    /// - Returns: whether requests of ours may wait on it.
    mutating func closed(_ flow: Flow) -> Bool {
        names[flow] = nil
        guard let known = open.removeValue(forKey: flow) else { return false }
        if let prover = known.prover, let count = countOfExtension[prover] {
            countOfExtension[prover] = count > 1 ? count - 1 : nil
        }
        return known.isUsed
    }

    mutating func certified(_ flow: Flow, _ names: [String]) { self.names[flow] = names }

    /// Whether the peer has shown a certificate for this host name.
    func isCertified(_ flow: Flow, for name: String) -> Bool {
        names[flow]?.contains(name.lowercased()) == true
    }

    /// The phone that was reached by one flow is reached by another now.
    mutating func moved(from old: Flow, to new: Flow) {
        moves[new] = nil
        if moves.updateValue(new, forKey: old) == nil { moveOrder.append(old) }
        if moveOrder.count > Self.moveLimit, let oldest = moveOrder.popFirst() {
            moves[oldest] = nil
        }
    }

    /// Where the peer of a flow has gone, through all its moves; nil when it has not or is gone there
    /// too.
    func successor(of flow: Flow) -> Flow? {
        var flow = flow
        // A phone on a bad wire may have moved often; one that went in a circle has not moved.
        for _ in 0..<100 {
            guard let next = moves[flow] else { return nil }
            if isOpen(next) { return next }
            flow = next
        }
        return nil
    }
}
