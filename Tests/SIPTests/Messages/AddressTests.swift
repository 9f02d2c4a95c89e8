import SIP
import Testing

@Suite struct NameAddrTests {
    @Test func aNameAddrGivesItsParts() throws {
        let address = try #require(
            NameAddr(parsing: slice("\"A \\\"B\\\" C\" <sip:8001@h;lr>;tag=x;q=\"0,5\";flag")))
        #expect(address.displayName == "A \"B\" C")
        #expect(text(address.rawDisplayName) == "\"A \\\"B\\\" C\"")
        #expect(text(address.uri) == "sip:8001@h;lr")
        #expect(text(address.tag) == "x")
        #expect(text(address.parameter("Q") ?? nil) == "0,5")
        #expect(address.parameter("flag") == .some(nil))
        #expect(address.parameter("lr") == nil)
        #expect(address.uriView?.isLooseRouter == true)
    }

    @Test func anAddrSpecGivesItsParametersToTheHeader() throws {
        let address = try #require(NameAddr(parsing: slice("sip:8001@h;tag=x")))
        #expect(address.displayName == nil)
        #expect(text(address.uri) == "sip:8001@h")
        #expect(text(address.tag) == "x")
    }

    @Test func tokensAreADisplayName() {
        #expect(NameAddr(parsing: slice("  Mr Watson  <sip:a@b>  "))?.displayName == "Mr Watson")
        #expect(NameAddr(parsing: slice("<sip:a@b>"))?.displayName == nil)
    }

    @Test(arguments: [
        "", " ", "<>", "<sip:a@b", "sip:a@b>", "\"x", "\"x\"", "\"x\" sip:a@b", "<sip:a@b> x",
        "<sip:a<b>", "a", "sip:a b", "sip:a?b=c", "sip:a,sip:b", "<:a>", "*",
    ])
    func whatIsNoAddressIsRefused(_ text: String) {
        #expect(NameAddr(parsing: slice(text)) == nil)
    }
}

@Suite struct ViaTests {
    @Test func aViaGivesItsParts() throws {
        let via = try #require(
            Via(parsing: slice("SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKx;rport;ttl=1, next")))
        #expect(via.transportKind == .tls)
        #expect(text(via.host) == "[2001:db8::1]")
        #expect(via.port == 5061)
        #expect(text(via.branch) == "z9hG4bKx")
        #expect(via.hasMagicCookie)
        #expect(via.rport == .requested)
        #expect(via.received == nil)
        #expect(text(via.parameter("ttl") ?? nil) == "1")
        #expect(text(via.text) == "SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKx;rport;ttl=1")
    }

    @Test func aViaNeedsNoParameters() throws {
        let via = try #require(Via(parsing: slice("SIP/2.0/UDP pc33.atlanta.com")))
        #expect(via.port == nil)
        #expect(via.branch == nil)
        #expect(!via.hasMagicCookie)
        #expect(via.rport == .absent)
    }

    @Test func rportHoldsAPortOrAsksForOne() {
        #expect(Via(parsing: slice("SIP/2.0/UDP a;rport=5062"))?.rport == .port(5062))
        #expect(Via(parsing: slice("SIP/2.0/UDP a;rport="))?.rport == .requested)
        #expect(Via(parsing: slice("SIP/2.0/UDP a;rport=x"))?.rport == .requested)
    }

    @Test(arguments: [
        "", "SIP", "SIP/2.0", "SIP/2.0/", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0/UDP :5060",
        "SIP/2.0/UDP a:", "SIP/2.0/UDP a:b", "SIP/2.0/UDP a b", "SIP/2.0/UDP []",
        "SIP/2.0/UDP [::1", "SIP/2.0/UDP a;x=\"", "SIP/2.0/UDPa", "/2.0/UDP a",
    ])
    func whatIsNoViaIsRefused(_ text: String) {
        #expect(Via(parsing: slice(text)) == nil)
    }
}

@Suite struct ParametersTests {
    @Test func parametersKeepTheirOrder() {
        let all = Parameters(slice(" ;a=1 ; b = \"x;\\\"y\" ;c; d=")).map {
            "\(text($0.name)):\(text($0.value) ?? "-"):\(text($0.unescaped))"
        }
        #expect(all == ["a:1:1", "b:x;\\\"y:x;\"y", "c:-:", "d::"])
    }

    @Test func theParametersOfAChallengeAreSeparatedByCommas() {
        let all = Parameters(
            slice("realm=\"a,b\", nonce=\"n==\",qop=\"auth,auth-int\" , stale=TRUE"),
            separator: UInt8(ascii: ","))
        #expect(text(all.value("REALM") ?? nil) == "a,b")
        #expect(text(all.value("nonce") ?? nil) == "n==")
        #expect(text(all.value("stale") ?? nil) == "TRUE")
        #expect(all.value("opaque") == nil)
        #expect(all.map(\.isQuoted) == [true, true, true, false])
    }

    @Test func aControlCharacterIsPartOfItsName() {
        #expect(
            Parameters(slice(";\u{0}b;c\u{1}=1;\u{2}")).map { text($0.name) } == [
                "\u{0}b", "c\u{1}", "\u{2}",
            ])
    }

    @Test func brokenPiecesAreSkipped() {
        #expect(Parameters(slice(";;=;=x;a b;c=1 ; ")).map { text($0.name) } == ["a", "c"])
        #expect(text(Parameters(slice("a=\"open")).value("a") ?? nil) == "open")
    }
}

@Suite struct EndpointTextTests {
    @Test(arguments: [
        "192.0.2.1", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::1", "1::",
        "2001:db8:0:1:1:1:1:1", "2001:0:0:1::1", "fe80::1:2:3:4", "1:2:3:4:5:6:7:8",
    ])
    func anAddressIsWrittenAsItIsRead(_ text: String) {
        #expect(IPAddress(text)?.description == text)
    }

    @Test(arguments: [
        ("[::1]", "::1"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"), ("0:0:1:2:3:4:5:6", "::1:2:3:4:5:6"),
    ])
    func otherSpellingsBecomeTheUsualOne(_ text: String, _ usual: String) {
        #expect(IPAddress(text)?.description == usual)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1..2.3", "a.b.c.d", "1.2.3.4 ",
        "[1.2.3.4]",
        ":", ":::", "1:2", "1::2::3", "12345::", "::g", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:",
        ":1::2",
        "1:2:3:4:5:6:7::8:9", "::1.2.3", "1.2.3.4::", "[::1", "::1]", "fe80::1%eth0", "[]",
    ])
    func whatIsNoAddressIsRefused(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func anEndpointHasItsPort() {
        #expect(Endpoint("127.0.0.1:5060") == Endpoint(ip: IPAddress(v4: 0x7f00_0001), port: 5060))
        #expect(Endpoint("[2001:db8::1]:5061")?.description == "[2001:db8::1]:5061")
        #expect(Endpoint("127.0.0.1:5060")?.description == "127.0.0.1:5060")
        for bad in [
            "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "::1:5060", ":1", "",
        ] {
            #expect(Endpoint(bad) == nil, "\(bad)")
        }
    }
}
