import Dialplan
import Foundation
import SIP
import Switching
import Testing

@testable import Runtime

@Suite struct ConfigurationLoaderTests {
    /// `line:column message` of everything that is wrong with a file.
    private func errors(_ yaml: String) -> [String] {
        ConfigurationFile(text: yaml, file: "t.yaml", folder: "/").diagnostics.map {
            "\($0.line):\($0.column) \($0.message)"
        }
    }

    private func settings(_ yaml: String) throws -> Settings {
        let file = ConfigurationFile(
            text: ConfigurationFolder.yaml + yaml, file: "t.yaml", folder: "/")
        #expect(file.diagnostics.isEmpty, "\(file.diagnostics.map(\.rendered))")
        return try #require(file.settings)
    }

    @Test func theSmallestFileLoadsWithDefaults() throws {
        let folder = try ConfigurationFolder()
        let loaded = try ConfigurationLoader.load(path: folder.configuration)
        let settings = loaded.configuration.settings
        #expect(settings.realm == "test.local")
        #expect(settings.listeners.map(\.advertisedHost) == ["127.0.0.1"])
        #expect(settings.trunks.map(\.name) == ["pstn"])
        #expect(settings.calls == CallSettings())
        #expect(settings.limits == Limits())
        #expect(loaded.configuration.plan.site.area == "0311")
        #expect(loaded.dataFolder == folder.path + "/data")
        #expect(loaded.controlSocket == folder.path + "/data/control.sock")
        #expect(loaded.extensionsCSV == nil)
    }

    @Test func everyKeyReachesItsSetting() throws {
        let settings = try settings(
            """
            domains: [sip.example.net, pbx]
            registration:
              { minimum: 2m, default: 10m, maximum: 1h, contacts: 3, nat-keepalive: 15s }
            calls:
              { no-answer: 45s, slice: 6s, extend-ahead: 500ms, alive-check: 30s, session: 5m,
                park-recall: 1m }
            limits: { calls: 10, waiting-commits: 1_000 }
            timers: { t1: 100ms, t2: 1s, t4: 2s }
            nonce-lifetime: 1m
            currency: EUR
            digest: [SHA-256, md5]
            lines: { gateway: pstn }
            """)
        #expect(settings.domains == ["sip.example.net", "pbx"])
        #expect(settings.registration.minimumSeconds == 120)
        #expect(settings.registration.defaultSeconds == 600)
        #expect(settings.registration.maximumSeconds == 3600)
        #expect(settings.registration.contactLimit == 3)
        #expect(settings.registration.keepAlive == .seconds(15))
        #expect(settings.calls.noAnswer == .seconds(45))
        #expect(settings.calls.slice == .seconds(6))
        #expect(settings.calls.extendAhead == .milliseconds(500))
        #expect(settings.calls.aliveCheck == .seconds(30))
        #expect(settings.calls.session == .seconds(300))
        #expect(settings.calls.parkRecall == .seconds(60))
        #expect(settings.limits.calls == 10)
        #expect(settings.limits.waitingCommits == 1000)
        #expect(settings.timers.t1 == .milliseconds(100))
        #expect(settings.nonceLifetime == .seconds(60))
        #expect(settings.currency == "EUR")
        #expect(settings.digestAlgorithms == [.md5, .sha256])
        #expect(settings.lineGateway == "pstn")
    }

    @Test func aPhonesRedirectionIsFollowedPassedOrRefused() throws {
        for (text, policy) in [("yes", RedirectPolicy.follow), ("pass", .pass), ("no", .refuse)] {
            #expect(
                try settings("calls: { follow-redirects: \(text) }").calls.redirects == policy)
        }
        #expect(try settings("calls: { no-answer: 30s }").calls.redirects == .follow)
    }

    @Test func nobodyIsAskedWhetherItIsThereWhereThatIsOff() throws {
        for off in ["off", "0", "0s"] {
            #expect(try settings("calls: { alive-check: \(off) }").calls.aliveCheck == .zero)
            let registration = try settings("registration: { nat-keepalive: \(off) }").registration
            #expect(registration.keepAlive == .zero)
        }
        #expect(try settings("currency: EUR").registration.keepAlive == .seconds(29))
    }

    @Test func trunksHaveTheirValuesAndTheE1ThirtyChannels() throws {
        let yaml = """
            listen: ["127.0.0.1:5060", "[::1]:5062"]
            realm: r
            data: d
            dialplan: p
            trunks:
              - name: a
                kind: e1
                address: 192.0.2.7
                options-interval: 0
                failures-to-down: 3
                answers-to-up: 4
                attempt-timeout: 500ms
              - { name: b, kind: sip, address: "[2001:db8::7]:5070", channels: 7 }
            """
        let file = ConfigurationFile(text: yaml, file: "t.yaml", folder: "/")
        let trunks = try #require(file.settings?.trunks)
        #expect(trunks.map(\.channels) == [30, 7])
        #expect(trunks[0].endpoint.port == 5060)
        #expect(trunks[0].optionsInterval == .zero)
        #expect(trunks[0].failuresToDown == 3)
        #expect(trunks[0].answersToUp == 4)
        #expect(trunks[0].attemptTimeout == .milliseconds(500))
        #expect(trunks.map(\.listener) == [0, 1])
    }

    @Test func allErrorsOfAFileAreFoundAtOnceWithTheirPlaces() {
        let found = errors(
            """
            listen: [0.0.0.0:5060]
            relm: x
            data: d
            dialplan: p
            calls: { slice: soon }
            trunks:
              - name: a
                kind: e2
                address: gw example
                attempt-timeout: 3
            """)
        #expect(
            found == [
                "1:1 the file needs the key \"realm\"",
                "1:10 listen[0] listens on every address, so phones must be told one",
                "2:1 there is no key \"relm\"",
                "5:17 calls.slice must be a length of time, not \"soon\"",
                "8:11 trunks[0].kind must be e1 or sip, not \"e2\"",
                "9:14 trunks[0].address must be an address or a host name, with a port or"
                    + " without, not \"gw example\"",
                "10:22 trunks[0].attempt-timeout must be a length of time, not \"3\"",
            ])
    }

    @Test(arguments: [
        ("listen: [", "2:1"), ("a: b: c", "1:5"), ("", "1:1"), ("- x", "1:1"), ("x", "1:1"),
        ("realm: a\ndata: d\nrealm: b", "3:1"),
    ])
    func whatIsNoYAMLNamesItsPlace(yaml: String, place: String) {
        #expect(errors(yaml).first?.hasPrefix(place) == true, "\(errors(yaml))")
    }

    @Test func aNameThatIsNearlyRightIsSuggested() {
        let file = ConfigurationFile(text: "lisen: x", file: "t.yaml", folder: "/")
        #expect(file.diagnostics.contains { $0.suggestion == "did you mean \"listen\"?" })
    }

    @Test(arguments: [
        ("lines: { gateway: psnt }", "there is no trunk \"psnt\""),
        ("calls: { slice: 1s, extend-ahead: 2s }", "must not be longer than calls.slice"),
        ("registration: { minimum: 1h, default: 1m }", "must lie between minimum"),
        ("timers: { t1: 5s }", "must not be shorter than timers.t1"),
        ("calls: { alive-check: 1s }", "must lie between 10s and 24h, or \"off\", not 1s"),
        ("registration: { nat-keepalive: 1s }", "between 2s and 10m, or \"off\", not 1s"),
        ("calls: { slice: 0s }", "must lie between 1s and 1h, not 0s"),
        ("calls: { session: 30s }", "must lie between 90s and"),
        ("currency: yuan", "three capital letters"),
        ("digest: [SHA-1]", "must be MD5 or SHA-256 or SHA-512-256, not \"SHA-1\""),
        ("limits: { calls: 0 }", "a whole number from 1"),
        ("advertise: \"a b\"", "no host name or address"),
    ])
    func valuesThatContradictAreErrors(line: String, message: String) {
        let found = errors(ConfigurationFolder.yaml + line)
        #expect(found.count == 1)
        #expect(found.first?.contains(message) == true, "\(found)")
    }

    @Test(arguments: [
        ("calls: { alive-check: never }", "500ms, 3s, 5m or 1h, or \"off\""),
        ("calls: { slice: never }", "500ms, 3s, 5m or 1h"),
    ])
    func whoMayBeOffSaysSo(line: String, ending: String) {
        let text = ConfigurationFolder.yaml + line
        let found = ConfigurationFile(text: text, file: "t.yaml", folder: "/").diagnostics
        #expect(found.map(\.suggestion) == ["write a whole number and its unit: \(ending)"])
    }

    @Test func twoTrunksOfOneAddressCannotBeToldApart() {
        let found = errors(
            ConfigurationFolder.yaml
                + "  - { name: other, kind: e1, address: 127.0.0.1:5080 }\n")
        #expect(found == ["7:39 127.0.0.1:5080 is the address of trunk \"pstn\" already"])
    }

    @Test func anErrorOfTheDialplanHasItsFileLineAndColumn() throws {
        let folder = try ConfigurationFolder([
            "site.dialplan": ConfigurationFolder.dialplan + "route local via nowhere\n"
        ])
        let failure = #expect(throws: ConfigurationFailure.self) {
            try ConfigurationLoader.load(path: folder.configuration)
        }
        let found = try #require(failure?.diagnostics.first { $0.message.contains("nowhere") })
        #expect(found.file == folder.path + "/site.dialplan")
        #expect(found.line == 6)
        #expect(found.column == 17)
    }

    @Test func filesThatADialplanNamesLieBesideIt() throws {
        let folder = try ConfigurationFolder([
            "site.dialplan": ConfigurationFolder.dialplan
                + "class suburban from \"list.numbers\"\nroute suburban via pstn\n",
            "list.numbers": "8229XXXX\n",
        ])
        let loaded = try ConfigurationLoader.load(path: folder.configuration)
        #expect(loaded.configuration.plan.classes == ["local", "suburban"])
    }

    /// Such as one that an editor has saved as GBK.
    @Test func aListThatIsNoUTF8IsSaidToBeThatWhereItIsNamed() throws {
        let folder = try ConfigurationFolder([
            "site.dialplan": ConfigurationFolder.dialplan
                + "class far from \"list.numbers\"\nclass gone from \"gone.numbers\"\n"
        ])
        try Data([0x30, 0x37, 0x58, 0x2e, 0x20, 0x2f, 0x2f, 0xb3, 0xa4, 0xcd, 0xbe])
            .write(to: URL(fileURLWithPath: folder.path + "/list.numbers"))
        let failure = #expect(throws: ConfigurationFailure.self) {
            try ConfigurationLoader.load(path: folder.configuration)
        }
        #expect(
            failure?.diagnostics.map { "\($0.line):\($0.column) \($0.message)" } == [
                "6:16 \"list.numbers\" cannot be used: \(folder.path)/list.numbers:1:8: "
                    + "list.numbers is not UTF-8 from here on",
                "7:17 there is no file \"gone.numbers\"",
            ])
    }

    @Test func aFileThatIsMissingIsNamed() throws {
        let folder = try ConfigurationFolder()
        try FileManager.default.removeItem(atPath: folder.path + "/site.dialplan")
        let failure = #expect(throws: ConfigurationFailure.self) {
            try ConfigurationLoader.load(path: folder.configuration)
        }
        #expect(
            failure?.description.contains("site.dialplan:1:1: error: the dialplan is not there")
                == true)
    }

    @Test func commandsFindTheDaemonThroughAFileThatIsWrongElsewhere() throws {
        let folder = try ConfigurationFolder([
            "tandem.yaml": ConfigurationFolder.yaml + "calls: { slice: never }\ncurrency: EUR\n",
            "site.dialplan":
                "nonsense\nsite x { timezone  Europe/Berlin } // timezone Asia/Tokyo\n",
        ])
        let places = try ConfigurationLoader.places(path: folder.configuration)
        #expect(places.controlSocket == folder.path + "/data/control.sock")
        #expect(places.currency == "EUR")
        #expect(ConfigurationLoader.timezone(of: places) == "Europe/Berlin")
    }

    @Test func theCheckReadsTheListsOfTheFirstRunToo() throws {
        let folder = try ConfigurationFolder([
            "tandem.yaml": ConfigurationFolder.yaml
                + "site: { extensions: e.csv, tariff: t.csv }\n",
            "e.csv": "extension,level\n8001,city\n8001,town\n9000,city\n",
            "t.csv": "prefix,name,connect_fee,steps\n2,local,0,0.22/0\n",
        ])
        let found = ConfigurationLoader.check(path: folder.configuration)
        #expect(found.map(\.line) == [3, 3, 4, 2])
        #expect(found.map(\.file).map { $0.hasSuffix("e.csv") } == [true, true, true, false])
        #expect(
            try ConfigurationLoader.load(path: folder.configuration).tariffCSV == folder.path
                + "/t.csv")
    }
}
