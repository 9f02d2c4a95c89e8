import SIP
import Switching
import Testing

@testable import Runtime

@Suite struct OverloadSectionTests {
    private func file(_ yaml: String) -> ConfigurationFile {
        ConfigurationFile(
            text: ConfigurationFolder.yaml + yaml, file: "t.yaml", folder: "/")
    }

    @Test func everyKeyReachesItsSetting() throws {
        let overload = try #require(
            file("overload: { delay: 60ms, calm: 5ms, retry-after: 30s }").settings?.overload)
        #expect(overload.delay == .milliseconds(60) && overload.calm == .milliseconds(5))
        #expect(overload.retryAfter == 30)
        let shares = try #require(
            file("overload: { share-of-address: 1, share-of-phone: 2, share-of-trunk: 3 }")
                .settings?.overload)
        #expect([shares.shareOfAddress, shares.shareOfPhone, shares.shareOfTrunk] == [1, 2, 3])
        #expect(file("").settings?.overload == OverloadSettings())
    }

    @Test(arguments: [
        (
            "overload: { delay: 10ms }",
            "overload.calm (50ms) must be shorter than overload.delay (10ms)"
        ),
        ("overload: { delay: 0 }", "overload.delay must lie between 1ms and 1m, not 0"),
        (
            "overload: { share-of-phone: 0 }",
            "overload.share-of-phone must be a whole number from 1 to 10000000, not \"0\""
        ),
        ("overload: { wait: 1s }", "there is no key \"overload.wait\""),
    ])
    func whatIsWrongIsSaidByName(_ yaml: String, _ message: String) {
        #expect(file(yaml).diagnostics.map(\.message) == [message])
    }
}
