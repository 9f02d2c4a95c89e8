/// A group of extensions: who is in it, whom it may call and what it may use, and how it rings.
struct GroupTable: Sendable {
    var name: String
    var place: Place
    var members: [NumberRange]
    /// In their order; the first has the members.
    var stages: [StageTable] = []
    var overflow: TargetTable?
    /// The groups that its members may call; nil lets them call everybody inside.
    var calls: [Int]?
    /// At which other extensions its members may pick up what rings.
    var picksUp: [NumberRange] = []
    /// The ways out that its members may use, `line` among them; nil for all.
    var uses: Set<String>?
    /// The numbers that its members may ask to present, in their normalised form.
    var presents: [NumberRange]?

    func contains(_ number: PackedNumber) -> Bool { members.contains { $0.contains(number) } }

    /// Whether it is that group, or has all who ring in it first.
    func holds(_ other: GroupTable?) -> Bool {
        guard let other else { return false }
        return name == other.name
            || other.members.allSatisfy { range in members.contains { $0.covers(range) } }
    }
}

/// `phones 8001 presents 4001234567`: numbers that the phones of some extensions may ask to present, in
/// their normalised form.
struct PhonesTable: Sendable {
    var presents: [NumberRange]
    var place: Place
}

struct StageTable: Sendable {
    var members: [NumberRange]
    var strategy: RingGroup.Strategy
    var milliseconds: Int64
}

/// Where the plan sends a call, and where that is written.
struct TargetTable: Sendable {
    var target: Target
    var place: Place
}

/// One of several targets: the first whose hours hold is taken.
struct TimedTarget: Sendable {
    var target: TargetTable
    var time: TimeCondition?
}

/// `during office`, `outside office`
struct TimeCondition: Sendable {
    /// Which hours of the plan.
    var hours: Int
    var isDuring: Bool
}

/// `inbound ip-e1 4001234567 rings ...`: the inbound routes of one trunk.
struct InboundTable: Sendable {
    struct Inbound: Sendable {
        /// Nil for whatever no other takes.
        var pattern: String?
        var targets: [TimedTarget]
        var place: Place
    }

    var patterns: [Pattern]
    var entries: [Inbound]
    var rest: Inbound?
    /// Finds the entry of a number.
    var table = PatternTable([])
}

/// Lines that ring something else than one extension each.
struct LineTargets: Sendable {
    var lines: NumberRange
    var targets: [TimedTarget]
    var place: Place
}

/// `forward 8000-8099 when busy to group reception`
struct ForwardTable: Sendable {
    var occasion: Step.Occasion
    /// How long it rings before, where that is said.
    var milliseconds: Int64?
    var target: TargetTable
}
