import SIP

// Who learns who calls (RFC 3323, RFC 3325).
//
// A caller that asks to be hidden (Privacy: id, user or header) is `anonymous` to the phone that rings
// and to the far end. A trusted trunk gets the number all the same, in P-Asserted-Identity beside the
// wish, since its operator has to know; any other gets none. What a trusted trunk asserts of its own
// caller is believed, before From; of any other, and of phones, it is not looked at. Emergency calls
// hide nobody.

extension Switch {
    /// From of a call whose caller is hidden (RFC 3323 §4.1.1.3).
    static let anonymous = Array("\"Anonymous\" <sip:anonymous@anonymous.invalid>".utf8)

    /// Whether the caller is not to be shown.
    func hidesCaller(_ handle: Handle) -> Bool {
        guard let invite = calls[handle].invite, !calls[handle].isEmergency else { return false }
        if let privacy = invite.value(.privacy), Self.asksToHide(privacy) { return true }
        // The network knows who it is, and says that nobody else shall.
        guard calls[handle].inboundTrunk != nil, invite.has(.pAssertedIdentity) else {
            return false
        }
        return Self.isAnonymous(invite)
    }

    private static func asksToHide(_ privacy: ArraySlice<UInt8>) -> Bool {
        privacy.split { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: ",") }.contains { part in
            let word = String(decoding: part.filter { $0 != 0x20 }, as: UTF8.self).lowercased()
            return word == "id" || word == "user" || word == "header"
        }
    }

    private static func isAnonymous(_ request: Message) -> Bool {
        guard let uri = request.address(.from)?.uriView else { return true }
        return uri.userUnescaped.lowercased() == "anonymous"
            || String(decoding: uri.host, as: UTF8.self).lowercased() == "anonymous.invalid"
    }

    /// The number that a trusted trunk asserts for its caller; nil where it asserts none.
    func assertedCaller(of request: Message, by trunk: String) -> String? {
        guard let value = request.value(.pAssertedIdentity),
            trunks[trunk]?.settings.isTrusted == true, let address = NameAddr(parsing: value)
        else { return nil }
        return address.uriView?.telephoneNumber.map { String($0.prefix(64)) }
    }
}
