import Dialplan
import SIP

// A phone that answers 3xx sends its call on by itself, as its user has told it (RFC 3261 §13.3.1.2).
// The switch follows it where `CallSettings.followsRedirects` says so: the call is made as a forwarded
// one, with the rights and on the account of the extension, when none of its phones has taken it. A
// trunk's 3xx is followed nowhere, since nobody would answer for what it costs, nor is that of a member
// of a ring group.

extension Switch {
    /// Keeps where a phone sends its call.
    mutating func redirected(_ response: Message, call handle: Handle, callee: Int) {
        guard settings.calls.followsRedirects,
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
        divert(
            handle, to: .number(redirect.to, as: redirect.by), by: redirect.by,
            from: redirect.by, .unconditional)
        return true
    }
}
