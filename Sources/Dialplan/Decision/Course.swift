/// A decision on its way: what has been found out so far.
struct Course {
    let query: Query
    var steps: [Step] = []
    /// Whose rights and account count; nil for somebody outside whom nobody has forwarded.
    var rights: Rights?
    /// Whether the call was sent on by a user or by the plan, so that its caller cannot be asked.
    var isSentOn = false
    /// Who has forwarded it, those of the query and those met since.
    var forwardedBy: [String]
    /// The extensions and groups that it has gone on from.
    var passed: Set<String>
    /// How often it was sent on inside this decision and before.
    var diversions: Int
    var normalised: String
    var numberClass: String?
    /// What a code stands for that was dialled.
    var called: String?
    var limit: Int64?
    var fallbacks = Fallbacks()

    init(_ query: Query) {
        self.query = query
        normalised = query.dialled
        forwardedBy = query.forwardedBy
        passed = Set(query.passed)
        diversions = query.diversions
        steps.reserveCapacity(10)
    }

    /// A limit of its length; of several the shortest counts, also of those who sent it on.
    mutating func shorten(to milliseconds: Int64?) {
        limit = [limit, milliseconds].compactMap { $0 }.min()
    }

    /// Whether the call has been there already, so that going on there would go in a circle.
    func hasPassed(_ target: Target) -> Bool {
        switch target {
        case .extension(let number): passed.contains(number)
        case .group(let name): passed.contains(name)
        case .number, .trunk, .busy: false
        }
    }

    struct Rights {
        var `extension`: String
        var packed: PackedNumber?
        var level: String
        /// Of a locked phone what the level `locked` of the plan may not is refused too.
        var isLocked = false

        init(_ number: String, level: String) {
            self.extension = number
            packed = PackedNumber(number)
            self.level = level
        }
    }
}

/// What the rules say of a call.
struct Verdict {
    var refusal: Refusal?
    var limit: Int64?
    /// The rule that lets it pass whatever the level says.
    var allows = false
    /// The rule that asks for a PIN.
    var asksPIN: String?
}
