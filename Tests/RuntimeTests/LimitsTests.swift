import Charging
import Dialplan
import Foundation
import SIP
import Streams
import Switching
import Testing

@testable import Runtime

/// A limit has one name: where it is set, where it is shown and where it is described.
@Suite struct LimitsTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    struct Described: Hashable {
        var name: String
        var limit: Int
        var key: String?
    }

    /// What the status shows in a site whose file says this besides.
    private func shown(_ yaml: String = "") throws -> [Described] {
        let folder = try ConfigurationFolder(["tandem.yaml": ConfigurationFolder.yaml + yaml])
        let configuration = try ConfigurationLoader.load(path: folder.configuration).configuration
        var actions = ActionList()
        let now = Instant(nanoseconds: 0)
        var theSwitch = try Switch(
            configuration: configuration, stored: StoredState(tariff: Tariff()),
            hashes: try Hashes.libcrypto(), seed: Array(repeating: 7, count: 32),
            wallClock: WallClock(instant: now, unixMicroseconds: 0, utcOffset: 0), now: now,
            into: &actions)
        theSwitch.handle(
            .requested(.status, by: ControlToken(rawValue: 1)), now: now, into: &actions)
        guard case .status(let row)? = actions.replies.last?.reply else {
            Issue.record("no status")
            return []
        }
        let streams = StreamSetup.limits(configuration.settings.connections)
        return (row.tables + StreamSetup.tables(StreamCounters(), streams)).map {
            Described(name: $0.name, limit: $0.limit, key: $0.key)
        }
    }

    /// The rows of the tables in `Limits.md`: name, limit and key.
    private static func described() throws -> [Described] {
        let file = root.appending(path: "Sources/Dialplan/Dialplan.docc/Limits.md")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap {
            let cells = $0.split(separator: "|", omittingEmptySubsequences: false).dropFirst()
                .dropLast().map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 5, cells[0].hasPrefix("`") else { return nil }
            #expect(!cells[3].isEmpty && !cells[4].isEmpty, "\(cells[0]) is not described")
            return Described(
                name: cells[0].filter { $0 != "`" }, limit: try #require(Int(cells[1])),
                key: cells[2].isEmpty ? nil : cells[2].filter { $0 != "`" })
        }
    }

    @Test func whatIsShownIsDescribedAndTheOtherWayAround() throws {
        let shown = try shown()
        let described = try Self.described()
        #expect(Set(shown.map(\.name)).count == shown.count)
        #expect(Set(described.map(\.name)).count == described.count)
        #expect(Set(shown).subtracting(described) == [], "not in Limits.md")
        #expect(Set(described).subtracting(shown) == [], "not shown")
    }

    @Test func theKeyOfALimitSetsIt() throws {
        for row in try Self.described() {
            guard let key = row.key else { continue }
            let parts = key.split(separator: ".")
            try #require(parts.count == 2, "\(key)")
            let shown = try shown("\(parts[0]): { \(parts[1]): \(row.limit - 1) }\n")
            let limits = shown.filter { $0.key == key }.map(\.limit)
            #expect(!limits.isEmpty && limits.allSatisfy { $0 == row.limit - 1 }, "\(key)")
        }
    }

    /// Every key that a reader of the file knows, as its source has it in a list of keys.
    private static func keys() throws -> [(section: String, keys: [String])] {
        let folder = root.appending(path: "Sources/Runtime/Configuration")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        var found: [(section: String, keys: [String])] = []
        // ExtensionFile reads the columns of another file.
        for file in files where file.hasSuffix(".swift") && file != "ExtensionFile.swift" {
            let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
            for match in text.matches(of: /(?s)[kK]eys(?: = |: )\[(.*?)\]/) {
                let keys = match.output.1.matches(of: /"([a-z0-9-]+)"/).map {
                    String($0.output.1)
                }
                if !keys.isEmpty { found.append((file, keys)) }
            }
            for match in text.matches(of: /\("([a-z-]+)", \\\./) {
                found.append((file, [String(match.output.1)]))
            }
        }
        return found
    }

    private static func example() throws -> String {
        try String(contentsOf: root.appending(path: "Config/tandem.yaml"), encoding: .utf8)
    }

    @Test func everyKeyOfTheFileStandsInTheExample() throws {
        let example = try Self.example()
        for name in ConfigurationFile.keys {
            #expect(
                example.matches(of: try Regex("^#?\(name):").anchorsMatchLineEndings()).count == 1,
                "\(name) has no line of its own in Config/tandem.yaml, or several")
        }
        let keys = try Self.keys()
        #expect(keys.flatMap(\.keys).count > 100)
        for (section, names) in keys {
            for name in names {
                #expect(
                    example.contains(try Regex("(^|[^a-z-])\(name):").anchorsMatchLineEndings()),
                    "\(name) of \(section) is not in Config/tandem.yaml")
            }
        }
    }

    /// With what is commented out, where it says that these are the values in force.
    /// Nor does its dialplan: whoever starts with it has nothing to wonder about.
    @Test func theExampleGivesNothingToRemark() {
        let found = ConfigurationLoader.check(
            path: Self.root.appending(path: "Config/tandem.yaml").path)
        #expect(found.map { "\($0.file):\($0.line): \($0.message)" } == [])
    }

    @Test func theExampleGivesTheValuesInForceWhereNothingIsWritten() throws {
        let sections = ["limits", "connections", "timers", "nonce-lifetime", "digest"]
        var found: [String] = []
        var isInside = false
        let example = try Self.example().split(separator: "\n", omittingEmptySubsequences: false)
        let lines = example.map { line in
            let name = line.dropFirst().prefix { $0 != ":" }
            if line.hasPrefix("#"), sections.contains(String(name)) {
                found.append(String(name))
                isInside = true
            } else {
                isInside = isInside && line.hasPrefix("#  ")
            }
            return isInside ? line.dropFirst() : line
        }
        #expect(found.sorted() == sections.sorted())
        let file = ConfigurationFile(
            text: lines.joined(separator: "\n"), file: "tandem.yaml",
            folder: Self.root.appending(path: "Config").path)
        #expect(file.diagnostics.isEmpty, "\(file.diagnostics.map(\.rendered))")
        let written = try #require(file.settings)
        let inForce = Settings(realm: "", listeners: [])
        #expect(written.limits == inForce.limits)
        #expect(written.connections == inForce.connections)
        #expect(written.calls == inForce.calls)
        #expect(written.registration == inForce.registration)
        #expect(written.overload == inForce.overload)
        #expect(written.bans == inForce.bans)
        #expect(written.spending == inForce.spending)
        #expect(written.timers == inForce.timers)
        #expect(written.nonceLifetime == inForce.nonceLifetime)
        // Whatever their order is in the file, the strongest goes first in a challenge.
        #expect(Set(written.digestAlgorithms) == Set(inForce.digestAlgorithms))
    }
}
