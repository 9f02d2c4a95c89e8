import SIP

// Who learns who calls (RFC 3323, RFC 3325).
//
// A caller that asks to be hidden (Privacy: id, user or header) is `anonymous` to the phone that rings
// and to the far end, and so is the sender of a text. It stays so as long as it is in a call: where it is
// transferred, or parked and its parker is rung, `Anonymous` is shown in its place, and what a BYE or a
// refusal says to others does not name it. The record, the log and `show calls` do.
//
// A trusted trunk gets the number all the same, in P-Asserted-Identity beside the wish, since its
// operator has to know; any other gets none. What a trusted trunk asserts of its own caller is believed,
// before From; of any other, and of phones, it is not looked at. Emergency calls hide nobody.

extension Switch {
    /// From of a request of somebody who is hidden (RFC 3323 §4.1.1.3).
    static let anonymous = Array("\"\(anonymousName)\" <sip:anonymous@anonymous.invalid>".utf8)
    private static let anonymousName = "Anonymous"

    /// Whether whoever is at a leg is not to be shown to others.
    func hides(_ leg: LegReference) -> Bool {
        calls[leg.call][leg.side].isHidden && !calls[leg.call].isEmergency
    }

    /// Whether the caller is not to be shown.
    func hidesCaller(_ handle: Handle) -> Bool {
        hides(LegReference(call: handle, side: .caller))
    }

    /// Who is at a leg, for the eyes of others.
    func shownParty(at leg: LegReference) -> String {
        hides(leg) ? Self.anonymousName : party(at: leg)
    }

    /// The phone or trunk of a leg in words, for the eyes of others.
    func shownName(of leg: LegReference) -> String {
        hides(leg) ? Self.anonymousName : calls[leg.call][leg.side].name
    }

    /// Whether whoever sends a request asks not to be shown.
    static func asksToHide(_ request: Message) -> Bool {
        request.values(.privacy).contains { value in
            value.split { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: ",") }.contains { part in
                let word = String(decoding: part.filter { $0 != 0x20 }, as: UTF8.self).lowercased()
                return word == "id" || word == "user" || word == "header"
            }
        }
    }

    /// Whether a network says who its caller is, and that nobody else shall know.
    static func hasUnshownCaller(_ request: Message) -> Bool {
        request.has(.pAssertedIdentity) && isAnonymous(request)
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
