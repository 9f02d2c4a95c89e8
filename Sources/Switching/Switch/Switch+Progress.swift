import Dialplan
import SIP

// How long an attempt may take to get any further, and how a call leaves the route that it is tried on.
//
//     nothing at all     attempt-timeout, then the next route
//     100 and no more    progress-timeout, then the next route, where there is one that could take the call
//     it rings           calls.no-answer, and the callee has not answered
//
// The first two are faults of the trunk, which its breaker counts; the last one is none.

extension Switch {
    /// A gateway has the call in its hands (100) and says no more: that is not how a callee is, and the
    /// network behind the gateway may be dead. A phone gets no such time, since its user may be slow.
    mutating func awaitProgress(_ handle: Handle, callee: Int) {
        guard let name = calls[handle].holding.trunk, case .trying = calls[handle].phase,
            let limit = trunks[name]?.settings.progressTimeout, limit > .zero,
            calls[handle].callees[callee].state == .trying, isWithoutProgress(handle)
        else { return }
        deadlines.set(
            DeadlineKey(kind: .attempt, slot: handle.slot),
            at: calls[handle].attemptStartedAt + limit)
    }

    /// Whether there is something that may take a call that its gateway does not get any further with.
    /// Where there is not, it may wait as for a callee that does not answer.
    ///
    /// - Parameter evenDown: what is known to be down counts, too.
    func hasOtherWay(_ handle: Handle, evenDown: Bool = false) -> Bool {
        mayTryOnceMore(handle)
            && (!calls[handle].targetsLeft.isEmpty
                || calls[handle].routes[calls[handle].nextRoute...].contains { choice in
                    (evenDown || !isDown(choice))
                        && isFree(choice, isEmergency: calls[handle].isEmergency)
                })
    }

    /// Whether a way has a line and a channel left.
    private func isFree(_ choice: RouteChoice, isEmergency: Bool) -> Bool {
        func isFree(line: String) -> Bool {
            guard linesInUse[line] == nil, let gateway = lineGateways.gateway(of: line) else {
                return false
            }
            return trunks[gateway.trunk]?.channels.hasFree(isEmergency: isEmergency) ?? false
        }
        switch choice.via {
        case .trunk(let name):
            return trunks[name]?.channels.hasFree(isEmergency: isEmergency) ?? false
        case .line(let line): return isFree(line: line)
        case .lines(let group):
            return plan.firstLine(ofGroup: group) { isFree(line: $0) && !isDown(line: $0) } != nil
        }
    }

    /// Whether the gateway that a call is tried on has said nothing of the callee yet.
    private func isWithoutProgress(_ handle: Handle) -> Bool {
        // A 180 without a tag makes no dialog, and rings all the same.
        calls[handle].holding.trunk != nil && calls[handle].attemptRingingAt == nil
            && !calls[handle].callees.contains { $0.state == .trying && !$0.dialogs.isEmpty }
    }

    /// Nothing at all came back from a route in its time, or nothing but 100.
    mutating func attemptDeadlineReached(_ handle: Handle) {
        let isSilent = calls[handle].callees.contains { leg in
            guard leg.state == .trying, let client = leg.client, clients.contains(client),
                case .invite(let machine) = clients[client].machine
            else { return false }
            return machine.isUnanswered
        }
        if isSilent {
            leaveRoute(handle, "no answer")
        } else if hasOtherWay(handle) {
            leaveRoute(handle, Self.noProgress)
        }
    }

    /// What a record says of a gateway that answered 100 and no more.
    static let noProgress = "nothing but 100 Trying"

    /// Takes the call back from the route that it is tried on.
    ///
    /// - Parameter isBlamed: the route has failed this call, and its breaker counts that.
    mutating func leaveRoute(_ handle: Handle, _ why: String, isBlamed: Bool = true) {
        guard case .trying = calls[handle].phase else { return }
        for index in calls[handle].callees.indices
        where calls[handle].callees[index].state == .trying {
            abandon(handle, callee: index)
            attemptFailed(
                handle, callee: index, status: 408, reason: nil, text: why, isSilence: true,
                isBlamed: isBlamed)
            // The last one may have ended the call.
            guard calls.contains(handle), case .trying = calls[handle].phase else { return }
        }
    }

    /// Sends no more of an INVITE that the call no longer waits for; what still comes for it is
    /// cancelled or hung up.
    ///
    /// - Parameter reason: the value of its Reason header.
    mutating func abandon(_ handle: Handle, callee: Int, reason: [UInt8]? = nil) {
        guard let client = calls[handle].callees[callee].client, clients.contains(client) else {
            return
        }
        clients[client].isAbandoned = true
        leave(client: client)
        cancel(client: client, reason: reason)
    }

    mutating func noAnswerDeadlineReached(_ handle: Handle) {
        guard case .trying = calls[handle].phase else { return }
        // A gateway that said 100 and no more all the time is no callee that is slow.
        let isWithoutProgress = isWithoutProgress(handle)
        if isWithoutProgress, hasOtherWay(handle) {
            leaveRoute(handle, Self.noProgress)
            return
        }
        for index in calls[handle].callees.indices
        where calls[handle].callees[index].state == .trying {
            calls[handle].callees[index].state = .ended
            abandon(handle, callee: index)
        }
        closeRung(handle, status: 480, q850: Causes.noAnswer, text: "no answer")
        if isWithoutProgress { routeFailed(handle, Self.noProgress) }
        closeAttempt(
            handle, outcome: .failed, status: 480, q850: Causes.noAnswer, text: "no answer")
        deadlines.remove(DeadlineKey(kind: .attempt, slot: handle.slot))
        calls[handle].phase = .routing
        // What is tried next may be a route of its own.
        giveBackRoute(of: handle)
        let failure = Call.Failure(status: 480, q850: Causes.noAnswer, text: "no answer")
        guard !goesOn(handle, after: failure) else { return }
        fail(handle, 480, q850: Causes.noAnswer, "no answer", disposition: .noAnswer)
    }
}
