import SIP

/// A phone or a gateway, small and independent of the code under test: it reads and writes SIP with
/// the parser and writer alone, and keeps its transactions and dialogs in its own way. It may be as
/// badly behaved as the faults of its world allow.
struct UserAgent: Sendable {
    enum Kind: Sendable, Equatable { case phone, gateway }

    /// How a gateway is doing.
    enum Condition: Sendable, Equatable {
        case well
        /// Says nothing at all.
        case dead
        /// Answers every INVITE with this status, with a Q.850 cause or without.
        case refusing(Int, cause: Int?)
    }

    /// What a scenario has it do with every call that comes, where chance would decide.
    enum Manner: Sendable, Equatable {
        /// Rings at once, and answers this much later, with one phone or two behind its address.
        case answers(after: Instant.Span, phones: Int)
        case rings
        case refuses(Int)
    }

    enum Timer: Sendable {
        case register
        case resend(TransactionID)
        /// A callee's next step: to ring, then to answer.
        case ring(callID: [UInt8])
        case answer(callID: [UInt8])
        case resendAnswer(callID: [UInt8])
        case resendProvisional(callID: [UInt8])
        case patience(callID: [UInt8])
        /// A canceled INVITE has had its time (RFC 3261 §9.1).
        case forget(callID: [UInt8])
        case hangUp(callID: [UInt8])
        case midCall(callID: [UInt8])
        case sessionOver(callID: [UInt8])
        case refresh(callID: [UInt8])
        /// Its power is back.
        case boot
        /// The same bytes once more, whatever came of them.
        case again([UInt8])
    }

    let index: Int
    let kind: Kind
    let number: String
    /// Where the network shows it; what is sent elsewhere does not reach it.
    var endpoint: Endpoint
    /// `host:port` as it writes of itself.
    let hostPort: [UInt8]
    let faults: Faults
    var chance: Chance
    var responder: DigestResponder
    var condition = Condition.well
    var manner: Manner?
    /// What a scenario has it do with the sessions of its calls: they are refreshed for it, or by it.
    var asksForRefresh: Bool?
    /// Everybody behaves, and nobody begins anything.
    var isCalm = false
    var sessions: [[UInt8]: Session] = [:]
    var outstanding: [TransactionID: Outstanding] = [:]
    /// The last response to each request, to be sent when it comes again.
    var replies: [TransactionID: [UInt8]] = [:]
    var registerCSeq = 0
    /// How often it has lost its power: each time it registers by a new Call-ID.
    var boots = 0
    var registerExpires = 60
    /// How often it had to hang up, since the switch had not refreshed a session.
    var sessionsNotRefreshed = 0
    /// The name that it gives for itself, and where: in Contact, or in Record-Route.
    var hostName: [UInt8]?
    var isRoutedByName = false
    /// Answers of its that nobody acknowledged in all their time.
    var answersUnacknowledged = 0
    private var made = 0

    /// What it sends in this turn, and when it wants to be called again.
    var outbox: [[UInt8]] = []
    var timers: [(at: Instant, timer: Timer)] = []

    init(index: Int, kind: Kind, number: String, endpoint: Endpoint, seed: UInt64, faults: Faults) {
        self.index = index
        self.kind = kind
        self.number = number
        self.endpoint = endpoint
        self.faults = faults
        chance = Chance(seed: seed, stream: .agent, index: index)
        responder = DigestResponder(
            username: number, password: SimulatedSite.password(index),
            hashes: SimulatedSite.hashes)
        hostPort =
            kind == .phone
            ? Array("10.0.0.\(index + 1):5060".utf8) : Array("\(endpoint)".utf8)
        registerExpires = chance.number(in: 60...300)
    }

    static let offer = Array(
        ("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
            + "m=audio 4000 RTP/AVP 8\r\na=sendrecv\r\n").utf8)

    // MARK: Names

    private mutating func name(_ what: String) -> [UInt8] {
        made += 1
        return Array("\(what)\(index)-\(made)".utf8)
    }

    mutating func newCallID() -> [UInt8] { name("c") }
    mutating func newTag() -> [UInt8] { name("t") }

    func contact() -> [UInt8] {
        let host = isRoutedByName ? hostPort : hostName ?? hostPort
        return Array("<sip:\(number)@".utf8) + host + Array(">".utf8)
    }

    func writeRoute(into writer: inout MessageWriter) {
        guard isRoutedByName, let hostName else { return }
        writer.field(.recordRoute, Array("<sip:".utf8) + hostName + Array(";lr>".utf8))
    }

    // MARK: Sending

    mutating func after(_ span: Instant.Span, _ timer: Timer, now: Instant) {
        timers.append((now + span, timer))
    }

    /// A request of ours, up to where more fields go.
    mutating func begin(
        _ method: Method, uri: [UInt8], from: [UInt8], to: [UInt8], callID: [UInt8], cseq: Int
    ) -> MessageWriter {
        var writer = MessageWriter(capacity: 800)
        writer.requestLine(method, uri: uri)
        writer.beginField(.via)
        writer.append("SIP/2.0/UDP ")
        writer.append(hostPort)
        writer.append(";rport;branch=z9hG4bK")
        writer.append(name("b"))
        writer.endField()
        writer.field(.maxForwards, 70)
        writer.field(.from, from)
        writer.field(.to, to)
        writer.field(.callID, callID)
        writer.field(.cseq, Array("\(cseq) \(method.name)".utf8))
        writer.field(.contact, contact())
        return writer
    }

    /// Sends it until an answer comes.
    @discardableResult
    mutating func send(_ bytes: [UInt8], session: [UInt8], now: Instant) -> TransactionID {
        let message = own(bytes)
        let key = TransactionID(message)
        outbox.append(bytes)
        outstanding[key] = Outstanding(message: message, session: session, since: now)
        after(.milliseconds(500), .resend(key), now: now)
        if faults.contains(.endlessRetransmission), !isCalm, chance.happens(permille: 30) {
            after(.milliseconds(500), .again(bytes), now: now)
        }
        return key
    }

    /// What it wrote itself parses, or the simulator is broken.
    func own(_ bytes: [UInt8]) -> Message {
        do throws(ParseError) {
            return try Message(parsing: bytes)
        } catch {
            preconditionFailure("a simulated agent wrote what is no SIP: \(error)")
        }
    }

    mutating func reply(
        _ request: Message, _ status: Int, tag: [UInt8]? = nil, body: [UInt8] = [],
        cause: Int? = nil, rseq: Int? = nil
    ) {
        let contact = contact()
        let bytes = request.response(
            status, toTag: tag, source: nil, dialogForming: status > 100 && status < 300,
            extra: { writer in
                if status > 100, status < 300 {
                    writer.field(.contact, contact)
                    if request.method == .invite, request.toTag == nil {
                        writeRoute(into: &writer)
                    }
                }
                if let cause { writer.field(.reason, "Q.850;cause=\(cause)") }
                if let rseq {
                    writer.field(.require, "100rel")
                    writer.field(.rseq, rseq)
                }
                if status == 200, request.toTag != nil, let session = request.value(.sessionExpires)
                {
                    writer.field(.sessionExpires, session)
                    writer.field(.supported, "timer")
                }
            }, body: body[...], contentType: Array("application/sdp".utf8)[...])
        outbox.append(bytes)
        replies[TransactionID(request)] = bytes
    }

    // MARK: Receiving

    mutating func receive(_ message: Message, now: Instant) {
        if condition == .dead || sessions[Array(message.callID)]?.isVanished == true { return }
        if message.isRequest {
            requestReceived(message, now: now)
        } else {
            responseReceived(message, now: now)
        }
    }

    private mutating func requestReceived(_ request: Message, now: Instant) {
        if request.method == .ack {
            acknowledged(request, now: now)
            return
        }
        if let known = replies[TransactionID(request)] {
            if !known.isEmpty { outbox.append(known) }
            return
        }
        let callID = Array(request.callID)
        switch request.method {
        case .invite:
            if request.toTag == nil {
                called(request, now: now)
            } else {
                refreshed(by: request, now: now)
                reinvited(request)
            }
        case .cancel: canceled(request, now: now)
        case .bye:
            let session = sessions[callID]
            reply(request, session?.isForgotten ?? true ? 481 : 200)
            // A fork that was one too many is hung up by a tag of its own.
            if let session, request.toTag.map(Array.init) == tag(of: session) { end(callID) }
        case .prack:
            sessions[callID]?.provisional = []
            reply(request, sessions[callID]?.isForgotten ?? true ? 481 : 200)
        case .options where request.toTag == nil:
            switch condition {
            case .well, .dead: reply(request, 200, tag: newTag())
            case .refusing: reply(request, 503, tag: newTag())
            }
        case .options where sessions[callID]?.isForgotten == true:
            // As it would outside of a dialog: many phones do not look whether they know that.
            reply(request, 200)
        case .ack, .register, .options, .update, .info, .subscribe, .notify, .refer, .message,
            .publish, .other:
            if request.method == .update { refreshed(by: request, now: now) }
            switch sessions[callID]?.state {
            case .talking, .answered, .inviting: reply(request, 200)
            case .canceled, .leaving, .ended, nil: reply(request, 481)
            }
        }
    }

    mutating func timerReached(_ timer: Timer, now: Instant) {
        switch timer {
        case .register: register(now: now)
        case .resend(let key): resend(key, now: now)
        case .ring(let callID): ring(callID, now: now)
        case .answer(let callID): answer(callID, now: now)
        case .resendAnswer(let callID): resendAnswer(callID, now: now)
        case .resendProvisional(let callID): resendProvisional(callID, now: now)
        case .patience(let callID): giveUp(callID, now: now)
        case .forget(let callID): if sessions[callID]?.state == .canceled { end(callID) }
        case .hangUp(let callID): hangUp(callID, now: now)
        case .midCall(let callID): midCall(callID, now: now)
        case .sessionOver(let callID): sessionOver(callID, now: now)
        case .refresh(let callID): refresh(callID, now: now)
        case .boot: boot(now: now)
        case .again(let bytes):
            // The dead repeat nothing.
            let callID = Array(own(bytes).callID)
            guard !isCalm, sessions[callID]?.isVanished != true,
                sessions[callID]?.isForgotten != true
            else { return }
            if condition != .dead { outbox.append(bytes) }
            after(.milliseconds(500), .again(bytes), now: now)
        }
    }

    private mutating func resend(_ key: TransactionID, now: Instant) {
        guard var known = outstanding[key] else { return }
        if sessions[known.session]?.isVanished == true {
            outstanding[key] = nil
            return
        }
        if now - known.since >= .seconds(32) {
            // An INVITE that rings may take longer; a BYE that got a 100 may not (RFC 3261 §17.1.2.2).
            guard !(known.isProceeding && key.method == .invite) else { return }
            outstanding[key] = nil
            timedOut(known, now: now)
            return
        }
        guard !(known.isProceeding && key.method == .invite) else { return }
        if condition != .dead { outbox.append(known.message.bytes) }
        known.pause = min(known.pause * 2, .seconds(4))
        outstanding[key] = known
        after(known.pause, .resend(key), now: now)
    }

    private mutating func timedOut(_ request: Outstanding, now: Instant) {
        switch request.message.method {
        case .invite, .bye: end(request.session)
        case .register: after(.seconds(5), .register, now: now)
        case .ack, .cancel, .options, .update, .info, .prack, .subscribe, .notify, .refer,
            .message, .publish, .other:
            break
        }
    }

    mutating func end(_ callID: [UInt8]) {
        sessions[callID]?.state = .ended
        sessions[callID]?.answer = []
        sessions[callID]?.provisional = []
    }

    /// A session as a finding names it: its Call-ID, and what it is doing.
    func shown(_ callID: [UInt8]) -> String {
        let state = sessions[callID].map { "\($0.state) in call \($0.serial)" } ?? "unknown"
        return "\(String(decoding: callID, as: UTF8.self)): \(state)"
    }

    /// Callees by Call-ID that were connected and whose provisional response nobody acknowledged.
    var unacknowledgedSessions: [[UInt8]] {
        sessions.filter { $0.value.hasAnsweredUnacknowledged }.map(\.key)
            .sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Callees by Call-ID that ring, or rang until they gave up, and have not heard that it is over.
    var ringingSessions: [[UInt8]] {
        sessions.filter {
            $0.value.state == .inviting && $0.value.hasRung || $0.value.hasRungInVain
        }
        .map(\.key)
        .sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Sessions by Call-ID that still want something, in an order that is the same every time. A
    /// callee that only rings waits for nothing: who called it may be gone.
    var openSessions: [[UInt8]] {
        sessions.filter { $0.value.isOpen }.map(\.key)
            .sorted { $0.lexicographicallyPrecedes($1) }
    }
}
