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
        for file in files where file.hasSuffix(".swift") {
            let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
            for match in text.matches(of: /(?s)keys(?: = |: )\[(.*?)\]/) {
                let keys = match.output.1.matches(of: /"([a-z0-9-]+)"/).map {
                    String($0.output.1)
                }
                if !keys.isEmpty { found.append((file, keys)) }
            }
            guard file == "ConfigurationFile.swift" else { continue }
            for match in text.matches(of: /\("([a-z-]+)", \\\./) {
                found.append((file, [String(match.output.1)]))
            }
        }
        return found
    }

    @Test func everyKeyOfTheFileStandsInTheExample() throws {
        let example = try String(
            contentsOf: Self.root.appending(path: "Config/tandem.yaml"), encoding: .utf8)
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
}
