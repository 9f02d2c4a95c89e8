import SIP
import Testing

@testable import Switching

@Suite struct AddressRangeTests {
    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.8", false),
        ("192.0.2.0/24", "192.0.2.255", true), ("192.0.2.0/24", "192.0.3.0", false),
        ("192.0.2.128/25", "192.0.2.127", false), ("192.0.2.128/25", "192.0.2.129", true),
        ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "2001:db8::1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
        ("2001:db8::/65", "2001:db8::8000:0:0:1", false), ("2001:db8::/65", "2001:db8::1", true),
        ("::/0", "2001:db8::1", true), ("::/0", "192.0.2.1", false),
        ("2001:db8::1", "2001:db8::1", true), ("2001:db8::1", "2001:db8::2", false),
    ])
    func aRangeHoldsWhatSharesItsFirstBits(_ range: String, _ address: String, _ isIn: Bool) throws
    {
        let range = try #require(AddressRange(range))
        #expect(range.contains(try #require(IPAddress(address))) == isIn)
    }

    @Test(arguments: [
        "", "/", "192.0.2.7/", "192.0.2.7/24", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/+8",
        "192.0.2.0/24/8", "2001:db8::1/64", "2001:db8::/129", "example.com", "192.0.2",
    ])
    func whatIsNoRangeIsRefused(_ text: String) { #expect(AddressRange(text) == nil) }

    @Test(arguments: ["192.0.2.7", "192.0.2.0/24", "2001:db8::/32", "2001:db8::1", "0.0.0.0/0"])
    func aRangeIsWrittenAsItWasRead(_ text: String) throws {
        #expect(try #require(AddressRange(text)).description == text)
    }
}
