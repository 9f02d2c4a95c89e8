import SIP
import Testing

@testable import Runtime

@Suite struct WrittenValuesTests {
    @Test(arguments: [
        ("0", 0), ("500ms", 500), ("3s", 3000), ("5m", 300_000), ("1h", 3_600_000), ("0s", 0),
    ])
    func lengthsOfTimeAreANumberAndAUnit(text: String, milliseconds: Int) {
        #expect(Instant.Span(written: text) == .milliseconds(milliseconds))
    }

    @Test(arguments: [
        "", "3", "s", "3 s", "-3s", "3.5s", "3sec", "99999999999999999999s", "25000h",
    ])
    func anythingElseIsNoLengthOfTime(text: String) {
        #expect(Instant.Span(written: text) == nil)
    }

    @Test(arguments: ["0", "500ms", "3s", "90s", "5m", "1h"])
    func aLengthIsWrittenAsItWasRead(text: String) {
        #expect(Instant.Span(written: text)?.written == text)
    }

    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7:5060"), ("192.0.2.7:5070", "192.0.2.7:5070"),
        ("[2001:db8::7]:5070", "[2001:db8::7]:5070"), ("[2001:db8::7]", "[2001:db8::7]:5060"),
        ("2001:db8::7", "[2001:db8::7]:5060"),
    ])
    func addressesHaveAPortOrTheDefaultOne(text: String, endpoint: String) {
        #expect(Endpoint(written: text, defaultPort: 5060)?.description == endpoint)
    }

    @Test(arguments: [
        "", "host", "192.0.2", "192.0.2.7:", "192.0.2.7:0", "192.0.2.7:65536", "[2001:db8::7",
        ":5060",
        "192.0.2.7:5060:1", "[2001:db8::7]5060",
    ])
    func anythingElseIsNoAddress(text: String) {
        #expect(Endpoint(written: text, defaultPort: 5060) == nil)
    }
}
