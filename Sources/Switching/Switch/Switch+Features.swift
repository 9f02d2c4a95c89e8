import Charging
import Dialplan
import SIP

// Feature codes: dialled like a number, and no call comes of it.
//
// The user has to learn what was done, and there is no media to say it with. So the INVITE gets a
// final response whose reason phrase says it, which most phones show; the same words stand in its
// Reason field and, as text/plain, in its body:
//
//     487  done: phones end it as quietly as a call that was given up, without an error tone
//     4xx  refused, by the status that the reason has for any call
//
// What a user may want to keep, such as the balance, also goes to the phone as a MESSAGE (RFC 3428)
// when it says that it takes one. The record is of direction `feature` and never costs anything.

extension Switch {
    /// Wrong vouchers of one extension.
    struct VoucherGuesses: Sendable {
        var wrong = 0
        var lockedOutUntil: Instant?
    }

    /// What became of a feature code.
    enum FeatureOutcome {
        /// In words for the user.
        case done(String)
        /// Done, and worth keeping.
        case told(String)
        case refused(Call.Failure)
        /// Somebody's ringing call is the caller's now, who is answered already.
        case pickedUp(from: String)
        /// Somebody else is asked first, and ends the INVITE.
        case waits
    }

    /// What a feature code's user is told, when what was done is on the disk.
    struct FeatureAnswer: Sendable {
        var ticket: CommitTicket
        var server: Handle
        /// To's tag.
        var tag: UInt64
        var text: String
        /// The MESSAGE that says it too.
        var message: (branch: UInt64, bytes: [UInt8], flow: Flow)?
        /// How long the phone waits for it.
        var until: Instant
    }

    /// Does what a feature code stands for, and ends its INVITE.
    mutating func perform(_ feature: FeatureCall, _ handle: Handle) {
        let before = lastTicket
        switch outcome(of: feature, handle) {
        case .done(let text): finish(handle, text, isChanged: lastTicket > before)
        case .told(let text):
            finish(
                handle, text, message: message(text, toCallerOf: handle),
                isChanged: lastTicket > before)
        case .refused(let failure):
            fail(handle, failure.status, q850: failure.q850, failure.text)
        case .pickedUp(let number): closePicking(handle, from: number)
        case .waits: break
        }
    }

    /// Somebody's ringing call is the caller's now: the record of how it got it ends.
    mutating func closePicking(_ handle: Handle, from number: String) {
        close(
            handle, by: .switch, status: 200, q850: Causes.normalClearing,
            text: "picked up the call that rang at \(number)", disposition: .noAnswer)
    }

    private mutating func outcome(of feature: FeatureCall, _ handle: Handle) -> FeatureOutcome {
        let isOn = feature.action == .on
        switch feature.feature {
        case .forwardAlways: return forward(feature, \.forwardAlways, "every call")
        case .forwardBusy: return forward(feature, \.forwardBusy, "calls while busy")
        case .forwardNoAnswer: return forward(feature, \.forwardNoAnswer, "unanswered calls")
        case .forwardUnregistered:
            return forward(feature, \.forwardUnregistered, "calls while no phone is registered")
        case .doNotDisturb:
            commit(changeSettings(of: feature.extension) { $0.doNotDisturb = isOn })
            return .done(isOn ? "Do not disturb is on" : "Do not disturb is off")
        case .callWaiting:
            commit(changeSettings(of: feature.extension) { $0.refusesWaiting = !isOn })
            guard isOn else { return .done("Call waiting is off") }
            let limit = extensions[feature.extension]?.callLimit ?? 1
            return .done(
                limit > 1 ? "Call waiting is on" : "Call waiting is on, but the limit is one call")
        case .lock:
            commit(changeSettings(of: feature.extension) { $0.isLocked = isOn })
            return .done(isOn ? "The phone is locked" : "The phone is unlocked")
        case .speedDial: return storeSpeedDial(feature)
        case .pickup, .pickupExtension: return pickUp(feature, handle)
        case .balance: return balance(of: feature.extension)
        case .redeem: return redeem(feature)
        case .park: return park(feature, handle)
        case .retrieve: return retrieve(feature, handle)
        case .callByPIN, .redial:
            // The dialplan decides these as the calls that they are.
            return refused(501, "\(feature.feature.rawValue) is no feature by itself")
        }
    }

    private func refused(_ status: Int, _ text: String) -> FeatureOutcome {
        .refused(Call.Failure(status: status, q850: Causes.q850(ofStatus: status), text: text))
    }

    private mutating func forward(
        _ feature: FeatureCall, _ path: WritableKeyPath<UserSettings, String?>, _ calls: String
    ) -> FeatureOutcome {
        let target = feature.action == .on ? feature.number : nil
        if feature.action == .on {
            guard let target, isDialable(target) else {
                return refused(484, "the number to forward to is missing")
            }
        }
        commit(changeSettings(of: feature.extension) { $0[keyPath: path] = target })
        return .done(target.map { "\(calls) to \($0)" } ?? "\(calls): not forwarded")
    }

    private mutating func storeSpeedDial(_ feature: FeatureCall) -> FeatureOutcome {
        guard let entry = feature.code, !entry.isEmpty, entry.utf8.count <= 4 else {
            return refused(484, "a speed dial entry is 1 to 4 digits")
        }
        let target = feature.action == .on ? feature.number : nil
        if feature.action == .on {
            guard let target, isDialable(target) else {
                return refused(484, "the number of the speed dial entry is missing")
            }
            let known = userSettings[feature.extension]?.speedDial ?? [:]
            guard known[entry] != nil || known.count < UserSettings.speedDialLimit else {
                return refused(
                    403, "there are \(UserSettings.speedDialLimit) speed dial entries already")
            }
        }
        commit(changeSettings(of: feature.extension) { $0.speedDial[entry] = target })
        return .done(
            target.map { "Speed dial \(entry) is \($0)" } ?? "Speed dial \(entry) is empty")
    }

    // MARK: Money

    private mutating func balance(of number: String) -> FeatureOutcome {
        if let id = extensions[number]?.account { commit(renewals(of: id)) }
        guard let id = extensions[number]?.account, let account = ledger.account(id) else {
            return refused(403, "\(number) has no account")
        }
        var text = "Balance \(account.balance.shortened) \(account.currency)"
        if let available = ledger.availableInChain(id), available != account.balance {
            text += ", \(available.shortened) can be used"
        }
        return .told(text)
    }

    /// Puts a voucher on the caller's account. Wrong codes lock out as wrong PINs do, so that nobody
    /// finds one by dialling; a restart forgives them, which no caller can bring about.
    private mutating func redeem(_ feature: FeatureCall) -> FeatureOutcome {
        let number = feature.extension
        guard let id = extensions[number]?.account, let account = ledger.account(id) else {
            return refused(403, "\(number) has no account")
        }
        guard outOfService == nil else {
            counters.count("refused-store")
            return refused(503, "vouchers cannot be redeemed now")
        }
        let policy = plan.pinPolicy(of: number)
        var guesses = voucherGuesses[number] ?? VoucherGuesses()
        if let until = guesses.lockedOutUntil, until > now {
            counters.count("voucher-locked-out")
            return refused(403, "too many wrong vouchers: none is looked at for a while")
        }
        switch redeemVoucher(code: feature.code ?? "", account: id, by: number) {
        case .posted(let posting):
            voucherGuesses[number] = nil
            commit([.posted(posting)])
            return .told(
                "Voucher \(posting.amount.shortened) \(account.currency), balance "
                    + posting.balanceAfter.shortened)
        case .alreadyDone: return refused(403, "the voucher was redeemed already")
        case .refused(let refusal):
            guesses.wrong += 1
            counters.count("voucher-wrong")
            if guesses.wrong >= policy.attempts {
                log(.warning, "\(number) dialled \(guesses.wrong) wrong vouchers: locked out")
                guesses = VoucherGuesses(
                    lockedOutUntil: now + .milliseconds(Int(policy.lockoutMilliseconds)))
            }
            voucherGuesses[number] = guesses
            return refused(403, "\(refusal)")
        }
    }

    // MARK: Telling the user

    /// Ends a feature code's INVITE with what was done. What has changed something is told when that is
    /// on the disk; until then the phone waits for a while, since the store goes on trying.
    private mutating func finish(
        _ handle: Handle, _ text: String,
        message: (branch: UInt64, bytes: [UInt8], flow: Flow)? = nil, isChanged: Bool
    ) {
        if let server = calls[handle].inviteTransaction {
            let answer = FeatureAnswer(
                ticket: lastTicket, server: server, tag: calls[handle].caller.localTag, text: text,
                message: message, until: now + settings.limits.replyPatience)
            calls[handle].inviteTransaction = nil
            if isChanged {
                featureAnswers.append(answer)
                armUndecided()
            } else {
                tell(answer)
            }
        }
        close(
            handle, by: .switch, status: 487, q850: Causes.normalClearing, text: text,
            disposition: .noAnswer)
    }

    mutating func tell(_ answer: FeatureAnswer) {
        if let message = answer.message {
            _ = makeClient(
                .message, branch: message.branch, bytes: message.bytes, flow: message.flow,
                user: .nobody)
        }
        let reason = Self.reason(q850: Causes.normalClearing, text: answer.text)
        respond(
            answer.server, 487, reason: answer.text, toTag: Token.text(answer.tag),
            body: Array(answer.text.utf8)[...],
            contentType: Array("text/plain;charset=utf-8".utf8)[...]
        ) { $0.field(.reason, reason) }
    }

    /// A text for the phone that dialled, when it takes texts.
    private mutating func message(
        _ text: String, toCallerOf handle: Handle
    ) -> (branch: UInt64, bytes: [UInt8], flow: Flow)? {
        guard let invite = calls[handle].invite, invite.has("MESSAGE", in: .allow),
            let contact = invite.address(.contact)?.uriView
        else { return nil }
        let flow = calls[handle].caller.flow
        let branch = tokens.next()
        let host = listenerText(flow.listener).hostPort
        let number = calls[handle].callerExtension ?? calls[handle].record.caller
        var writer = MessageWriter(capacity: 512)
        writer.requestLine(.message, uri: contact.withoutHeaders)
        writer.field(.via, via(branch: branch, listener: flow.listener))
        writer.field(.maxForwards, 70)
        writer.beginField(.from)
        writer.append("<sip:tandem@")
        writer.append(host)
        writer.append(">;tag=")
        writer.append(Token.text(tokens.next()))
        writer.endField()
        writer.field(.to, identity(name: [], user: number, listener: flow.listener))
        writer.beginField(.callID)
        writer.append(tokens.callID())
        writer.endField()
        writer.field(.cseq, "1 MESSAGE")
        writer.field(.userAgent, Self.serverName)
        let bytes = writer.finish(
            body: Array(text.utf8)[...], contentType: Array("text/plain;charset=utf-8".utf8)[...])
        return (branch, bytes, flow)
    }
}

extension Amount {
    /// With two decimals where the others are zero: `12.34`, `0.125`.
    var shortened: String {
        var text = description
        guard let point = text.firstIndex(of: ".") else { return text }
        while text.last == "0", text.distance(from: point, to: text.endIndex) > 3 {
            text.removeLast()
        }
        return text
    }
}
