import SIP
import Testing

@Suite struct URITests {
    @Test func aSIPURIGivesItsParts() throws {
        let uri = try #require(
            URI(
                parsing: slice(
                    "sips:al%69ce:se%2Ecret@Example.com:5061;transport=tcp;lr?to=x&subject=y")))
        #expect(uri.scheme == .sips)
        #expect(text(uri.user) == "al%69ce")
        #expect(uri.userUnescaped == "alice")
        #expect(text(uri.password) == "se%2Ecret")
        #expect(text(uri.host) == "Example.com")
        #expect(uri.port == 5061)
        #expect(text(uri.parameter("transport") ?? nil) == "tcp")
        #expect(uri.isLooseRouter)
        #expect(text(uri.headers) == "to=x&subject=y")
        #expect(text(uri.headerFields.value("subject") ?? nil) == "y")
        #expect(text(uri.addressOfRecord) == "sips:alice@example.com:5061")
    }

    @Test func aURINeedsOnlyItsHost() throws {
        let uri = try #require(URI("sip:10.0.0.1"))
        #expect(uri.user == nil)
        #expect(uri.password == nil)
        #expect(uri.port == nil)
        #expect(uri.headers.isEmpty)
        #expect(!uri.isLooseRouter)
        #expect(text(uri.addressOfRecord) == "sip:10.0.0.1")
        #expect(text(URI("sip:a@[::1]:5060;lr")?.host) == "[::1]")
    }

    @Test func aTelURIGivesItsNumber() throws {
        let uri = try #require(URI("tel:+86-(311)-8603.5566;phone-context=example.com"))
        #expect(uri.scheme == .tel)
        #expect(uri.telephoneNumber == "+8631186035566")
        #expect(text(uri.parameter("phone-context") ?? nil) == "example.com")
        #expect(uri.host.isEmpty)
        #expect(text(uri.addressOfRecord) == "tel:+8631186035566")
    }

    @Test(arguments: [
        ("sip:8001@h", "8001"), ("sip:%2B86311@h", "+86311"), ("sip:0-20;phone-context=x@h", "020"),
        ("sip:*98%23@h", "*98#"), ("sip:+1(212)5@h;user=phone", "+12125"),
    ])
    func aUserPartOfDigitsIsANumber(_ text: String, _ number: String) {
        #expect(URI(text)?.telephoneNumber == number)
    }

    @Test(arguments: ["sip:alice@h", "sip:+@h", "sip:h", "sip:12+3@h", "sip:-@h", "tel:;x=1"])
    func anotherUserPartIsNoNumber(_ text: String) {
        #expect(URI(text)?.telephoneNumber == nil)
    }

    @Test(arguments: [
        "", "sip", "sip:", ":a", "sip:@h", "sip:a@", "sip:a@h:", "sip:a@h:x", "sip:a@h:0",
        "sip:a@h:65536", "sip:a@h x", "sip:a b@h", "sip:a@h?", "sip:%4@h", "sip:%zz@h",
        "sip:a@[::1",
        "sip:a@h/path", "<sip:a@h>", "1sip:a@h", "tel:", "sip:a@h\"",
    ])
    func whatIsNoURIIsRefused(_ text: String) {
        #expect(URI(parsing: slice(text)) == nil)
    }

    @Test func anotherSchemeIsOpaque() throws {
        let uri = try #require(URI("urn:service:sos"))
        #expect(uri.scheme == .other)
        #expect(text(uri.schemeText) == "urn")
        #expect(text(uri.text) == "urn:service:sos")
    }

    // RFC 3261 §19.1.4 gives these pairs.
    @Test(arguments: [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x"
        ),
        ("tel:+1-212-555", "tel:+1212555"), ("urn:service:sos", "URN:service:sos"),
    ])
    func theseURIsAreEquivalent(_ a: String, _ b: String) throws {
        let (a, b) = (try #require(URI(a)), try #require(URI(b)))
        #expect(a == b)
        #expect(b == a)
    }

    @Test(arguments: [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        (
            "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"
        ),
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"), ("sip:biloxi.com", "sip:bob@biloxi.com"),
        ("sip:bob:x@biloxi.com", "sip:bob@biloxi.com"), ("tel:+1212555", "tel:1212555"),
        ("tel:555;phone-context=a", "tel:555"), ("sip:a@h;lr;ttl=1", "sip:a@h;lr"),
    ])
    func theseURIsAreNotEquivalent(_ a: String, _ b: String) throws {
        let (a, b) = (try #require(URI(a)), try #require(URI(b)))
        #expect(a != b)
        #expect(b != a)
    }

    @Test func equivalenceIsNotTransitiveAndTheKeyIs() throws {
        let plain = try #require(URI("sip:a@h"))
        let one = try #require(URI("sip:a@H;x=1"))
        let two = try #require(URI("sip:%61@h;x=2"))
        #expect(plain == one && plain == two && one != two)
        #expect(Set([plain, one, two].map(\.addressOfRecord)).count == 1)
    }

    /// To look for each parameter among all the others would take minutes.
    @Test(.timeLimit(.minutes(1)), arguments: [";", "&"])
    func thousandsOfParametersInAnotherOrderAreTheSame(separator: String) throws {
        let parameters = (0..<6_000).map { "p\($0)=\($0)" }
        let start = "sip:a@example.com" + (separator == "&" ? "?" : ";")
        func uri(_ parameters: [String]) throws -> URI {
            try #require(URI(start + parameters.joined(separator: separator)))
        }
        let whole = try uri(parameters)
        for _ in 0..<4 { #expect(whole == (try uri(parameters.shuffled()))) }
        #expect(whole != (try uri(parameters.dropLast() + ["p5999=0"])))
        #expect(whole == (try uri(parameters.map { $0.uppercased() })) || separator == "&")
    }
}
