import Charging
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
    /// Where phones that were rung send it, and it has not gone yet; what is tried next first.
    var redirects: [Redirect] = []
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

/// One Contact of a phone's 3xx: the extension the phone is of, and the number it names.
struct Redirect: Sendable {
    var by: String
    var to: String
    /// As `sips`, or of a call that was sent to `sips`: it goes there by TLS on every leg, or not at all
    /// (RFC 5630).
    var isSips: Bool
    /// Its `q` in thousandths.
    var quality: Int
    /// What had been asked of the dialplan when the phone rang, and what the call was until then: each
    /// Contact goes on from there, whatever became of the one before it.
    var query: Query
    var diversions: [Diversion]
    var direction: CallRecord.Direction
    var limitMilliseconds: Int64?
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
