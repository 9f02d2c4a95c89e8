import Control
import Foundation
import Logging
import Testing

@testable import Runtime

/// Versions of the dialplan that are kept, and the way back to one.
@Suite struct VersionsTests {
    private static func version(_ client: inout ControlClient) throws -> String {
        guard case .reply(.status(let status)) = try client.ask(.perform(.status)) else {
            throw Unexpected("no status")
        }
        return status.planVersion
    }

    private static func rows(_ client: inout ControlClient) throws -> [DialplanVersionRow] {
        guard case .versions(let rows) = try client.ask(.versions) else {
            throw Unexpected("no versions")
        }
        return rows
    }

    struct Unexpected: Error {
        var text: String
        init(_ text: String) { self.text = text }
    }

    @Test func aRollbackPutsTheVersionBeforeInForceAndLeavesTheFiles() throws {
        let site = try Site()
        let worse = Site.dialplan + "level none may internal\n"
        var first = ""
        try withDaemon(site) { _ in
            var client = try ControlClient(path: site.control)
            first = try Self.version(&client)
            try site.write("site.dialplan", worse)
            guard case .done = try client.ask(.reload(by: "admin")) else {
                throw Unexpected("a good dialplan was refused")
            }
            let second = try Self.version(&client)
            #expect(second != first)
            guard case .done(let text) = try client.ask(.rolledBack(to: nil, by: "boss")) else {
                throw Unexpected("the rollback was refused")
            }
            #expect(text.contains("dialplan \(first) is in force"))
            #expect(text.contains("the files stay as they are"))
            #expect(try Self.version(&client) == first)
            let rows = try Self.rows(&client)
            #expect(rows.map(\.version) == [first, second, first])
            #expect(rows.map(\.reason) == ["rollback", "reload", "start"])
            #expect(rows.map(\.by) == ["boss", "admin", nil])
            #expect(rows.map(\.number) == [3, 2, 1])
            #expect(rows.map(\.isInForce) == [true, false, false])
            #expect(rows.allSatisfy { $0.isKept })
        }
        let kept = try String(contentsOfFile: "\(site.folder)/site.dialplan", encoding: .utf8)
        #expect(kept == worse)
        // Over a restart too, as long as the files hold what they held.
        #expect(try Self.loaded(site) == first)
        try site.write("site.dialplan", worse + "level few may internal\n")
        #expect(try Self.loaded(site) != first)
    }

    private static func loaded(_ site: Site) throws -> String {
        try ConfigurationLoader.loadInForce(path: site.configuration).configuration.plan.version
    }

    @Test func aReloadTakesTheFilesAgain() throws {
        let site = try Site()
        try withDaemon(site) { _ in
            var client = try ControlClient(path: site.control)
            try site.write("site.dialplan", Site.dialplan + "level none may internal\n")
            _ = try client.ask(.reload(by: nil))
            let second = try Self.version(&client)
            _ = try client.ask(.rolledBack(to: "1", by: nil))
            #expect(try Self.version(&client) != second)
            _ = try client.ask(.reload(by: nil))
            #expect(try Self.version(&client) == second)
            #expect(try Self.loaded(site) == second)
            // Nothing changed, so nothing came into force.
            _ = try client.ask(.reload(by: nil))
            #expect(try Self.rows(&client).count == 4)
        }
    }

    @Test func whatCannotBeRolledBackIsRefused() throws {
        let site = try Site()
        try withDaemon(site) { _ in
            var client = try ControlClient(path: site.control)
            guard case .refused(let none) = try client.ask(.rolledBack(to: nil, by: nil)) else {
                throw Unexpected("there was nothing to go back to")
            }
            #expect(none.first?.hasPrefix("there was no other version before") == true)
            guard case .refused(let unknown) = try client.ask(.rolledBack(to: "77", by: nil))
            else { throw Unexpected("version 77 was taken") }
            #expect(unknown == ["there is no version 77; tandem versions lists them"])
        }
    }

    @Test func aKeptVersionThatIsWrongNowIsRefusedAndNothingChanges() throws {
        let site = try Site()
        try withDaemon(site) { _ in
            var client = try ControlClient(path: site.control)
            try site.write("site.dialplan", Site.dialplan.replacing("ip-e1", with: "pstn"))
            let yaml = try String(contentsOfFile: site.configuration, encoding: .utf8)
            try site.write("tandem.yaml", yaml.replacing("ip-e1", with: "pstn"))
            guard case .done = try client.ask(.reload(by: nil)) else {
                throw Unexpected("the renamed trunk was refused")
            }
            let second = try Self.version(&client)
            guard case .refused(let lines) = try client.ask(.rolledBack(to: "1", by: nil)) else {
                throw Unexpected("a plan for a trunk that is gone was taken")
            }
            #expect(lines.contains { $0.contains("there is no trunk \"ip-e1\"") })
            #expect(try Self.version(&client) == second)
        }
    }

    @Test func oldVersionsAreForgotten() throws {
        let site = try Site()
        let versions = DialplanVersions(dataFolder: site.data)
        for number in 1...(DialplanVersions.historyLimit + 20) {
            try versions.keep(
                DialplanTexts(main: "\(number)"), version: "v\(number)", .reload, by: nil,
                at: Int64(number))
        }
        let rows = versions.rows
        #expect(rows.count == DialplanVersions.historyLimit)
        #expect(rows.first?.number == DialplanVersions.historyLimit + 20)
        #expect(rows.count { $0.isKept } == DialplanVersions.keptLimit)
    }
}
