import Control
import Dialplan
import Foundation

/// The dialplans that were in force, in the data folder: when each came into force, by what and by
/// whom, and the texts of those that may come again.
///
/// A rollback puts kept texts in force and leaves the admin's files as they are, broken line and all,
/// for the admin to mend. Until a reload takes the files again, or they are changed and the daemon is
/// started, the kept texts stay in force, also over a restart: `rollback.json` says which, and what
/// the files held then.
///
/// Not locked: one thread at a time writes, the daemon's queue of reloads.
struct DialplanVersions {
    /// Times of coming into force that are remembered.
    static let historyLimit = 500
    /// Different plans of which the texts are kept.
    static let keptLimit = 50

    /// What brought a plan into force.
    enum Reason: String, Codable {
        case start, reload, signal, rollback
    }

    struct Record: Codable, Hashable {
        /// Counted from one.
        var number: Int
        /// Microseconds since 1970 UTC.
        var at: Int64
        var version: String
        var reason: Reason
        /// The user who asked, as the command said; nil where nobody did.
        var by: String?
    }

    /// A rollback that holds.
    struct Rollback: Codable {
        var version: String
        /// What the files held; as soon as they hold something else they are taken again.
        var files: DialplanTexts
    }

    private let folder: URL

    /// - Parameter dataFolder: absolute.
    init(dataFolder: String) {
        folder = URL(fileURLWithPath: dataFolder).appendingPathComponent("dialplans")
    }

    // MARK: Reading

    /// The oldest first. A line that cannot be read is left out: a history with a hole is better
    /// than none.
    var history: [Record] {
        guard let bytes = FileManager.default.contents(atPath: file("history").path) else {
            return []
        }
        return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
            do {
                return try JSONDecoder().decode(Record.self, from: Data(line))
            } catch {
                return nil
            }
        }
    }

    /// The newest first, for the CLI.
    var rows: [DialplanVersionRow] {
        let history = history
        return history.reversed().map { entry in
            DialplanVersionRow(
                number: entry.number, version: entry.version, at: entry.at,
                reason: entry.reason.rawValue, by: entry.by,
                isInForce: entry.number == history.last?.number,
                isKept: FileManager.default.fileExists(atPath: file("\(entry.version).json").path))
        }
    }

    /// The texts of a version; nil where they are not kept or cannot be read.
    func texts(of version: String) -> DialplanTexts? {
        read(DialplanTexts.self, file("\(version).json"))
    }

    /// The rollback that holds, if one does.
    var rollback: Rollback? { read(Rollback.self, file("rollback.json")) }

    /// The entry that somebody means by a number or the beginning of a version; without one, the
    /// plan that was in force before the one that is.
    func entry(named name: String?) -> Result<Record, Refusal> {
        let history = history
        guard let last = history.last else {
            return .failure(Refusal("no version was kept yet"))
        }
        let found: Record?
        if let name {
            let number = Int(name).flatMap { number in history.last { $0.number == number } }
            let alike = history.filter { $0.version.hasPrefix(name) && name.count >= 4 }
            if number == nil, Set(alike.map(\.version)).count > 1 {
                return .failure(Refusal("\(name) begins several versions; write more of it"))
            }
            found = number ?? alike.last
        } else {
            found = history.last { $0.version != last.version }
        }
        guard let found else {
            return .failure(
                Refusal(
                    name.map { "there is no version \($0); tandem versions lists them" }
                        ?? "there was no other version before \(last.version)"))
        }
        return .success(found)
    }

    struct Refusal: Error {
        var text: String

        init(_ text: String) { self.text = text }
    }

    private func file(_ name: String) -> URL { folder.appendingPathComponent(name) }

    private func read<Value: Decodable>(_ type: Value.Type, _ file: URL) -> Value? {
        guard let bytes = FileManager.default.contents(atPath: file.path) else { return nil }
        do {
            return try JSONDecoder().decode(type, from: bytes)
        } catch {
            return nil
        }
    }

    // MARK: Writing

    /// Notes that a plan came into force, and keeps its texts. A start or a reload that changed
    /// nothing is not noted.
    ///
    /// - Throws: what the disk said.
    func keep(
        _ texts: DialplanTexts, version: String, _ reason: Reason, by user: String?, at time: Int64
    ) throws {
        var history = history
        if reason != .rollback, history.last?.version == version,
            self.texts(of: version) != nil
        {
            return
        }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try write(texts, to: file("\(version).json"))
        history.append(
            Record(
                number: (history.last?.number ?? 0) + 1, at: time, version: version,
                reason: reason, by: user))
        history = Array(history.suffix(Self.historyLimit))
        var lines = Data()
        for entry in history {
            lines += try JSONEncoder().encode(entry)
            lines.append(UInt8(ascii: "\n"))
        }
        try lines.write(to: file("history"), options: .atomic)
        try forgetOld(history)
    }

    /// Says that kept texts are in force in place of the files.
    func hold(_ rollback: Rollback) throws {
        try write(rollback, to: file("rollback.json"))
    }

    /// Says that the files are in force.
    func release() throws {
        guard FileManager.default.fileExists(atPath: file("rollback.json").path) else { return }
        try FileManager.default.removeItem(at: file("rollback.json"))
    }

    private func write(_ value: some Encodable, to file: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(value).write(to: file, options: .atomic)
    }

    private func forgetOld(_ history: [Record]) throws {
        var kept: Set<String> = []
        for entry in history.reversed() where kept.count < Self.keptLimit {
            kept.insert(entry.version)
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            guard name.hasSuffix(".json"), name != "rollback.json" else { continue }
            if !kept.contains(String(name.dropLast(5))) {
                try FileManager.default.removeItem(at: file(name))
            }
        }
    }
}

extension ConfigurationLoader {
    /// What `load` does at a start, with the dialplan that a rollback put in force, as long as the files
    /// hold what they held then. Prices are imported without the plan: `expect` lines that the new ones do
    /// not meet are warned of, and keep no switch from starting.
    ///
    /// - Returns: the configuration, among its diagnostics a warning of a rollback that holds.
    /// - Throws: `ConfigurationFailure` with everything that is wrong.
    public static func loadInForce(
        path: String
    ) throws(ConfigurationFailure) -> LoadedConfiguration {
        let places = try places(path: path)
        let versions = DialplanVersions(dataFolder: places.dataFolder)
        guard let rollback = versions.rollback,
            let kept = versions.texts(of: rollback.version),
            texts(path: path) == rollback.files
        else { return try load(path: path, arePricesBinding: false) }
        var loaded = try load(path: path, dialplan: kept, arePricesBinding: false)
        loaded.diagnostics.append(
            Diagnostic(
                severity: .warning, file: Paths.shown(places.dialplan), line: 1, column: 1,
                message: "version \(rollback.version) is in force by a rollback, and not this file",
                suggestion: "mend the file and write: tandem reload", sourceLine: ""))
        return loaded
    }
}
