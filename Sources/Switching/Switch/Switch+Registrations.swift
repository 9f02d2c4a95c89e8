import SIP

// Our registrations at operators (RFC 3261 §10.2).

extension Switch {
    /// The parameter of our Contact that tells whose registration a call comes by.
    static let registrationParameter = "line"

    mutating func registrationDeadlineReached(_ place: Int) {
        guard place < settings.trunks.count else { return }
        let name = settings.trunks[place].name
        guard let action = trunks[name]?.registration?.deadlineReached(now: now) else { return }
        switch action {
        case .none: break
        case .register: register(at: name)
        }
        announce(trunks[name]?.registrationChanged(now: now) ?? .none, trunk: name)
        rearmTrunk(place)
    }

    /// The process is about to end.
    mutating func leaveOperators() {
        for trunk in settings.trunks {
            switch trunks[trunk.name]?.registration?.leave() {
            case .register:
                log(.info, "trunk \(trunk.name): the registration is taken back")
                register(at: trunk.name)
            case .some(.none), nil: break
            }
        }
    }

    /// A reload takes trunks away, or gives them other accounts: the operators forget us there, so that
    /// nobody is sent to where calls are strangers' now.
    ///
    /// Whoever leaves stays among the trunks until the operator has answered, under a name that no trunk
    /// of the file can have.
    mutating func leaveOperators(after before: [String: Trunk], for fresh: [String: Trunk]) {
        trunks = fresh
        for (name, trunk) in before.sorted(by: { $0.key < $1.key }) {
            // Where another trunk has the same account now, that one registers there: what takes the
            // old one's registration back would take its own, too.
            guard let line = trunk.registration?.line,
                !fresh.values.contains(where: { $0.registration?.line == line })
            else { continue }
            var leaving = trunk
            // Its calls are no longer its own.
            leaving.channels = Channels(leaving.settings)
            // One that a reload before this one has sent away is on its way already.
            if leaving.registration?.isLeaving == true {
                if fresh[name] == nil { trunks[name] = leaving }
                continue
            }
            guard leaving.registration?.leave() == .register else { continue }
            let key = "\(name) \(Token.text(line))"
            trunks[key] = leaving
            log(.info, "trunk \(name): the registration is taken back")
            register(at: key)
            if trunks[key]?.registration?.isLeaving != true { trunks[key] = nil }
        }
    }

    /// Whether an operator has not yet said that it has forgotten us.
    public var isLeaving: Bool {
        trunks.values.contains { $0.registration?.isLeaving == true }
    }

    private mutating func register(at name: String) {
        guard let trunk = trunks[name], let registration = trunk.registration,
            let settings = trunk.settings.registration
        else { return }
        guard let hop = trunk.targets.order(now: now, using: &tokens).first else {
            trunks[name]?.registration?.unanswered("its name stands for no address yet", now: now)
            return
        }
        let cseq = trunks[name]!.registration!.nextCSeq()
        trunks[name]?.registrar = hop
        let flow = trunk.settings.flow(to: hop)
        let listener = flow.listener
        let text = listenerText(listener)
        let branch = tokens.next()
        let address = "<sip:\(settings.user)@\(settings.domain)>"
        var writer = MessageWriter(capacity: 512)
        writer.requestLine(.register, uri: "sip:\(settings.domain)")
        writer.field(.via, via(branch: branch, listener: listener))
        writer.field(.maxForwards, 70)
        writer.beginField(.from)
        writer.append(address)
        writer.append(";tag=")
        writer.append(Token.text(registration.tag))
        writer.endField()
        writer.field(.to, address)
        writer.field(.callID, registration.callID)
        writer.field(.cseq, "\(cseq) REGISTER")
        writer.beginField(.contact)
        writer.append("<sip:\(settings.user)@")
        writer.append(text.hostPort)
        writer.append(hop.transport.parameter)
        writer.append(";\(Self.registrationParameter)=")
        writer.append(Token.text(registration.line))
        writer.append(">")
        writer.endField()
        writer.field(.expires, registration.expires)
        writer.field(.userAgent, Self.serverName)
        _ = makeClient(
            .register, branch: branch, bytes: writer.finish(),
            flow: flow,
            user: .registration(trunk: name))
    }

    mutating func registerAnswered(_ response: Message, trunk name: String) {
        let status = response.status
        guard status >= 200, let registration = trunks[name]?.registration else { return }
        if status < 300 {
            let seconds = grantedSeconds(response, to: registration)
            trunks[name]?.registration?.accepted(seconds: seconds, now: now)
        } else if status != 423
            || trunks[name]?.registration?.tooBrief(
                minimum: response.number(.minExpires).map { Int($0) } ?? 0, now: now) != true
        {
            trunks[name]?.registration?.refused(
                status: status,
                reason: String(decoding: response.reasonPhrase.prefix(80), as: UTF8.self),
                retryAfter: response.number(.retryAfter).map { Int($0) }, now: now)
            registrationFailed(name, isElsewhere: status == 503 || status == 408)
        }
        registrationChanged(name)
    }

    mutating func registerUnanswered(_ why: String, trunk name: String) {
        trunks[name]?.registration?.unanswered(why, now: now)
        registrationFailed(name, isElsewhere: true)
        registrationChanged(name)
    }

    /// Says why and when it is tried again, and tries it now where the operator has another address
    /// (RFC 3263 §4.3).
    ///
    /// - Parameter isElsewhere: it is this address that failed, and another may do better.
    private mutating func registrationFailed(_ name: String, isElsewhere: Bool) {
        if isElsewhere, let registrar = trunks[name]?.registrar {
            trunks[name]?.targets.failed(registrar, now: now)
            if trunks[name]?.targets.hasOther(now: now) == true {
                trunks[name]?.registration?.goesElsewhere(now: now)
            }
        }
        guard let registration = trunks[name]?.registration,
            let wait = registration.wait(now: now)
        else { return }
        let again = wait > .zero ? "again in \(wait.milliseconds / 1000) s" : "again elsewhere"
        log(.warning, "trunk \(name): \(registration.lastFailure), \(again)")
    }

    private mutating func registrationChanged(_ name: String) {
        // One that no reload has left has nothing more to say.
        guard place(of: name) != nil else {
            if trunks[name]?.registration?.isLeaving == false { trunks[name] = nil }
            return
        }
        announce(trunks[name]?.registrationChanged(now: now) ?? .none, trunk: name)
        if let place = place(of: name) { rearmTrunk(place) }
    }

    /// What the registrar gave us: beside our own Contact, or in Expires, or else what we asked for.
    private func grantedSeconds(_ response: Message, to registration: TrunkRegistration) -> Int {
        for contact in response.elements(.contact) {
            guard let address = NameAddr(parsing: contact), let uri = address.uriView,
                let line = uri.parameter(Self.registrationParameter) ?? nil,
                Token.number(line) == registration.line,
                let text = address.parameter("expires") ?? nil,
                let seconds = Int(String(decoding: text.prefix(10), as: UTF8.self))
            else { continue }
            return seconds
        }
        return response.number(.expires).map { Int($0) } ?? registration.seconds
    }
}
