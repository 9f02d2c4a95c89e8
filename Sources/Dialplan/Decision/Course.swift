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
    /// How often it was sent on inside this decision and before.
    var diversions: Int
    var normalised: String
    var numberClass: String?
    var limit: Int64?
    var fallbacks = Fallbacks()

    init(_ query: Query) {
        self.query = query
        normalised = query.dialled
        forwardedBy = query.forwardedBy
        diversions = query.diversions
        steps.reserveCapacity(10)
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
