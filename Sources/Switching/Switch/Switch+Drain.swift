import Dialplan
import SIP

// New calls that are not taken: while the switch is being emptied, and while the disk is so far behind
// that what is decided could not be kept in memory for it.

extension Switch {
    /// Why a new call is not taken; nil when it is. Nothing stops a call to an emergency number.
    func notTaken(_ decision: Decision) -> String? {
        if case .emergency = decision.outcome { return nil }
        if isDraining { return "the switch takes no new calls: it is being drained" }
        if waitingCommits > 2 * settings.limits.waitingCommits {
            return "the store is too far behind: \(waitingCommits) commits wait for the disk"
        }
        return nil
    }

    mutating func drain(_ isDraining: Bool, for token: ControlToken) {
        let isChanged = self.isDraining != isDraining
        self.isDraining = isDraining
        let text: String
        if isDraining {
            text = "no new calls are taken; \(calls.count) are under way"
        } else {
            text = "new calls are taken again"
        }
        if isChanged { log(.notice, text) }
        actions.replies.append((token, .done(text)))
    }

    /// What the status says first.
    var stateText: String {
        if let outOfService { return "refusing paid calls: \(outOfService)" }
        if overload.isActive {
            return "overloaded: \(overload.share) of 100 newcomers are turned away"
        }
        return isDraining ? "draining: no new calls, \(calls.count) under way" : "running"
    }
}
