/// Phones that ring for one call, stage after stage, and what follows when nobody answers.
public struct RingGroup: Hashable, Sendable {
    public var name: String
    /// In their order; every one has members.
    public var stages: [Stage]
    /// Where the call goes when the last stage has rung in vain, or nobody can be rung; nil refuses
    /// it as not answered.
    public var overflow: Target?

    public init(name: String, stages: [Stage], overflow: Target? = nil) {
        self.name = name
        self.stages = stages
        self.overflow = overflow
    }

    public struct Stage: Hashable, Sendable {
        /// Extensions in the order of the plan, without those that do not want to be rung.
        public var members: [String]
        public var strategy: Strategy
        /// How long it rings, in milliseconds: all of them when together, else each of them.
        public var milliseconds: Int64

        public init(members: [String], strategy: Strategy, milliseconds: Int64) {
            self.members = members
            self.strategy = strategy
            self.milliseconds = milliseconds
        }
    }

    /// Which member rings next. A busy or unregistered one is passed over.
    public enum Strategy: String, Hashable, Sendable, CaseIterable {
        case together
        /// From the first, at every call.
        case inOrder = "in-order"
        /// From the one behind who was rung first at the call before.
        case roundRobin = "round-robin"
        /// The one whose last call ended longest ago first.
        case longestIdle = "longest-idle"
    }
}
