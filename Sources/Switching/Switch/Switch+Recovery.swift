import Charging
import SIP

// Calls that were under way when the last process ended. Those that were answered go on; those that
// rang are ended on both sides; each gets its one record.
//
// How long we were away is told by the machine's monotonic clock, which a process's end does not
// touch. After a new start of the machine only the wall clock is left, which may have been set
// meanwhile. A wall clock that stands before what the journal says is wrong, and nobody can say how
// long it was: the paid time then counts as over. Whatever the clocks say, a call pays at most for
// what was reserved, and nobody talks on without money being held for it.

extension Switch {
    static let interrupted = "Interrupted by a restart"

    /// CSeq numbers that may have been used by a process since the journal was written; leaving numbers
    /// out is allowed (RFC 3261 §12.2.2).
    static let skippedCSeqs: UInt32 = 100_000

    /// Takes up every call of the journal, the oldest first.
    mutating func resume(_ runningCalls: [RunningCall]) {
        var resumed = 0
        var ended = 0
        var joins: [(of: CallID, to: CallID?)] = []
        for running in runningCalls.sorted(by: { $0.call < $1.call }) {
            guard let state = CallState(serialized: running.state) else {
                let why =
                    running.state.isEmpty
                    ? "the data was restored from a backup"
                    : "its journal cannot be read (another version?)"
                log(.warning, call: running.call, "\(why): it is ended, and its sides are not told")
                endUnread(running)
                ended += 1
                continue
            }
            if let callee = state.callee, state.clocks.sinceAnswer != nil {
                resume(running, state, callee: callee)
                resumed += 1
                if let parked = state.parked {
                    parkAgain(running.call, parked)
                } else if state.joined != nil || state.isCallerGone || state.isCalleeGone {
                    joins.append((running.call, state.joined))
                }
            } else {
                endRinging(running, state)
                ended += 1
            }
        }
        for join in joins { rejoin(join.of, to: join.to) }
        guard resumed + ended > 0 else { return }
        log(.notice, "\(resumed) answered calls go on, \(ended) that were not answered are ended")
    }

    // MARK: Answered calls

    /// A call that waited to be fetched waits again.
    private mutating func parkAgain(_ id: CallID, _ parked: Parked) {
        guard let handle = callHandles[id] else { return }
        calls[handle].handover = Handover(parked: parked)
        parkedCalls[parked.place] = handle
        armParked(handle)
    }

    /// Two calls that were joined are again. A side whose other one has not come back is alone.
    private mutating func rejoin(_ id: CallID, to other: CallID?) {
        guard let handle = callHandles[id] else { return }
        if let joined = other.flatMap({ callHandles[$0] }) {
            calls[handle].joined = joined
            return
        }
        cut(
            handle, text: "The other call of the transfer ended while the switch was down",
            status: nil)
    }

    private mutating func resume(
        _ running: RunningCall, _ state: CallState, callee calleeState: CallState.LegState
    ) {
        let outage = state.clocks.outage(boot: boot, now: now, wallTime: wallTime)
        let away = outage ?? .zero
        var call = Call(
            id: running.call, startedAt: back(from: now, by: state.clocks.sinceStart + away),
            record: running.record, caller: leg(state.caller, of: running.call, away),
            maxForwards: 70,
            attemptStartedAt: now)
        call.phase = .connected
        call.callees = [leg(calleeState, of: running.call, away)]
        if state.isCallerGone { call.caller.state = .ended }
        if state.isCalleeGone { call.callees[0].state = .ended }
        call.connected = 0
        call.answeredAt = back(from: now, by: (state.clocks.sinceAnswer ?? .zero) + away)
        call.callerExtension = state.callerExtension
        call.calleeExtension = state.calleeExtension
        call.inboundTrunk = state.inboundTrunk
        call.inboundLine = state.inboundLine
        call.inboundChannel = state.inboundChannel
        call.holding = state.holding
        call.channel = running.record.attempts.last { $0.outcome == .answered }?.channel
        call.isEmergency = state.isEmergency
        call.limitMilliseconds = state.limitMilliseconds
        call.money = money(of: running)
        if outage == nil, let money = call.money, money.paidMilliseconds != Rating.unlimited {
            // No clock can say how long it was: the paid time is over.
            call.answeredAt = back(
                from: now, by: .milliseconds(Int(clamping: money.paidMilliseconds)))
        }

        let handle = calls.insert(call)
        callHandles[call.id] = handle
        if !state.isCallerGone {
            legs[call.caller.localTag] = LegReference(call: handle, side: .caller)
            origins[
                Origin(
                    callID: Array(state.caller.dialog.callID),
                    fromTag: Array(state.caller.dialog.remoteTag))] = handle
        }
        if !state.isCalleeGone {
            legs[call.callees[0].localTag] = LegReference(call: handle, side: .callee(0))
        }
        if let line = call.inboundLine { linesInUse[line] = call.id }
        if case .line(let number, _) = call.holding { linesInUse[number] = call.id }
        if let number = call.callerExtension { occupy(number, .out) }
        if let number = call.calleeExtension { occupy(number, .in) }
        let transferor = state.transfer.map { $0.byCallee ? Side.callee(0) : .caller }
        if let transferor, let transfer = state.transfer {
            tell(
                Transfer(by: transferor, to: .none, event: transfer.event, isNotified: true),
                of: handle, 503, isFinal: true)
        }

        if state.isUntold {
            hangUpCallee(
                handle,
                reason: Self.reason(q850: Causes.temporaryFailure, text: Self.interrupted))
            fail(handle, 503, q850: Causes.temporaryFailure, Self.interrupted)
            return
        }
        if let end = paidUntil(handle), end <= now {
            log(.notice, call: call.id, "its paid time ended while the switch was down")
            cut(handle, text: "The paid time ended while the switch was down", status: 402)
            return
        }
        if let limit = call.limitMilliseconds, let answeredAt = call.answeredAt {
            let end = answeredAt + .milliseconds(Int(limit))
            guard end > now else {
                cut(handle, text: "The time limit of this call is over", status: nil)
                return
            }
            deadlines.set(DeadlineKey(kind: .limit, slot: handle.slot), at: end)
        }
        armMoney(handle)
        tellAgain(handle, inviting: state.inviting)
        if state.isCallerGone { sayFarewellAgain(to: calls[handle].caller) }
        if state.isCalleeGone { sayFarewellAgain(to: calls[handle].callees[0]) }
        // The other side may have been given another session description already.
        if let transferor {
            restore(LegReference(call: handle, side: transferor))
            journalAgain(handle)
        }
        scheduleCheck(handle)
    }

    /// Whoever has left a call to others, or parked it, hears of that when it is on the disk, which the
    /// last process may not have lived to see. One that has heard of it answers 481.
    private mutating func sayFarewellAgain(to leg: Leg) {
        guard var dialog = leg.dialogs.last else { return }
        sendBye(
            in: &dialog, flow: leg.flow,
            reason: Self.reason(q850: Causes.normalClearing, text: "Transferred"))
    }

    /// The 2xx that may not have been acknowledged leave once more, and again until their ACK comes.
    private mutating func tellAgain(_ handle: Handle, inviting: CallState.Inviting?) {
        if let bytes = calls[handle].caller.pendingAnswer?.bytes, let inviting,
            let request = inviting.invite.isEmpty
                ? inviteAgain(answeredBy: bytes) : parseOwn(inviting.invite)
        {
            // The INVITE that comes again is the same call and no new one.
            let server = makeServer(
                for: request, key: TransactionKey(server: request), on: inviting.flow,
                localTag: calls[handle].caller.localTag)
            respond(server, 200, bytes: bytes)
        } else if let answer = calls[handle].caller.pendingAnswer {
            send(answer.bytes, on: answer.flow)
        }
        armAnswer(handle, side: .caller)
        if let answer = calls[handle].callees[0].pendingAnswer {
            send(answer.bytes, on: answer.flow)
            armAnswer(handle, side: .callee(0))
        }
    }

    private func leg(
        _ state: CallState.LegState, of call: CallID, _ away: Instant.Span
    ) -> Leg {
        var leg = Leg(localTag: state.localTag, flow: reachable(state.flow), name: state.name)
        leg.state = .answered
        leg.isHidden = state.isHidden
        var dialog = state.dialog
        // Each process since may have begun at this journal, and used numbers of its own.
        let (skipped, overflow) = Self.skippedCSeqs.multipliedReportingOverflow(
            by: max(start &- call.start, 1))
        dialog.advanceLocalCSeq(by: overflow ? .max : skipped)
        leg.dialogs = [dialog]
        leg.session = state.session
        leg.session?.refreshed(now: now)
        leg.methods = state.methods
        if let cseq = state.acknowledgementDue {
            leg.acknowledgementDue = Leg.AcknowledgementDue(cseq: cseq, client: nil)
            leg.offersLate = true
        }
        // Whoever was told waits no longer than this for its ACK to be asked for (RFC 3261 §13.2.2.4).
        if let answer = state.answer, away < settings.timers.timeout {
            leg.pendingAnswer = Leg.PendingAnswer(
                retransmission: AnswerRetransmission(timers: settings.timers, now: now),
                bytes: answer.bytes, flow: reachable(answer.flow), mayBeAcknowledged: true)
        }
        return leg
    }

    /// A listener may be gone from the configuration; then the first one has to do.
    private func reachable(_ flow: Flow) -> Flow {
        guard Int(flow.listener) >= settings.listeners.count else { return flow }
        var flow = flow
        flow.listener = 0
        return flow
    }

    private func back(from now: Instant, by span: Instant.Span) -> Instant {
        Instant(nanoseconds: now.nanoseconds - span.nanoseconds)
    }

    /// What pays for the call, as far as the journal says that it is reserved.
    private mutating func money(of running: RunningCall) -> CallMoney? {
        guard let account = running.account, let rating = rating(of: running.record) else {
            return nil
        }
        let covered = rating.steps(coveredBy: running.reserved)
        let basis = running.record.basis
        return CallMoney(
            account: account, payer: running.record.chargedExtension, rating: rating,
            steps: covered ?? 1, plan: basis?.plan ?? TariffBook.standardPlan, via: basis?.via,
            currency: basis?.currency ?? settings.currency, pricedAt: now)
    }

    // MARK: Who is still there

    /// A side may have hung up while nobody heard it. Each is asked once, one call after another, so
    /// that many calls make no burst: 481 says that it is gone (RFC 3261 §12.2.1.2).
    private mutating func scheduleCheck(_ handle: Handle) {
        let place = calls.count
        deadlines.set(
            DeadlineKey(kind: .sidesCheck, slot: handle.slot),
            at: now + .seconds(1) + .milliseconds(2) * place)
    }

    // MARK: Calls that were not answered

    /// Takes the INVITEs back, tells the caller, and records that a restart ended it. Nothing of it is
    /// charged.
    private mutating func endRinging(_ running: RunningCall, _ state: CallState) {
        let away = state.clocks.outage(boot: boot, now: now, wallTime: wallTime) ?? .zero
        close(
            running, lasted: state.clocks.sinceStart + away, disposition: .failed, status: 503,
            changes: [])

        let reason = Self.reason(q850: Causes.temporaryFailure, text: Self.interrupted)
        if let inviting = state.inviting, let request = parseOwn(inviting.invite) {
            let server = makeServer(
                for: request, key: TransactionKey(server: request),
                on: reachable(inviting.flow), localTag: state.caller.localTag)
            respond(server, 503, toTag: Token.text(state.caller.localTag)) { writer in
                writer.field(.reason, reason)
                writer.field(.retryAfter, 1)
            }
        }
        retire(unknown: state.caller.localTag)
        for invited in state.invited {
            takeBack(invited, reason: reason)
            retire(unknown: invited.localTag, at: invited.flow.remote.ip)
        }
    }

    /// Cancels an INVITE of the last process. What is still said to it finds its transaction: a
    /// refusal is acknowledged, an answer is acknowledged and hung up.
    mutating func takeBack(_ invited: CallState.Invited, reason: [UInt8]) {
        let flow = reachable(invited.flow)
        var machine = ClientInviteTransaction(
            reliable: flow.transport.isReliable, timers: settings.timers, now: now)
        // It rang, or it soon would have: either way a CANCEL may leave, and one that comes too
        // early is refused with 481 and does no harm.
        _ = machine.responseReceived(180, now: now)
        let key = ClientEntry.Key(branch: invited.branch, isCancel: false)
        var entry = ClientEntry(
            key: key, method: .invite, machine: .invite(machine), user: .nobody, flow: flow,
            request: invited.invite, startedAt: now)
        entry.isAbandoned = true
        let client = keep(client: entry)
        rearm(client: client)
        cancel(client: client, reason: reason)
    }

    /// A journal of another version: its money and its record are sound, its dialogs are unknown.
    private mutating func endUnread(_ running: RunningCall) {
        guard let answeredAt = running.record.answeredAt else {
            close(
                running, lasted: .zero, disposition: .failed, status: 503, changes: [])
            return
        }
        var running = running
        var changes: [StoredChange] = []
        let elapsed = max(0, wallTime - answeredAt) / 1000
        running.record.billedMs = elapsed
        if let money = money(of: running) {
            let used = min(elapsed, money.paidMilliseconds)
            let steps = min(money.rating.begunSteps(milliseconds: used), money.steps)
            let settlement = ledger.settle(
                call: running.call.rawValue, used: money.rating.cost(ofSteps: steps),
                at: moment)
            running.record.billedMs = used
            running.record.steps = steps
            running.record.charge = settlement.charged
            running.record.receipt = money.rating.receipt(ofSteps: steps)
            running.record.accountBalances = settlement.balances
            changes = settlement.postings.map { .posted($0) }
        }
        let lasted = max(0, wallTime - running.record.startedAt)
        close(
            running, lasted: .milliseconds(Int(lasted / 1000)), disposition: .answered,
            status: 200, changes: changes)
    }

    /// The one record of a call that does not go on.
    private mutating func close(
        _ running: RunningCall, lasted: Instant.Span, disposition: CallRecord.Disposition,
        status: Int, changes: [StoredChange]
    ) {
        var record = running.record
        if let account = running.account, ledger.reserved(call: running.call.rawValue) != nil {
            ledger.release(call: running.call.rawValue)
            record.accountBalances = ledger.chain(of: account).map {
                AccountBalance(account: $0.id, balance: $0.balance)
            }
        }
        lastSequence += 1
        record.sequence = lastSequence
        record.endedAt = wallTime
        record.durationMs = lasted.milliseconds
        record.disposition = disposition
        record.releasedBy = .switch
        record.sipStatus = status
        record.q850Cause = Causes.temporaryFailure
        record.endReason = Self.interrupted
        for open in record.attempts.indices where record.attempts[open].outcome == nil {
            record.attempts[open].outcome = .failed
            record.attempts[open].sipStatus = status
            record.attempts[open].q850 = Causes.temporaryFailure
            record.attempts[open].reason = Self.interrupted
        }
        commit(changes + [.callClosed(record)])
        log(.notice, call: running.call, Self.interrupted)
    }

    /// A tag of a call that is no more in the table: a BYE to it is answered with 200.
    mutating func retire(unknown tag: UInt64, at place: IPAddress? = nil) {
        legs[tag] = LegReference(call: Handle.none, side: .caller)
        retire(tag, at: place)
    }
}
