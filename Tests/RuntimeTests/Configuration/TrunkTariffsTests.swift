import Dialplan
import Testing

@testable import Runtime

/// What operators take: files that are missing or cannot be compared, and `expect` lines that they
/// decide.
@Suite struct TrunkTariffsTests {
    private static let trunks = """
        listen: [127.0.0.1:5060]
        realm: test.local
        data: data
        dialplan: site.dialplan
        trunks:
          - { name: dear, kind: sip, address: 127.0.0.1:5080, channels: 5, tariff: dear.csv }
          - { name: cheap, kind: sip, address: 127.0.0.1:5081, channels: 5, tariff: cheap.csv }

        """
    private static let header = "prefix,name,connect_fee,steps\n"

    private func check(
        dear: String? = header + "8,local,0,0.30/60\n",
        cheap: String = header + "8,local,0,0.10/60\n", expect: String = ""
    ) throws -> [String] {
        let plan = ConfigurationFolder.dialplan.replacing(
            "route local via pstn", with: "route local via dear, cheap by cost")
        let folder = try ConfigurationFolder([
            "tandem.yaml": Self.trunks, "site.dialplan": plan + expect, "cheap.csv": cheap,
        ])
        if let dear { try folder.write("dear.csv", dear) }
        return ConfigurationLoader.check(path: folder.configuration).map { found in
            "\(found.file.split(separator: "/").last ?? ""):\(found.line):\(found.column)"
                + " \(found.severity) \(found.message)"
        }
    }

    @Test func anExpectLineSeesTheCheapestFirst() throws {
        let call = "expect 8001 (city) dials 86035566 "
        #expect(try check(expect: call + "-> via cheap then dear\n") == [])
        #expect(try check(expect: call + "when cheap down -> via dear\n") == [])
        let found = try check(expect: call + "-> via dear then cheap\n")
        #expect(found.count == 1 && found[0].contains("decided otherwise: via cheap"))
    }

    @Test func anExpectLineSeesTheBandsOfItsTime() throws {
        let banded = """
            band,night,daily 22:00-06:00
            prefix,name,connect_fee,steps,band
            8,local,0,0.30/60,
            8,local,0,0.05/60,night

            """
        let call = "expect 8001 (city) dials 86035566 at "
        #expect(
            try check(
                dear: banded,
                expect: call + "\"mon 10:00\" -> via cheap\n" + call + "\"mon 23:00\" -> via dear\n"
            )
                == [])
    }

    @Test func aFileThatIsNotThereIsSaidWhereItIsNamed() throws {
        let found = try check(dear: nil)
        #expect(
            found == [
                "tandem.yaml:6:76 error trunks[0].tariff: dear.csv is not there, or cannot be read"
            ])
    }

    @Test func pricesInTwoCurrenciesAreNotCompared() throws {
        let found = try check(cheap: "currency,USD\n" + Self.header + "8,local,0,0.10/60\n")
        #expect(
            found == [
                "cheap.csv:1:1 error the operator of trunk cheap takes USD, that of trunk dear CNY:"
                    + " which is cheaper cannot be told"
            ])
    }

    @Test func moreNameServersThanAreAskedAreRefused() {
        let servers = (1...4).map { "192.0.2.\($0)" }.joined(separator: ", ")
        let file = ConfigurationFile(
            text: ConfigurationFolder.yaml + "name-servers: [\(servers)]\n", file: "t.yaml",
            folder: "/")
        #expect(
            file.diagnostics.map(\.message) == [
                "more than 3 name servers: the others would never be asked"
            ])
    }

    @Test func theTimeWithoutProgressIsSetForEachTrunk() throws {
        func settings(_ more: String) throws -> TrunksOutcome {
            let yaml = ConfigurationFolder.yaml.replacing(
                "channels: 5", with: "channels: 5\(more)")
            let file = ConfigurationFile(text: yaml, file: "t.yaml", folder: "/")
            return (
                file.settings?.trunks.first?.progressTimeout.milliseconds,
                file.diagnostics.map(\.message)
            )
        }
        #expect(try settings("").milliseconds == 20_000)
        #expect(try settings(", progress-timeout: 8s").milliseconds == 8_000)
        #expect(try settings(", progress-timeout: 0").milliseconds == 0)
        let wrong = try settings(", progress-timeout: 11m")
        #expect(wrong.errors == ["trunks[0].progress-timeout must lie between 0 and 10m, not 11m"])
    }
    private typealias TrunksOutcome = (milliseconds: Int64?, errors: [String])
}
