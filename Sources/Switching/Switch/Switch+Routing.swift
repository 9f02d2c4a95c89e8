import Charging
import Dialplan
import SIP

// What follows a decision of the dialplan: the first one, and each one more when a call goes on.

extension Switch {
    /// The question that a live call asks of the dialplan, and `explain` for it.
    ///
    /// - Parameter at: wall time in microseconds since 1970 UTC; nil for now.
    func query(
        caller: Caller, dialled: String, at: Int64? = nil, down: Set<String> = [],
        callerNumber: String? = nil, wish: String? = nil
    ) -> Query {
        let at = at ?? wallTime
        var query = Query(
            caller: caller, dialled: dialled, time: wallClock.civilTime(at),
            down: downTrunks().union(down), settings: settingsForPlan)
        query.timesElsewhere = wallClock.otherTimes(at)
        query.callerNumber = callerNumber
        query.wish = wish
        return query
    }

    /// Asks the dialplan about a new call, with the PIN that may have been dialled along.
    mutating func firstDecision(
        _ handle: Handle, caller: Caller, dialled: String
    ) -> Decision {
        let record = calls[handle].record
        let isNumber = record.caller.utf8.allSatisfy { 48...57 ~= $0 || $0 == 43 }
        var query = query(
            caller: caller, dialled: dialled,
            callerNumber: caller.number == nil && isNumber ? record.caller : nil,
            wish: calls[handle].invite?.address(.pPreferredIdentity)?.uriView?.telephoneNumber)
        let secrets = plan.secrets(in: dialled, by: caller)
        var decision = plan.decide(query)
        if case .askPIN(let request) = decision.outcome, let digits = request.digits {
            query.pin = verify(digits, for: request, call: handle)
            decision = plan.decide(query)
        }
        // Whose settings it holds, they cannot be changed without a copy of all.
        // What stands behind a code is called: it goes on as that, and no PIN goes with it.
        if let called = decision.called { query.dialled = called }
        calls[handle].routing = CallRouting(query: query)
        query.settings = { _ in nil }
        if secrets.isEmpty {
            if !isForTransfer(handle) { remember(dialled, of: caller, decision) }
        } else {
            calls[handle].secrets = secrets
            calls[handle].record.dialled = PINMask.masked(dialled: dialled, secrets)
            decision.mask(secrets)
        }
        // A call that is made for a transfer begins with that.
        calls[handle].record.explanation += decision.explanation.map {
            PINMask.masked($0.stored, secrets)
        }
        note(decision, of: handle)
        return decision
    }

    /// What was dialled is kept for redial when it makes a call.
    private mutating func remember(_ dialled: String, of caller: Caller, _ decision: Decision) {
        guard let number = caller.number, dialled.utf8.count <= UserSettings.numberLimit else {
            return
        }
        switch decision.outcome {
        case .ring, .ringGroup, .routes: break
        case .emergency, .feature, .askPIN, .refuse: return
        }
        let isRecalled = decision.explanation.contains { step in
            if case .recalled = step { true } else { false }
        }
        guard !isRecalled else { return }
        commit(changeSettings(of: number) { $0.lastDialled = dialled })
    }

    /// Writes into the record what was decided.
    private mutating func note(_ decision: Decision, of handle: Handle) {
        calls[handle].record.normalised = decision.normalised
        calls[handle].record.numberClass = decision.numberClass
        calls[handle].record.dialplanVersion = decision.planVersion
        let limits = [calls[handle].limitMilliseconds, decision.limitMilliseconds]
        calls[handle].limitMilliseconds = limits.compactMap { $0 }.min()
        for step in decision.explanation {
            let diversion: Diversion
            switch step {
            case .forwardsAlways(let number, _):
                diversion = Diversion(from: number, reason: .unconditional)
            // Its user wants no call, and has those to a busy phone sent on.
            case .doNotDisturb(let number) where number == decision.rights:
                diversion = Diversion(from: number, reason: .doNotDisturb)
            default: continue
            }
            calls[handle].routing?.diversions.append(diversion)
            markForwarded(handle)
        }
    }

    /// A user has the call sent on. A call that comes from another one is told of as that.
    private mutating func markForwarded(_ handle: Handle) {
        if calls[handle].record.link == nil { calls[handle].record.link = .forwarded }
    }

    /// Does what the dialplan said.
    mutating func follow(_ decision: Decision, _ handle: Handle) {
        let payer = decision.rights
        calls[handle].payingExtension = payer == calls[handle].callerExtension ? nil : payer
        calls[handle].routing?.fallbacks = Fallbacks()
        calls[handle].routing?.hunt = nil
        let earlier = calls[handle].record.attempts.count
        calls[handle].routing?.earlierAttempts = earlier
        takeInboundLine(handle)
        switch decision.outcome {
        case .refuse(let refusal):
            let failure = Call.Failure(
                status: refusal.sipStatus, q850: refusal.q850, text: refusal.reason)
            guard !goesToNextContact(handle, after: failure) else { return }
            fail(handle, refusal.sipStatus, q850: refusal.q850, refusal.reason)
        case .ring(let number):
            rings(handle)
            calls[handle].routing?.fallbacks = decision.fallbacks
            ring(handle, extension: number)
        case .ringGroup(let group):
            rings(handle)
            calls[handle].routing?.hunt = Hunt(group)
            huntOn(handle)
        case .feature(let call):
            calls[handle].record.direction = .feature
            perform(call, handle)
        case .askPIN(let request):
            // Digits are collected in the call only where there is media to hear them by.
            fail(
                handle, 484, q850: Causes.q850(ofStatus: 484),
                "\(request.reason) asks for the PIN of \(request.extension): dial it together "
                    + "with the number")
        case .routes(let choices):
            if calls[handle].callerExtension != nil { calls[handle].record.direction = .outbound }
            calls[handle].isUncharged = payer == nil
            let (routes, steps) = inOrder(
                choices, to: decision.normalised, at: wallTime, isDrawn: true)
            calls[handle].routes = routes
            calls[handle].record.explanation += steps.map(\.stored)
            calls[handle].nextRoute = 0
            tryNextRoute(handle)
        case .emergency(let choices):
            calls[handle].record.direction = .emergency
            calls[handle].isEmergency = true
            // What is known to be down comes last, but it is tried: nothing may stop this call. Before it
            // comes what waits for a call that tries whether it is well again.
            var (well, doubtful, down) = ([RouteChoice](), [RouteChoice](), [RouteChoice]())
            for choice in choices {
                if isDown(choice) {
                    down.append(choice)
                } else if isDoubtful(choice) {
                    doubtful.append(choice)
                } else {
                    well.append(choice)
                }
            }
            calls[handle].routes = well + doubtful + down
            log(
                .notice, call: calls[handle].id,
                "emergency call to \(calls[handle].record.dialled)")
            tryNextRoute(handle)
        }
    }

    private mutating func rings(_ handle: Handle) {
        guard calls[handle].routing?.turns == 0 else { return }
        calls[handle].record.direction =
            calls[handle].callerExtension == nil && !isForTransfer(handle) ? .inbound : .internal
    }

    // MARK: Going on

    /// Whether the call goes on elsewhere after nobody has taken it: the ring group's next members, or
    /// where the extension's user or the plan sends it.
    ///
    /// - Parameter number: the extension that did not take it, where none was rung.
    mutating func goesOn(
        _ handle: Handle, after failure: Call.Failure, at number: String? = nil
    ) -> Bool {
        guard let routing = calls[handle].routing else { return false }
        let rung = number ?? routing.rung.first?.number
        releaseRung(handle)
        if routing.hunt != nil {
            huntOn(handle)
            return true
        }
        if followsRedirect(handle, of: rung, after: failure) { return true }
        guard let (fallback, reason) = Self.fallback(routing.fallbacks, after: failure) else {
            return goesToNextContact(handle, after: failure)
        }
        divert(
            handle, to: fallback.target, by: fallback.forwardedBy,
            from: fallback.forwardedBy ?? rung ?? calls[handle].record.dialled, reason)
        return true
    }

    /// What an extension's failure to take a call counts as.
    private static func fallback(
        _ fallbacks: Fallbacks, after failure: Call.Failure
    ) -> (Fallback, Diversion.Reason)? {
        switch failure.status {
        case 486, 600, 603: fallbacks.busy.map { ($0, .userBusy) }
        case 480 where failure.q850 == Causes.subscriberAbsent, 404, 408, 410, 500..<600:
            fallbacks.unregistered.map { ($0, .unavailable) }
        case 480: fallbacks.noAnswer.map { ($0, .noAnswer) }
        default: nil
        }
    }

    /// Asks the dialplan again and follows it: the call goes on to a target that it named.
    ///
    /// - Parameters:
    ///   - user: whose forwarding it is; nil where the plan sends it on.
    ///   - from: the extension or group that did not take it.
    ///   - isRedirected: whether a phone of the user has sent it on by itself.
    mutating func divert(
        _ handle: Handle, to target: Target, by user: String?, from: String,
        _ reason: Diversion.Reason, isRedirected: Bool = false
    ) {
        guard let routing = calls[handle].routing else { return }
        guard routing.turns < settings.limits.diversions else {
            let refusal = Refusal(
                code: .forwarding,
                reason: "it was sent on more than \(settings.limits.diversions) times")
            fail(handle, refusal.sipStatus, q850: refusal.q850, refusal.reason)
            return
        }
        var query = routing.query.diverted(to: target, by: user, from: from)
        query.isRedirected = isRedirected
        query.settings = settingsForPlan
        query.time = wallClock.civilTime(wallTime)
        query.timesElsewhere = wallClock.otherTimes(wallTime)
        query.down = downTrunks()
        let decision = plan.decide(query)
        var next = CallRouting(query: query)
        next.rings = routing.rings
        next.redirects = routing.redirects
        next.turns = routing.turns + 1
        next.diversions = routing.diversions + [Diversion(from: from, reason: reason)]
        calls[handle].routing = next
        if user != nil { markForwarded(handle) }
        calls[handle].lastFailure = nil
        calls[handle].phase = .routing
        let last = calls[handle].record.attempts.count - 1
        if last >= 0 {
            calls[handle].record.attempts[last].reason += ", goes on to \(target)"
        }
        calls[handle].record.explanation += decision.explanation.map(\.stored)
        log(.info, call: calls[handle].id, "\(from) (\(reason.rawValue)): goes on to \(target)")
        note(decision, of: handle)
        follow(decision, handle)
    }

    // MARK: Who rings

    /// Rings every phone of an extension for a call.
    ///
    /// - Returns: why it cannot be rung.
    mutating func ringPhones(
        _ handle: Handle, of number: String, breadth share: UInt32? = nil
    ) -> Call.Failure? {
        var attempt = CallRecord.Attempt(route: number, kind: .extension, startedAt: wallTime)
        // No more of them than may be rung at once (RFC 5393 §5.3.3).
        let free = freeBreadth(of: handle)
        let isToBeSecure = isToBeSecure(handle)
        let reachable = registrar.reachable(of: number, at: wallTime)
        let known = Self.flowsOfPhones(
            isToBeSecure ? reachable.filter { $0.isSecure } : reachable)
        let phones = known.prefix(Int(free))
        let rings = calls[handle].routing?.rings ?? 0
        var problem: (failure: Call.Failure, short: String)?
        if let subscriber = extensions[number] {
            if let reason = busyReason(of: subscriber) {
                problem = (
                    Call.Failure(status: 486, q850: Causes.userBusy, text: reason),
                    reason == "\(number) is busy" ? "busy" : reason
                )
            } else if !known.isEmpty, phones.isEmpty {
                let text = "no more phones may be rung at once"
                problem = (
                    Call.Failure(status: 440, q850: Causes.noUserResponding, text: text), text
                )
            } else if phones.isEmpty, !reachable.isEmpty {
                let text = "no phone of \(number) is reached by TLS, as sips asks for"
                problem = (
                    Call.Failure(
                        status: 480, q850: Causes.subscriberAbsent, text: text, warning: text),
                    "not reached by TLS"
                )
            } else if phones.isEmpty {
                problem = (
                    Call.Failure(
                        status: 480, q850: Causes.subscriberAbsent,
                        text: "\(number) is not registered"), "not registered"
                )
            } else if rings + phones.count > settings.limits.rings {
                let text = "\(rings) phones were rung for this call, which is enough"
                problem = (
                    Call.Failure(status: 480, q850: Causes.noUserResponding, text: text), text
                )
            }
        } else {
            problem = (
                Call.Failure(
                    status: 404, q850: Causes.unallocated,
                    text: "extension \(number) is not set up"), "no such subscriber"
            )
        }
        if let (failure, short) = problem {
            attempt.outcome = .skipped
            attempt.sipStatus = failure.status
            attempt.q850 = failure.q850
            attempt.reason = short
            calls[handle].record.attempts.append(attempt)
            keep(failure, of: handle)
            return failure
        }
        ringing[number, default: []].append(handle)
        occupy(number, .in)
        let place = calls[handle].record.attempts.count
        calls[handle].record.attempts.append(attempt)
        calls[handle].routing?.rung.append(CallRouting.Rung(number: number, attempt: place))
        calls[handle].routing?.rings = rings + phones.count
        calls[handle].record.presented = calls[handle].record.caller
        let breadth = share ?? free / UInt32(clamping: phones.count)
        for phone in phones {
            ring(handle, number, by: phone.first, others: phone.others, breadth: breadth)
        }
        return nil
    }

    /// Every phone has stopped ringing: nobody of those that were rung is counted any more.
    mutating func releaseRung(_ handle: Handle, but answered: String? = nil) {
        guard let rung = calls[handle].routing?.rung, !rung.isEmpty else { return }
        calls[handle].routing?.rung = []
        for member in rung {
            if let place = ringing[member.number]?.firstIndex(of: handle) {
                ringing[member.number]?.remove(at: place)
                if ringing[member.number]?.isEmpty == true { ringing[member.number] = nil }
            }
            guard member.number != answered else {
                stateChanged(of: member.number)
                continue
            }
            free(member.number, .in)
        }
    }

    /// A call is over: those that were in it are free.
    mutating func freeExtensions(of handle: Handle) {
        releaseRung(handle)
        let numbers: [(String?, CallCount.Direction)] = [
            (calls[handle].callerExtension, .out), (calls[handle].calleeExtension, .in),
        ]
        for case (let number?, let direction) in numbers {
            free(number, direction)
            if calls[handle].answeredAt != nil { idleSince[number] = now }
        }
    }

    /// The last phone of a rung extension has failed: its attempt is over, others may still ring.
    mutating func rungFailed(_ handle: Handle, callee: Int, status: Int, q850: Int, text: String) {
        guard let number = calls[handle].callees[callee].rings,
            !calls[handle].callees.contains(where: { $0.rings == number && $0.state == .trying })
        else { return }
        closeRung(handle, number, .failed, status: status, q850: q850, text: text)
    }

    /// A phone of an extension has answered: the attempts of all others that rang end.
    mutating func rungAnswered(_ handle: Handle, callee: Int, status: Int) {
        guard let rung = calls[handle].routing?.rung, !rung.isEmpty else { return }
        let answered = calls[handle].callees[callee].rings
        for member in rung {
            if member.number == answered {
                closeRung(handle, member.number, .answered, status: status, q850: nil, text: "")
            } else {
                closeRung(
                    handle, member.number, .failed, status: 487, q850: Causes.normalClearing,
                    text: "\(answered ?? "another") answered")
            }
        }
        calls[handle].calleeExtension = answered
        releaseRung(handle, but: answered)
    }

    /// Ends the attempts of all that ring.
    mutating func closeRung(_ handle: Handle, status: Int, q850: Int, text: String) {
        for member in calls[handle].routing?.rung ?? [] {
            closeRung(handle, member.number, .failed, status: status, q850: q850, text: text)
        }
    }

    private mutating func closeRung(
        _ handle: Handle, _ number: String, _ outcome: CallRecord.Attempt.Outcome, status: Int,
        q850: Int?, text: String
    ) {
        guard let member = calls[handle].routing?.rung.first(where: { $0.number == number }),
            calls[handle].record.attempts[member.attempt].outcome == nil
        else { return }
        let ringing = calls[handle].attemptRingingAt.map { (now - $0).milliseconds } ?? 0
        calls[handle].record.attempts[member.attempt].outcome = outcome
        calls[handle].record.attempts[member.attempt].sipStatus = status
        calls[handle].record.attempts[member.attempt].q850 = q850
        calls[handle].record.attempts[member.attempt].reason = text
        calls[handle].record.attempts[member.attempt].ringMs = ringing
    }
}
