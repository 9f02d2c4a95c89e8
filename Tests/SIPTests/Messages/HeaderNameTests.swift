import SIP
import Testing

@Suite struct HeaderNameTests {
    @Test func namesCompareInAnyCase() {
        #expect(HeaderName("call-id") == .callID)
        #expect(HeaderName("CALL-ID") == HeaderName("Call-Id"))
        #expect(HeaderName("x-own") == HeaderName("X-OWN"))
        #expect(HeaderName("x-own").hashValue == HeaderName("X-OWN").hashValue)
        #expect(HeaderName("x-own") != HeaderName("x-owm"))
        #expect(HeaderName("Via") != HeaderName("Vib"))
    }

    @Test func unknownNamesKeepTheirSpelling() {
        #expect(HeaderName("x-OWN").spelling == "x-OWN")
        #expect(HeaderName("wWw-authenticate").spelling == "WWW-Authenticate")
    }

    @Test(arguments: [
        ("v", HeaderName.via), ("F", .from), ("t", .to), ("I", .callID), ("l", .contentLength),
        ("c", .contentType), ("m", .contact), ("k", .supported), ("s", .subject),
        ("e", .contentEncoding), ("o", .event), ("r", .referTo), ("b", .referredBy),
        ("u", .allowEvents), ("x", .sessionExpires), ("a", .acceptContact), ("j", .rejectContact),
        ("d", .requestDisposition), ("y", .identity), ("n", .identityInfo),
    ])
    func compactFormsAreLongNames(_ letter: String, _ name: HeaderName) {
        #expect(HeaderName(letter) == name)
    }

    @Test(arguments: ["", "z", "-", "Vi\u{1}", "Call\rID", "Call\u{d}ID", "Contact2", "Content-"])
    func nearlyKnownNamesAreUnknown(_ name: String) {
        #expect(HeaderName(name).spelling == name)
    }

    @Test(arguments: [
        "To", "RAck", "Route", "Contact", "Max-Forwards", "Proxy-Authenticate",
        "P-Access-Network-Info", "Accept-Resource-Priority",
    ])
    func knownNamesAreFoundInMessagesOfAnyLength(_ name: String) throws {
        // The name stands at the very end as well, where no eight bytes can be loaded.
        #expect(HeaderName(slice(name.lowercased())).spelling == name)
        #expect(HeaderName(slice(name.uppercased())).spelling == name)
        #expect(HeaderName(slice(name + "x")).spelling == name + "x")
    }
}

@Suite struct MethodTests {
    @Test(arguments: [
        Method.invite, .ack, .cancel, .bye, .options, .register, .update, .info, .prack,
        .subscribe, .notify, .refer, .message, .publish,
    ])
    func everyMethodIsReadFromItsSpelling(_ method: Method) {
        #expect(Method(slice(method.name)) == method)
        #expect(method.bytes == Array(method.name.utf8))
    }

    @Test(arguments: ["invite", "INVITES", "INVIT", "", "NEWMETHOD", "BYF"])
    func methodsCompareByExactCase(_ name: String) {
        #expect(Method(name) == .other(Array(name.utf8)))
        #expect(Method(name).name == name)
    }
}
