import SIP

// Registrations that come by proxies at the edge of the network (Path, RFC 3327), and phones that keep
// several flows to us (outbound, RFC 5626).
//
// Path is who a request to the phone has to go by; it goes to where the REGISTER came from, with the
// Path as its Route. A phone with several flows is one phone: it is rung by the flow that it has
// refreshed last, and by another one when that turns out to be dead (430 from the proxy that held it,
// or silence).
//
// A flow over UDP is kept alive by STUN at the port of SIP (§3.5.2, §8), one over a connection by CRLF
// CRLF (§3.5.1). Nobody tells of a dead flow over UDP; a phone that sees itself by another address than
// before registers anew, and a request that meets silence goes by another flow.

extension Switch {
    /// Proxies on the way to a phone at most.
    static let pathLimit = 8
    /// How often a phone shows that its flow lives, in seconds, at most (RFC 5626 §4.4): by UDP before
    /// the shortest memory of a NAT that is common, 30 s (RFC 4787 §4.3).
    static func flowTimer(_ transport: TransportKind) -> Int { transport == .udp ? 29 : 120 }

    /// How long a flow may be silent before a phone that has others is tried by the next one: four
    /// datagrams (RFC 3261 §17.1.1.2).
    static let flowPatience = Instant.Span.seconds(4)

    enum OutboundSupport: Equatable {
        /// The phone does not ask for it, or not in a way that we take.
        case none
        case given
        /// The proxy at the edge does not have it: 439.
        case lackedByFirstHop
    }

    /// Whether a registration is one of several flows (RFC 5626 §6).
    func outboundSupport(of request: Message) -> OutboundSupport {
        let asks = request.elements(.contact).contains { contact in
            NameAddr(parsing: contact).flatMap { Self.outboundFlow(of: $0) } != nil
        }
        guard asks,
            request.has("outbound", in: .supported) || request.has("outbound", in: .require)
        else { return .none }
        guard request.elements(.via).dropFirst().isEmpty else {
            // The proxy next to the phone holds its flow, and says so.
            let isHeld = [request.elements(.path).first, request.elements(.path).last].contains {
                $0.flatMap { NameAddr(parsing: $0)?.uriView?.parameter("ob") } != nil
            }
            return isHeld ? .given : .lackedByFirstHop
        }
        return .given
    }

    /// The flow that a Contact names; one with `reg-id` alone names none (RFC 5626 §6).
    static func outboundFlow(of contact: NameAddr) -> OutboundFlow? {
        guard let instance = instance(of: contact), let text = contact.parameter("reg-id") ?? nil,
            let regID = UInt32(String(decoding: text.prefix(10), as: UTF8.self)), regID > 0
        else { return nil }
        return OutboundFlow(instance: instance, regID: regID)
    }

    /// The phone that a Contact names, whichever of its flows it is (RFC 5626 §4.1), without quotes.
    static func instance(of contact: NameAddr) -> [UInt8]? {
        guard let instance = contact.parameter("+sip.instance") ?? nil, instance.count <= 128 else {
            return nil
        }
        let isQuoted = instance.first == UInt8(ascii: "\"") && instance.count >= 2
        let bare = isQuoted ? instance.dropFirst().dropLast() : instance
        guard bare.allSatisfy({ 0x21...0x7e ~= $0 && $0 != 0x22 && $0 != 0x5c }) else { return nil }
        return Array(bare)
    }

    /// By which flow each phone is called, and the others that it has, best first.
    static func flowsOfPhones(_ bindings: [Binding]) -> [(first: Binding, others: [Binding])] {
        var phones: [(first: Binding, others: [Binding])] = []
        for binding in bindings {
            let known = binding.outbound.flatMap { outbound in
                phones.firstIndex { $0.first.outbound?.instance == outbound.instance }
            }
            guard let known else {
                phones.append((binding, []))
                continue
            }
            // Which was refreshed last: it is the likeliest to live.
            let all = ([phones[known].first, binding] + phones[known].others).sorted {
                ($1.expiresAt, $0.regID) < ($0.expiresAt, $1.regID)
            }
            phones[known] = (all[0], Array(all.dropFirst()))
        }
        return phones
    }

    /// A phone was not reached by the flow that was tried: another one of its flows rings it.
    ///
    /// - Returns: false when it has no other.
    mutating func ringsByOtherFlow(
        _ handle: Handle, callee: Int, status: Int, isSilence: Bool
    ) -> Bool {
        guard status == 430 || isSilence, case .trying = calls[handle].phase,
            let number = calls[handle].callees[callee].rings,
            var tried = calls[handle].routing?.flows[callee]
        else { return false }
        calls[handle].routing?.flows[callee] = nil
        // The proxy knows that it is dead; silence may be the wire's.
        if status == 430 { registrar.flowFailed(tried.first) }
        while let next = tried.others.first {
            tried.others.removeFirst()
            guard isThere(next, of: number) else { continue }
            log(
                .info, call: calls[handle].id,
                "a flow of \(number) is dead (\(status)), trying another one of the same phone")
            calls[handle].callees[callee].state = .ended
            if let client = calls[handle].callees[callee].client, clients.contains(client) {
                clients[client].user = .nobody
            }
            ring(
                handle, number, by: next, others: tried.others,
                breadth: calls[handle].callees[callee].breadth)
            return true
        }
        return false
    }

    /// Phones that rang by flows over which nothing has come ring by others. What still comes by the
    /// first is taken back.
    mutating func silentFlowDeadlineReached(_ handle: Handle) {
        for index in calls[handle].callees.indices {
            guard calls[handle].callees[index].state == .trying,
                calls[handle].routing?.flows[index]?.others.isEmpty == false,
                let client = calls[handle].callees[index].client, clients.contains(client),
                case .invite(let machine) = clients[client].machine, machine.isUnanswered,
                ringsByOtherFlow(handle, callee: index, status: 408, isSilence: true)
            else { continue }
            clients[client].isAbandoned = true
            cancel(client: client, reason: nil)
        }
    }

    /// Whether a flow is still one of an extension's: the phone may have left meanwhile.
    func isThere(_ binding: Binding, of number: String) -> Bool {
        registrar.reachable(of: number, at: wallTime).contains {
            $0.contact == binding.contact && $0.outbound == binding.outbound
                && $0.flow == binding.flow
        }
    }

    /// Sends the INVITE of a call to one phone of an extension.
    ///
    /// - Parameter breadth: its share of the branches that the call may have.
    mutating func ring(
        _ handle: Handle, _ number: String, by binding: Binding, others: [Binding],
        breadth: UInt32
    ) {
        let listener = binding.flow.listener
        let from =
            hidesCaller(handle)
            ? Self.anonymous
            : identity(
                name: calls[handle].callerName, user: calls[handle].record.caller,
                listener: listener)
        let place = calls[handle].callees.count
        invite(
            handle, uri: binding.requestURI, from: from,
            to: identity(name: [], user: number, listener: listener), asserted: nil,
            flow: binding.flow, name: number, route: binding.path, isPhone: true, breadth: breadth)
        guard place < calls[handle].callees.count else { return }
        calls[handle].callees[place].rings = number
        guard binding.outbound != nil else { return }
        calls[handle].routing?.flows[place] = (binding, others)
        if !others.isEmpty {
            deadlines.set(
                DeadlineKey(kind: .silentFlow, slot: handle.slot), at: now + Self.flowPatience)
        }
    }
}

extension Binding {
    /// As a Contact of the answer to REGISTER.
    func write(at wallTime: Int64, into writer: inout MessageWriter) {
        writer.beginField(.contact)
        writer.append("<")
        writer.append(contact)
        writer.append(">;expires=")
        writer.append(Int((expiresAt - wallTime + 999_999) / 1_000_000))
        if let outbound {
            writer.append(";+sip.instance=\"")
            writer.append(outbound.instance)
            writer.append("\";reg-id=")
            writer.append(Int(outbound.regID))
        }
        writer.endField()
    }
}
