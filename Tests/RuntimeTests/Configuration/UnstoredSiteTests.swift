import Foundation
import Switching
import Testing

@testable import Runtime

@Suite struct UnstoredSiteTests {
    /// 2026-11-22 00:00 UTC.
    private let now: Int64 = 1_795_305_600_000_000

    private func folder() throws -> ConfigurationFolder {
        try ConfigurationFolder([
            "tandem.yaml": ConfigurationFolder.yaml + "site: { extensions: e.csv }\n",
            "e.csv": "extension,level\n8001,city\n8002,\n",
        ])
    }

    private func ask(_ from: String, _ dial: String, down: [String] = []) throws -> ControlReply {
        let folder = try folder()
        try folder.write(
            "site.dialplan",
            ConfigurationFolder.dialplan + "line 66778000-66778009 rings 8000-8009\n")
        let site = UnstoredSite(try ConfigurationLoader.load(path: folder.configuration))
        let question = Explanation.Question(from: from, dial: dial, down: down)
        return site.explain(question, now: now)
    }

    @Test func theListOfTheFirstRunGivesTheLevel() throws {
        guard case .explanation(let explanation) = try ask("8001", "86035566") else {
            Issue.record("refused")
            return
        }
        #expect(explanation.outcome == "route")
        #expect(explanation.numberClass == "local")
    }

    @Test(arguments: [
        ("8002", [], "no row with a level is for extension 8002"),
        ("8009", [], "no row with a level is for extension 8009"),
        ("8001", ["psnt"], "there is no trunk psnt; did you mean \"pstn\"?"),
    ])
    func whatTheFilesDoNotSayIsRefused(from: String, down: [String], reason: String) throws {
        guard case .refused(let text) = try ask(from, "86035566", down: down) else {
            Issue.record("explained")
            return
        }
        #expect(text.contains(reason))
    }

    @Test func aDirectLineIsExplainedToo() throws {
        guard case .explanation(let explanation) = try ask("66778001", "66778001") else {
            Issue.record("refused")
            return
        }
        #expect(explanation.outcome == "ring 8001")
    }

    @Test func aDatabaseIsNoticed() throws {
        let folder = try folder()
        let loaded = try ConfigurationLoader.load(path: folder.configuration)
        #expect(!UnstoredSite.hasDatabase(loaded))
        try FileManager.default.createDirectory(
            atPath: folder.path + "/data", withIntermediateDirectories: true)
        try folder.write("data/tandem.sqlite", "")
        #expect(UnstoredSite.hasDatabase(loaded))
    }
}
