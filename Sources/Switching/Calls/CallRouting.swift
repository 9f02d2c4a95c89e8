import Dialplan

/// Where a call is on its way from what was dialled to who answers: what was asked of the dialplan and
/// what it said. Gone once somebody has answered.
struct CallRouting: Sendable {
    /// The last question, to be asked again when the call goes on elsewhere; without the settings of
    /// subscribers, which are those of the moment.
    var query: Query
    /// What follows when the extension that rings does not take the call.
    var fallbacks = Fallbacks()
    /// The ring group that is being rung.
    var hunt: Hunt?
    /// The last stage of it whose first member was rung.
    var hunted: Switch.GroupStage?
    /// Extensions that ring, each counted as in a call.
    var rung: [Rung] = []
    /// How many attempts there were before the ways out that are tried now.
    var earlierAttempts = 0
    /// Phones that were rung for it, all attempts together.
    var rings = 0
    /// Of phones that keep several flows, by the place of the leg: the one that rings and the others.
    var flows: [Int: (first: Binding, others: [Binding])] = [:]
    /// By whom it was sent on, the first one first.
    var diversions: [Diversion] = []
    /// Where a phone that was rung sends it.
    var redirect: Redirect?
    /// How often it went on, by users and by the plan.
    var turns = 0

    struct Rung: Sendable {
        var number: String
        /// Its place in the record's attempts.
        var attempt: Int
    }

    init(query: Query) {
        self.query = query
        self.query.settings = { _ in nil }
    }
}

/// A phone's 3xx: the extension it is of, and the number it names.
struct Redirect: Sendable, Hashable {
    var by: String
    var to: String
    /// As `sips`: the call goes there by TLS on every leg, or not at all (RFC 5630).
    var isSips = false
}

/// Who sent a call on and why: an entry of the Diversion header (RFC 5806).
struct Diversion: Sendable, Hashable {
    enum Reason: String, Sendable {
        case unconditional
        case userBusy = "user-busy"
        case noAnswer = "no-answer"
        case unavailable
        case doNotDisturb = "do-not-disturb"
        case unknown
    }

    /// The extension or the group that was called.
    var from: String
    var reason: Reason
}
