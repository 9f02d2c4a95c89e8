import Dialplan
import SIP

// A phone that answers 3xx sends its call on by itself, as its user has told it (RFC 3261 §13.3.1.2).
// What becomes of that is `CallSettings.redirects`: the call is made as a forwarded one, with the rights
// and on the account of the extension, when none of its phones has taken it; or the phone that has called
// is told where, and may call there by itself. A trunk's 3xx is followed nowhere, since nobody would answer
// for what it costs, nor is that of a member of a ring group.

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
        calls[handle].routing?.redirect = Redirect(by: number, to: target)
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
        divert(
            handle, to: .number(redirect.to, as: redirect.by), by: redirect.by,
            from: redirect.by, .unconditional)
        return true
    }

    /// Tells the phone that has called where its call is sent, as a number of this switch.
    ///
    /// - Returns: false where there is no such phone.
    private mutating func passes(_ redirect: Redirect, to handle: Handle) -> Bool {
        guard calls[handle].callerExtension != nil, let server = calls[handle].inviteTransaction,
            servers.contains(server)
        else { return false }
        let listener = servers[server].flow.listener
        let contact = identity(name: [], user: redirect.to, listener: listener)
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
