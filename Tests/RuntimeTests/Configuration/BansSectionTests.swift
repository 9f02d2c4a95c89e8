import SIP
import Switching
import Testing

@testable import Runtime

@Suite struct BansSectionTests {
    private func file(_ yaml: String) -> ConfigurationFile {
        ConfigurationFile(
            text: ConfigurationFolder.yaml + yaml, file: "t.yaml", folder: "/")
    }

    @Test func everyKeyReachesItsSetting() throws {
        let bans = try #require(
            file(
                """
                bans:
                  threshold: 50
                  forget-per-minute: 5
                  duration: 10m
                  longest: 2h
                  allow: [192.0.2.7, 198.51.100.0/24, "2001:db8::/32"]
                  weights: { wrong-password: 25, malformed: 0 }
                """
            ).settings?.bans)
        #expect(bans.isOn && bans.threshold == 50 && bans.forgottenPerMinute == 5)
        #expect(bans.duration == .seconds(600) && bans.longest == .seconds(7200))
        #expect(
            bans.allowed.map(\.description) == ["192.0.2.7", "198.51.100.0/24", "2001:db8::/32"])
        #expect(bans.weights[.wrongPassword] == 25 && bans.weights[.malformed] == 0)
        #expect(bans.weights[.scanner] == 100)
    }

    @Test func bansAreOnWhereNothingIsWritten() {
        #expect(file("").settings?.bans == BanSettings())
        #expect(file("bans: off").settings?.bans.isOn == false)
    }

    @Test func aLongBanMayStandAlone() throws {
        let bans = try #require(file("bans: { duration: 48h }").settings?.bans)
        #expect(bans.duration == bans.longest)
    }

    @Test(arguments: [
        ("bans: { allow: [192.0.2.7/24] }", "bans.allow[0] must be an address or a network, not"),
        ("bans: { allow: 192.0.2.7 }", "bans.allow must be a list"),
        ("bans: { weights: { guess: 5 } }", "there is no key \"bans.weights.guess\""),
        ("bans: { duration: 2h, longest: 1h }", "bans.longest (1h) must not be shorter than"),
        ("bans: { threshold: 0 }", "bans.threshold must be a whole number from 1 to"),
        ("bans: yes", "bans must be keys with values"),
    ])
    func whatIsWrongIsSaidByName(_ yaml: String, _ message: String) {
        let messages = file(yaml).diagnostics.map(\.message)
        #expect(messages.contains { $0.hasPrefix(message) }, "\(messages)")
    }
}
