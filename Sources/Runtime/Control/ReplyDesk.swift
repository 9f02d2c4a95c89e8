import Switching
import Synchronization

/// Who waits for which reply of the switch.
final class ReplyDesk: Sendable {
    typealias Answer = @Sendable (ControlReply) -> Void

    private struct State {
        var waiting: [ControlToken: Answer] = [:]
        var last: UInt64 = 0
        var isClosed = false
    }

    private let state = Mutex(State())

    /// A token to ask the switch with; nil when the daemon is stopping.
    func token(answer: @escaping Answer) -> ControlToken? {
        state.withLock { state in
            guard !state.isClosed else { return nil }
            state.last += 1
            let token = ControlToken(rawValue: state.last)
            state.waiting[token] = answer
            return token
        }
    }

    func answer(_ token: ControlToken, with reply: ControlReply) {
        let answer = state.withLock { $0.waiting.removeValue(forKey: token) }
        precondition(answer != nil, "the switch answered a request twice, or one nobody made")
        answer?(reply)
    }

    /// Everybody who still waits is told that nothing is known of their request.
    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            let waiting = state.waiting
            state.waiting.removeAll()
            return waiting
        }
        for token in waiting.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
            waiting[token]?(.refused("the daemon stopped before this was settled; ask again"))
        }
    }
}
