import SIP

// A phone or gateway is called: it rings, answers, refuses, or says nothing.

extension UserAgent {
    mutating func called(_ request: Message, now: Instant) {
        let callID = Array(request.callID)
        // A merged or late INVITE of a call it knows already.
        guard sessions[callID] == nil else { return }
        if case .refusing(let status, let cause) = condition {
            reply(request, status, tag: newTag(), cause: cause)
            return
        }
        let tag = newTag()
        let subject = Self.numbers(in: request.value(.subject) ?? [])
        var session = Session(
            isCaller: false, serial: subject.first ?? 0, callID: callID,
            local: Array(request.value(.to) ?? []) + Array(";tag=".utf8) + tag,
            remote: Array(request.value(.from) ?? []),
            target: Array(request.address(.contact)?.uri ?? []),
            talk: .milliseconds(subject.count > 1 ? subject[1] : 10_000))
        session.invite = request
        let isQuiet = faults.contains(.silence) && !isCalm && chance.happens(permille: 80)
        replies[TransactionID(request)] = []
        sessions[callID] = session
        if let manner {
            behave(manner, callID, now: now)
            return
        }
        if isQuiet { return }
        switch chance.below(100) {
        case 0..<8: refuse(callID, 486)
        case 8..<12: refuse(callID, chance.pick([603, 404, 480, 488, 302]))
        case 12..<16: refuse(callID, chance.pick([500, 503, 408]))
        case 16..<30:
            // At once, without ringing.
            after(.milliseconds(chance.number(in: 0...30)), .answer(callID: callID), now: now)
        default:
            reply(request, 100)
            after(.milliseconds(chance.number(in: 5...400)), .ring(callID: callID), now: now)
        }
    }

    private mutating func behave(_ manner: Manner, _ callID: [UInt8], now: Instant) {
        guard let session = sessions[callID], let request = session.invite else { return }
        switch manner {
        case .refuses(let status): refuse(callID, status)
        case .rings, .answers:
            sessions[callID]?.hasRung = true
            after(Self.longestRinging, .patience(callID: callID), now: now)
            reply(request, 180, tag: tag(of: session))
            guard case .answers(let span, _) = manner else { return }
            after(span, .answer(callID: callID), now: now)
        }
    }

    private static func numbers(in text: ArraySlice<UInt8>) -> [Int] {
        text.split(separator: UInt8(ascii: " "))
            .compactMap { Int(String(decoding: $0, as: UTF8.self)) }
    }

    func tag(of session: Session) -> [UInt8] {
        // Our address ends with it.
        Array(session.local.split(separator: UInt8(ascii: "=")).last ?? [])
    }

    private mutating func refuse(_ callID: [UInt8], _ status: Int) {
        guard let session = sessions[callID], let request = session.invite else { return }
        reply(request, status, tag: tag(of: session))
        end(callID)
    }

    mutating func ring(_ callID: [UInt8], now: Instant) {
        guard let session = sessions[callID], session.state == .inviting,
            let request = session.invite
        else { return }
        sessions[callID]?.hasRung = true
        after(Self.longestRinging, .patience(callID: callID), now: now)
        let isEarlyMedia = kind == .gateway && chance.happens(permille: 300)
        let isReliable =
            faults.contains(.reliableProvisionals) && request.has("100rel", in: .supported)
            && chance.happens(permille: 700)
        reply(
            request, isEarlyMedia ? 183 : 180, tag: tag(of: session),
            body: isEarlyMedia ? Self.offer : [],
            rseq: isReliable ? chance.number(in: 1...9999) : nil)
        if isReliable {
            sessions[callID]?.provisional = outbox.last ?? []
            sessions[callID]?.provisionalSince = now
            after(.milliseconds(500), .resendProvisional(callID: callID), now: now)
        }
        // Some never answer.
        if chance.happens(permille: 60) { return }
        after(.milliseconds(chance.number(in: 50...12_000)), .answer(callID: callID), now: now)
    }

    /// Longer than any switch lets it ring (RFC 3261 §16.6 gives a proxy three minutes).
    private static let longestRinging = Instant.Span.seconds(181)

    /// Nobody took its INVITE back, and nobody picks it up.
    mutating func stopRinging(_ callID: [UInt8]) {
        guard let session = sessions[callID], session.state == .inviting,
            let request = session.invite
        else { return }
        if condition != .dead { reply(request, 480, tag: tag(of: session)) }
        end(callID)
        sessions[callID]?.hasRungInVain = true
    }

    mutating func resendProvisional(_ callID: [UInt8], now: Instant) {
        guard var session = sessions[callID], session.state == .inviting,
            !session.provisional.isEmpty, now - session.provisionalSince < .seconds(32)
        else { return }
        if condition != .dead { outbox.append(session.provisional) }
        session.provisionalPause = session.provisionalPause * 2
        sessions[callID] = session
        after(session.provisionalPause, .resendProvisional(callID: callID), now: now)
    }

    mutating func answer(_ callID: [UInt8], now: Instant) {
        guard let session = sessions[callID], session.state == .inviting,
            let request = session.invite
        else { return }
        reply(request, 200, tag: tag(of: session), body: Self.offer)
        sessions[callID]?.state = .answered
        sessions[callID]?.answer = outbox.last ?? []
        sessions[callID]?.answeredAt = now
        after(.milliseconds(500), .resendAnswer(callID: callID), now: now)
        if isForked() {
            // Another phone behind the same contact was as fast.
            let kept = replies[TransactionID(request)]
            reply(request, 200, tag: newTag(), body: Self.offer)
            replies[TransactionID(request)] = kept
        }
    }

    private mutating func isForked() -> Bool {
        if case .answers(_, let phones) = manner { return phones > 1 }
        return faults.contains(.forkedAnswers) && !isCalm && chance.happens(permille: 150)
    }

    mutating func resendAnswer(_ callID: [UInt8], now: Instant) {
        guard var session = sessions[callID], session.state == .answered, !session.answer.isEmpty
        else { return }
        if now - session.answeredAt >= .seconds(32) {
            // Never acknowledged (RFC 3261 §13.3.1.4).
            answersUnacknowledged += 1
            hangUp(callID, now: now)
            return
        }
        if condition != .dead { outbox.append(session.answer) }
        session.answerPause = min(session.answerPause * 2, .seconds(4))
        sessions[callID] = session
        after(session.answerPause, .resendAnswer(callID: callID), now: now)
    }

    mutating func acknowledged(_ request: Message, now: Instant) {
        let callID = Array(request.callID)
        guard let session = sessions[callID], session.state == .answered,
            request.toTag.map(Array.init) == tag(of: session)
        else { return }
        sessions[callID]?.state = .talking
        sessions[callID]?.answer = []
        sessions[callID]?.hasAnsweredUnacknowledged = !session.provisional.isEmpty
        talk(callID, now: now)
    }

    mutating func canceled(_ request: Message, now: Instant) {
        let callID = Array(request.callID)
        guard let session = sessions[callID], !session.isForgotten, let invite = session.invite
        else {
            reply(request, 481, tag: newTag())
            return
        }
        reply(request, 200, tag: tag(of: session))
        guard session.state == .inviting else { return }
        if faults.contains(.lateAnswers), !isCalm, chance.happens(permille: 400) {
            answer(callID, now: now)
            return
        }
        reply(invite, 487, tag: tag(of: session))
        end(callID)
    }

    /// A re-INVITE: taken, mostly.
    mutating func reinvited(_ request: Message) {
        switch sessions[Array(request.callID)]?.state {
        case .talking, .answered:
            if chance.happens(permille: 100) {
                reply(request, 488)
            } else {
                reply(request, 200, body: Self.offer)
            }
        case .inviting, .canceled, .leaving, .ended, nil: reply(request, 481)
        }
    }
}
