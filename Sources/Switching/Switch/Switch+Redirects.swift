import Dialplan
import SIP

// A phone that answers 3xx sends its call on by itself, as its user has told it (RFC 3261 §13.3.1.2).
// What becomes of that is `CallSettings.redirects`: the call is made as a forwarded one, with the rights
// and on the account of the extension, when none of its phones has taken it; or the phone that has called
// is told where, and may call there by itself. A trunk's 3xx is followed nowhere, since nobody would answer
// for what it costs, nor is that of a member of a ring group. One to `sips` is followed by TLS alone, and
// only for a caller that is reached by it (RFC 5630 §5.4).
//
// Of several Contacts those that this switch serves are tried one after another, by falling `q` and then as
// they are written, until one takes the call (RFC 3261 §8.1.3.4): the next one where the one before has
// failed altogether, with whatever its own user or the plan has for that. Each counts as one turn of the
// call (`limits.diversions`).

extension Switch {
    /// Keeps where a phone sends its call.
    mutating func redirected(_ response: Message, call handle: Handle, callee: Int) {
        guard settings.calls.redirects != .refuse,
            let number = calls[handle].callees[callee].rings,
            let routing = calls[handle].routing, routing.hunt == nil,
            !routing.redirects.contains(where: { $0.by == number })
        else { return }
        let isSips = calls[handle].isSentToSips
        var found: [Redirect] = []
        for contact in response.elements(.contact) {
            guard let address = NameAddr(parsing: contact), let uri = address.uriView,
                isServed(uri)
            else { continue }
            let target = uri.telephoneNumber ?? uri.userUnescaped
            let isSips = isSips || uri.scheme == .sips
            // One that names itself has failed.
            guard isDialable(target), target != number,
                !found.contains(where: { $0.to == target && $0.isSips == isSips })
            else { continue }
            found.append(
                Redirect(
                    by: number, to: target, isSips: isSips,
                    quality: Self.quality(of: address), query: routing.query,
                    diversions: routing.diversions, direction: calls[handle].record.direction,
                    limitMilliseconds: calls[handle].limitMilliseconds))
        }
        let best = found.enumerated().sorted {
            ($1.element.quality, $0.offset) < ($0.element.quality, $1.offset)
        }
        calls[handle].routing?.redirects.insert(
            contentsOf: best.prefix(settings.limits.diversions).map(\.element), at: 0)
    }

    /// `q` in thousandths; what says none, or none that can be read, is as good as any.
    private static func quality(of contact: NameAddr) -> Int {
        guard let text = contact.parameter("q") ?? nil,
            let value = Double(String(decoding: text.prefix(8), as: UTF8.self)),
            0...1 ~= value
        else { return 1000 }
        return Int(value * 1000)
    }

    /// Sends a call where a phone of the extension wants it.
    ///
    /// - Returns: false when none said so.
    mutating func followsRedirect(
        _ handle: Handle, of number: String?, after failure: Call.Failure
    ) -> Bool {
        guard let redirects = calls[handle].routing?.redirects,
            redirects.first?.by == number
        else { return false }
        if settings.calls.redirects == .pass, failure.status < 600,
            passes(redirects.filter { $0.by == number }, to: handle)
        {
            return true
        }
        return goesToNextContact(handle, after: failure)
    }

    /// Sends a call to the next Contact of a phone that has sent it on, after the one before, or the
    /// phone itself, has not taken it.
    ///
    /// - Returns: false when none is left.
    mutating func goesToNextContact(_ handle: Handle, after failure: Call.Failure) -> Bool {
        guard failure.status < 600, !calls[handle].isEmergency else {
            // A call for help has no other number, and what a user has declined everywhere
            // goes nowhere else.
            calls[handle].routing?.redirects = []
            return false
        }
        while let redirect = calls[handle].routing?.redirects.first {
            calls[handle].routing?.redirects.removeFirst()
            let caller = waitingSide(of: handle)
            let isReached =
                !redirect.isSips || calls[caller.call][caller.side].flow.transport == .tls
            guard isReached else {
                let text = "\(shownParty(at: caller)) is not reached by TLS, as sips asks for"
                let refusal = Call.Failure(
                    status: 480, q850: Causes.q850(ofStatus: 480), text: text, warning: text)
                guard calls[handle].routing?.redirects.isEmpty == true else { continue }
                calls[handle].lastFailure = refusal
                fail(handle, refusal.status, q850: refusal.q850, text)
                return true
            }
            releaseUnpaid(handle)
            calls[handle].isSentToSips = redirect.isSips
            calls[handle].routing?.query = redirect.query
            calls[handle].routing?.diversions = redirect.diversions
            calls[handle].record.direction = redirect.direction
            calls[handle].limitMilliseconds = redirect.limitMilliseconds
            divert(
                handle, to: .number(redirect.to, as: redirect.by), by: redirect.by,
                from: redirect.by, .unconditional, isRedirected: true)
            return true
        }
        return false
    }

    /// Who waits for the answer: the caller, or who is being transferred.
    private func waitingSide(of handle: Handle) -> LegReference {
        let caller = LegReference(call: handle, side: .caller)
        guard isForTransfer(handle), let first = calls[handle].handover?.isFor,
            let transfer = calls[first].handover?.transfer
        else { return caller }
        return partner(of: LegReference(call: first, side: transfer.by)) ?? caller
    }

    /// Tells the phone that has called where its call is sent, as numbers of this switch.
    ///
    /// - Returns: false where there is no such phone.
    private mutating func passes(_ redirects: [Redirect], to handle: Handle) -> Bool {
        guard calls[handle].callerExtension != nil, let server = calls[handle].inviteTransaction,
            servers.contains(server)
        else { return false }
        let flow = servers[server].flow
        let known = redirects.filter { !$0.isSips || flow.transport == .tls }
        guard let first = known.first else { return false }
        let contacts = known.map { redirect in
            var contact = identity(name: [], user: redirect.to, listener: flow.listener)
            if redirect.isSips { contact.replaceSubrange(0..<4, with: "<sips".utf8) }
            guard known.count > 1 else { return contact }
            let digits = String(redirect.quality % 1000)
            let zeros = String(repeating: "0", count: 3 - digits.utf8.count)
            return contact + Array(";q=\(redirect.quality / 1000).\(zeros)\(digits)".utf8)
        }
        respond(server, 302, toTag: Token.text(servers[server].localTag)) { writer in
            for contact in contacts { writer.field(.contact, contact) }
        }
        calls[handle].inviteTransaction = nil
        close(
            handle, by: .switch, status: 302, q850: Causes.normalClearing,
            text: "\(first.by) sends it on to \(first.to)", disposition: .noAnswer)
        return true
    }
}
