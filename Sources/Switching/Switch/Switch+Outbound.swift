import SIP

// Registrations that come by proxies at the edge of the network (Path, RFC 3327), and phones that keep
// several flows to us (outbound, RFC 5626).
//
// Path is who a request to the phone has to go by; it goes to where the REGISTER came from, with the
// Path as its Route. A phone with several flows is one phone: it is rung by the flow that it has
// refreshed last, and by another one when that turns out to be dead (430 from the proxy that held it,
// or silence).
//
// Over UDP outbound is left to proxies: a phone keeps such a flow alive by STUN (§3.5.2), which is not
// spoken here.

extension Switch {
    /// Proxies on the way to a phone at most.
    static let pathLimit = 8
    /// How often a phone shows that its connection lives, in seconds, at most (RFC 5626 §4.4).
    static let flowTimer = 120

    enum OutboundSupport: Equatable {
        /// The phone does not ask for it, or not in a way that we take.
        case none
        case given
        /// The proxy at the edge does not have it: 439.
        case lackedByFirstHop
    }

    /// Whether a registration is one of several flows (RFC 5626 §6).
    func outboundSupport(of request: Message, on flow: Flow) -> OutboundSupport {
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
        return flow.transport.isReliable ? .given : .none
    }

    /// The flow that a Contact names; one with `reg-id` alone names none (RFC 5626 §6).
    static func outboundFlow(of contact: NameAddr) -> OutboundFlow? {
        guard let instance = contact.parameter("+sip.instance") ?? nil,
            let text = contact.parameter("reg-id") ?? nil,
            let regID = UInt32(String(decoding: text.prefix(10), as: UTF8.self)), regID > 0,
            instance.count <= 128
        else { return nil }
        let isQuoted = instance.first == UInt8(ascii: "\"") && instance.count >= 2
        let bare = isQuoted ? instance.dropFirst().dropLast() : instance
        guard bare.allSatisfy({ 0x21...0x7e ~= $0 && $0 != 0x22 && $0 != 0x5c }) else { return nil }
        return OutboundFlow(instance: Array(bare), regID: regID)
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
            // It may have left meanwhile.
            let isThere = registrar.reachable(of: number, at: wallTime).contains {
                $0.contact == next.contact && $0.outbound == next.outbound && $0.flow == next.flow
            }
            guard isThere else { continue }
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
            handle, uri: binding.contact, from: from,
            to: identity(name: [], user: number, listener: listener), asserted: nil,
            flow: binding.flow, name: number, route: binding.path, isPhone: true, breadth: breadth)
        guard place < calls[handle].callees.count else { return }
        calls[handle].callees[place].rings = number
        if binding.outbound != nil {
            calls[handle].routing?.flows[place] = (binding, others)
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
