import Dialplan

/// A ring group at work: who is rung next.
///
///     next -> ring some members, for so long -> (nobody took it) -> next -> ... -> overflow
///
/// Stage after stage: all members of a stage at once, or one after another in the order of its
/// strategy. Who is busy or not registered is passed over by whoever asks.
struct Hunt: Sendable {
    enum Step: Equatable, Sendable {
        case ring([String], milliseconds: Int64)
        /// Nobody is left.
        case overflow
    }

    let group: RingGroup
    /// Of the stage that is being rung; -1 before the first.
    private(set) var stage = -1
    /// Who is still to be rung in this stage, one after another.
    private var waiting: ArraySlice<String> = []

    init(_ group: RingGroup) { self.group = group }

    /// Nobody of those that were rung has taken the call, or none was rung yet.
    ///
    /// - Parameter order: the order of a stage whose members are rung one after another.
    mutating func next(order: (_ stage: Int) -> [String]) -> Step {
        if let member = waiting.popFirst() {
            return .ring([member], milliseconds: group.stages[stage].milliseconds)
        }
        guard stage + 1 < group.stages.count else { return .overflow }
        stage += 1
        let current = group.stages[stage]
        switch current.strategy {
        case .together:
            return .ring(current.members, milliseconds: current.milliseconds)
        case .inOrder, .roundRobin, .longestIdle:
            waiting = order(stage)[...]
            return next(order: order)
        }
    }

    /// The members of a stage in the order in which they are rung.
    ///
    /// - Parameters:
    ///   - lastFirst: who was rung first at the call before, for round robin.
    ///   - idleSince: when a member's last call ended; nil when it had none.
    static func order(
        _ stage: RingGroup.Stage, lastFirst: String?, idleSince: (String) -> Int64?
    ) -> [String] {
        switch stage.strategy {
        case .together, .inOrder: return stage.members
        case .roundRobin:
            guard let lastFirst, let place = stage.members.firstIndex(of: lastFirst) else {
                return stage.members
            }
            return Array(stage.members[(place + 1)...] + stage.members[...place])
        case .longestIdle:
            return stage.members.enumerated().map { ($0, $1, idleSince($1) ?? .min) }
                .sorted { ($0.2, $0.0) < ($1.2, $1.0) }
                .map(\.1)
        }
    }
}
