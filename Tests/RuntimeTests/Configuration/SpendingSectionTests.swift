import Charging
import Switching
import Testing

@testable import Runtime

/// `spending:` of `tandem.yaml`.
@Suite struct SpendingSectionTests {
    private func read(_ text: String) -> (settings: SpendingSettings?, errors: [String]) {
        let file = ConfigurationFile(
            text: ConfigurationFolder.yaml + text, file: "t.yaml", folder: "/")
        return (
            file.settings?.spending,
            file.diagnostics.map { "\($0.line):\($0.column) \($0.message)" }
        )
    }

    @Test func theLimitsAreOnWhereNothingIsWritten() throws {
        let settings = try #require(read("").settings)
        #expect(settings == SpendingSettings())
        for limit in [settings.ofExtension, settings.ofAccount] {
            #expect(limit.call != nil && limit.hour != nil && limit.day != nil)
        }
    }

    @Test func eachLimitIsSetOrSwitchedOffByItself() throws {
        let settings = try #require(
            read("spending: { extension: { call: 99.50, hour: off }, account: { day: 7 } }\n")
                .settings)
        #expect(settings.ofExtension.call == Amount("99.5") && settings.ofExtension.hour == nil)
        #expect(settings.ofExtension.day == SpendingSettings().ofExtension.day)
        #expect(settings.ofAccount.day == Amount("7"))
        #expect(settings.ofAccount.hour == SpendingSettings().ofAccount.hour)
    }

    @Test(arguments: [
        ("spending: { extension: { hour: 0 } }", "must be an amount above zero or off, not \"0\""),
        ("spending: { account: { call: much } }", "above zero or off, not \"much\""),
        ("spending: { extension: { week: 5 } }", "no key \"spending.extension.week\""),
        ("spending: { phone: { day: 5 } }", "there is no key \"spending.phone\""),
    ])
    func whatIsNoLimitIsAnErrorWithItsPlace(line: String, message: String) {
        let errors = read(line + "\n").errors
        #expect(errors.count == 1 && errors.first?.contains(message) == true, "\(errors)")
        #expect(errors.first?.hasPrefix("7:") == true)
    }
}
