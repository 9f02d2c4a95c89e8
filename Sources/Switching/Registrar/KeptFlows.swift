import SIP

/// Flows over UDP of phones behind NAT, each kept open while its phone says nothing by itself: by
/// OPTIONS, since the phone's answer refreshes every NAT and what comes from outside only some (RFC 4787
/// §4.3, RFC 6223 §3).
///
///                  nothing was heard for the time that is set
///     quiet ----------------------------------------------------> asked
///       ^                                                          |  ^
///       |  anything comes by the flow                              |  | again after half a second, for
///       +----------------------------------------------------------+--+ what was lost; then each time
///
/// One entry a flow, however many bindings it has. Slots name entries for the deadlines; whatever
/// changes costs O(1).
struct KeptFlows: Sendable {
    /// How soon what may have been lost is asked once more (T1 of RFC 3261).
    static let patience = Instant.Span.milliseconds(500)
    /// Rounds without a word after which a phone is asked once each time: it has lost its power, or its
    /// NAT has forgotten it.
    static let silentRounds = 3

    private struct Kept: Sendable {
        let flow: Flow
        var contact: [UInt8]
        var bindings = 1
        /// When anything has come by it; nil for one from before the start of the process.
        var heardAt: Instant?
        /// How often it was asked since it was heard, in this round.
        var asks = 0
        /// Rounds in a row that met silence.
        var silences = 0
    }

    private var entries: [Kept?] = []
    private var free: [UInt32] = []
    private var slots: [Flow: UInt32] = [:]
    private var newcomers: [UInt32] = []

    var count: Int { slots.count }
    /// Slots that are in use or were.
    var slotCount: Int { entries.count }
    /// Of all flows, lowest first.
    var allSlots: [UInt32] { entries.indices.filter { entries[$0] != nil }.map { UInt32($0) } }

    // MARK: Bindings

    mutating func add(_ binding: Binding) {
        if let slot = slots[binding.flow] {
            entries[Int(slot)]?.bindings += 1
            entries[Int(slot)]?.contact = binding.requestURI
            return
        }
        let entry = Kept(flow: binding.flow, contact: binding.requestURI)
        let slot: UInt32
        if let known = free.popLast() {
            slot = known
            entries[Int(slot)] = entry
        } else {
            slot = UInt32(entries.count)
            entries.append(entry)
        }
        slots[binding.flow] = slot
        newcomers.append(slot)
    }

    mutating func remove(_ binding: Binding) {
        guard let slot = slots[binding.flow] else { return }
        entries[Int(slot)]?.bindings -= 1
        guard entries[Int(slot)]?.bindings == 0 else { return }
        entries[Int(slot)] = nil
        slots[binding.flow] = nil
        free.append(slot)
    }

    /// Those that came since the last time; the switch gives each its deadline.
    mutating func takeNewcomers() -> [UInt32] {
        guard !newcomers.isEmpty else { return [] }
        defer { newcomers.removeAll(keepingCapacity: true) }
        return newcomers.filter { entries[Int($0)] != nil }
    }

    // MARK: Hearing and asking

    /// Anything has come by a flow.
    mutating func heard(on flow: Flow, now: Instant) {
        guard !slots.isEmpty, let slot = slots[flow] else { return }
        entries[Int(slot)]?.heardAt = now
        entries[Int(slot)]?.asks = 0
        entries[Int(slot)]?.silences = 0
    }

    /// When anything has come by a flow; `start` for one of which nothing is known since.
    ///
    /// - Returns: nil for a flow that is not kept.
    func heardAt(_ flow: Flow, start: Instant) -> Instant? {
        guard let slot = slots[flow] else { return nil }
        return entries[Int(slot)]?.heardAt ?? start
    }

    /// A flow that was registered anew is quiet from now on.
    mutating func begin(_ slot: UInt32, now: Instant) { entries[Int(slot)]?.heardAt = now }

    enum Action: Equatable {
        /// Its bindings are gone.
        case none
        /// It has spoken meanwhile.
        case wait(until: Instant)
        /// OPTIONS goes to this contact; the next deadline is then.
        case ask(flow: Flow, contact: [UInt8], next: Instant)
    }

    /// - Parameter silence: how long this one may be quiet, this time.
    mutating func deadlineReached(_ slot: UInt32, now: Instant, silence: Instant.Span) -> Action {
        guard let entry = entries[Int(slot)] else { return .none }
        var next = now + silence
        switch entry.asks {
        case 0:
            if let heardAt = entry.heardAt, now < heardAt + silence {
                return .wait(until: heardAt + silence)
            }
            entries[Int(slot)]?.asks = 1
            if entry.silences < Self.silentRounds { next = now + Self.patience }
        case 1 where entry.silences < Self.silentRounds:
            entries[Int(slot)]?.asks = 2
        default:
            entries[Int(slot)]?.asks = 1
            entries[Int(slot)]?.silences += 1
            if entry.silences + 1 < Self.silentRounds { next = now + Self.patience }
        }
        return .ask(flow: entry.flow, contact: entry.contact, next: next)
    }
}

extension Binding {
    /// Whether its phone is behind NAT, as far as can be seen: it came by UDP, directly, and from
    /// another place than the one that it names.
    var isBehindNAT: Bool {
        guard flow.transport == .udp, path.isEmpty, let uri = URI(parsing: contact[...]) else {
            return false
        }
        return IPAddress(parsing: uri.target) != flow.remote.ip
            || (uri.port ?? flow.transport.defaultPort) != flow.remote.port
    }
}
