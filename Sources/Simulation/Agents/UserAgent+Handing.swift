import SIP

// What phones do with a call beyond talking: they have it connected elsewhere, they count on a session
// timer, or they die in the middle of it.

extension UserAgent {
    /// Calls that it talks in and has not asked to be connected elsewhere, in an order that is the same
    /// every time.
    var talkingSessions: [[UInt8]] {
        sessions.filter { $0.value.state == .talking && !$0.value.isHandedOn }.map(\.key)
            .sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Calls that it talks in, or has begun to leave.
    var establishedSessions: [[UInt8]] {
        sessions.filter { session in
            switch session.value.state {
            case .talking, .leaving: true
            case .inviting, .canceled, .answered, .ended: false
            }
        }
        .map(\.key).sorted { $0.lexicographicallyPrecedes($1) }
    }

    // MARK: REFER

    /// Asks that whom it talks with be connected to somebody else (RFC 3515). The serial of the call
    /// that is made for it goes along.
    ///
    /// - Parameter consulted: the call with whoever that is, for an attended transfer (RFC 3891).
    mutating func refer(
        _ callID: [UInt8], to target: String, consulted: [UInt8]? = nil, serial: Int,
        isImpatient: Bool, now: Instant
    ) {
        guard let session = sessions[callID], session.state == .talking else { return }
        sessions[callID]?.isHandedOn = true
        sessions[callID]?.cseq += 1
        var address = "<sip:\(target)@example.com"
        if let other = consulted.flatMap({ sessions[$0] }) {
            let id = String(decoding: other.callID, as: UTF8.self).replacing("@", with: "%40")
            address +=
                "?Replaces=\(id)%3Bto-tag%3D\(Self.tag(in: other.remote))"
                + "%3Bfrom-tag%3D\(Self.tag(in: other.local))"
        }
        var writer = begin(
            .refer, uri: session.target, from: session.local, to: session.remote, callID: callID,
            cseq: session.cseq + 1)
        writer.field(.referTo, address + ">")
        writer.field(.referredBy, "<sip:\(number)@example.com>;serial=\(serial)")
        send(writer.finish(), session: callID, now: now)
        // Whoever does not wait for the outcome.
        if isImpatient {
            after(.milliseconds(chance.number(in: 1...3000)), .hangUp(callID: callID), now: now)
        }
    }

    private static func tag(in address: [UInt8]) -> String {
        String(decoding: address.split(separator: UInt8(ascii: "=")).last ?? [], as: UTF8.self)
    }

    // MARK: Replaces

    /// Callees by Call-ID that ring at this moment.
    var calleesThatRing: [[UInt8]] {
        sessions.filter { !$0.value.isCaller && $0.value.state == .inviting && $0.value.hasRung }
            .map(\.key).sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// A dialog of this phone as others name it (RFC 3891 §6): they see it in its lamp.
    func replaces(_ callID: [UInt8]) -> String? {
        guard let session = sessions[callID] else { return nil }
        return String(decoding: session.callID, as: UTF8.self)
            + ";to-tag=\(Self.tag(in: session.remote));from-tag=\(Self.tag(in: session.local))"
    }

    // MARK: Silence

    /// It loses its power in the middle of a call, and knows nothing of it any more.
    mutating func vanish(from callID: [UInt8]) {
        end(callID)
        sessions[callID]?.isVanished = true
        for key in Array(outstanding.keys) where outstanding[key]?.session == callID {
            outstanding[key] = nil
        }
    }

    /// It loses its power, and with it all that it knew; after a while it is back.
    mutating func reboot(after span: Instant.Span, now: Instant) {
        for callID in Array(sessions.keys) {
            end(callID)
            sessions[callID]?.isForgotten = true
            sessions[callID]?.hasRung = false
            sessions[callID]?.hasRungInVain = false
            sessions[callID]?.hasAnsweredUnacknowledged = false
        }
        outstanding = [:]
        replies = [:]
        boots += 1
        registerCSeq = 0
        responder = DigestResponder(
            username: number, password: SimulatedSite.password(index),
            hashes: SimulatedSite.hashes)
        condition = .dead
        self.after(span, .boot, now: now)
    }

    mutating func boot(now: Instant) {
        condition = .well
        register(now: now)
    }

    // MARK: Session timers (RFC 4028)

    /// The shortest that may be asked for.
    static let sessionSeconds = 90

    /// An INVITE of a phone that has its sessions refreshed, or refreshes them.
    mutating func askForSession(_ writer: inout MessageWriter, _ session: inout Session) {
        guard let asksForRefresh = drawnSession() else { return }
        session.refreshesItself = !asksForRefresh
        writer.field(.supported, "timer")
        writeSession(session, &writer)
        if chance.happens(permille: 500) {
            writer.field(.allow, "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE")
        }
    }

    /// Whether the switch has to refresh its session; nil when it asks for none.
    private mutating func drawnSession() -> Bool? {
        if let asksForRefresh { return asksForRefresh }
        guard faults.contains(.sessionTimers), chance.happens(permille: 500) else { return nil }
        return chance.happens(permille: 600)
    }

    private func writeSession(_ session: Session, _ writer: inout MessageWriter) {
        let refresher = session.refreshesItself ? "uac" : "uas"
        writer.field(.sessionExpires, "\(Self.sessionSeconds);refresher=\(refresher)")
    }

    /// A message says that the session lives on: the answer to the INVITE, or a refresh.
    mutating func refreshed(by message: Message, now: Instant) {
        let callID = Array(message.callID)
        guard faults.contains(.sessionTimers), let agreed = message.value(.sessionExpires),
            sessions[callID] != nil
        else { return }
        if !message.isRequest {
            sessions[callID]?.refreshesItself =
                agreed.firstRange(of: Array("refresher=uac".utf8)) != nil
        }
        let span = Instant.Span.seconds(Self.sessionSeconds + 1)
        sessions[callID]?.sessionEnds = now + span
        after(span, .sessionOver(callID: callID), now: now)
        guard sessions[callID]?.refreshesItself == true, !message.isRequest else { return }
        after(.seconds(Self.sessionSeconds / 2), .refresh(callID: callID), now: now)
    }

    /// Half of the time is over (RFC 4028 §7.2).
    mutating func refresh(_ callID: [UInt8], now: Instant) {
        guard let session = sessions[callID], session.state == .talking else { return }
        sessions[callID]?.cseq += 1
        var writer = begin(
            .update, uri: session.target, from: session.local, to: session.remote, callID: callID,
            cseq: session.cseq + 1)
        writer.field(.supported, "timer")
        writeSession(session, &writer)
        send(writer.finish(), session: callID, now: now)
    }

    /// Nobody has refreshed it: it hangs up.
    mutating func sessionOver(_ callID: [UInt8], now: Instant) {
        guard let session = sessions[callID], session.state == .talking,
            let ends = session.sessionEnds, ends <= now
        else { return }
        if !session.refreshesItself { sessionsNotRefreshed += 1 }
        hangUp(callID, now: now)
    }
}
