import Dialplan
import SIP

// A phone that answers 3xx sends its call on by itself, as its user has told it (RFC 3261 §13.3.1.2).
// What becomes of that is `CallSettings.redirects`: the call is made as a forwarded one, with the rights
// and on the account of the extension, when none of its phones has taken it; or the phone that has called
// is told where, and may call there by itself. A trunk's 3xx is followed nowhere, since nobody would answer
// for what it costs, nor is that of a member of a ring group. One to `sips` is followed by TLS alone, and
// only for a caller that is reached by it (RFC 5630 §5.4).

extension Switch {
    /// Keeps where a phone sends its call.
    mutating func redirected(_ response: Message, call handle: Handle, callee: Int) {
        guard settings.calls.redirects != .refuse,
            let number = calls[handle].callees[callee].rings,
            calls[handle].routing?.hunt == nil, calls[handle].routing?.redirect == nil,
            let contact = response.elements(.contact).first,
            let uri = NameAddr(parsing: contact)?.uriView, isServed(uri)
        else { return }
        let target = uri.telephoneNumber ?? uri.userUnescaped
        // One that names itself has failed.
        guard isDialable(target), target != number else { return }
        calls[handle].routing?.redirect = Redirect(
            by: number, to: target, isSips: uri.scheme == .sips)
    }

    /// Sends a call where a phone of the extension wants it.
    ///
    /// - Returns: false when none said so.
    mutating func followsRedirect(_ handle: Handle, after failure: Call.Failure) -> Bool {
        // What a user has declined everywhere goes nowhere else.
        guard let redirect = calls[handle].routing?.redirect, failure.status < 600 else {
            return false
        }
        if settings.calls.redirects == .pass, passes(redirect, to: handle) { return true }
        if redirect.isSips {
            let caller = waitingSide(of: handle)
            guard calls[caller.call][caller.side].flow.transport == .tls else {
                let text = "\(shownParty(at: caller)) is not reached by TLS, as sips asks for"
                let refusal = Call.Failure(
                    status: 480, q850: Causes.q850(ofStatus: 480), text: text, warning: text)
                calls[handle].lastFailure = refusal
                fail(handle, refusal.status, q850: refusal.q850, text)
                return true
            }
            calls[handle].isSentToSips = true
        }
        divert(
            handle, to: .number(redirect.to, as: redirect.by), by: redirect.by,
            from: redirect.by, .unconditional)
        return true
    }

    /// Who waits for the answer: the caller, or who is being transferred.
    private func waitingSide(of handle: Handle) -> LegReference {
        let caller = LegReference(call: handle, side: .caller)
        guard isForTransfer(handle), let first = calls[handle].handover?.isFor,
            let transfer = calls[first].handover?.transfer
        else { return caller }
        return partner(of: LegReference(call: first, side: transfer.by)) ?? caller
    }

    /// Tells the phone that has called where its call is sent, as a number of this switch.
    ///
    /// - Returns: false where there is no such phone.
    private mutating func passes(_ redirect: Redirect, to handle: Handle) -> Bool {
        guard calls[handle].callerExtension != nil, let server = calls[handle].inviteTransaction,
            servers.contains(server),
            !redirect.isSips || servers[server].flow.transport == .tls
        else { return false }
        let listener = servers[server].flow.listener
        var contact = identity(name: [], user: redirect.to, listener: listener)
        if redirect.isSips { contact.replaceSubrange(0..<4, with: "<sips".utf8) }
        respond(server, 302, toTag: Token.text(servers[server].localTag)) {
            $0.field(.contact, contact)
        }
        calls[handle].inviteTransaction = nil
        close(
            handle, by: .switch, status: 302, q850: Causes.normalClearing,
            text: "\(redirect.by) sends it on to \(redirect.to)", disposition: .noAnswer)
        return true
    }
}
