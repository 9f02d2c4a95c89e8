import Charging
import Foundation
import GRDB
import Glibc

extension Store {
    /// Pages copied between two pauses, and the pause in milliseconds: 40 MB in a second at most, so
    /// that calls keep the disk.
    private static let backupPages: CInt = 512
    private static let backupPause = 50

    /// Copies all that is stored at this moment into a new file, while calls go on. The file appears
    /// under its name when it is whole and synced.
    ///
    /// - Returns: its size in bytes.
    /// - Throws: `Failure` when the file is there already, or cannot be written.
    @discardableResult
    public func backup(to file: String) throws -> Int {
        guard !FileManager.default.fileExists(atPath: file) else {
            throw Failure(.invalidRequest, "\(file) is there already; name a new file")
        }
        let part = file + ".part"
        do {
            try Self.remove(part)
            try Failure.wrapping(path: part) {
                let copy = try DatabaseQueue(path: part)
                try pool.backup(to: copy, pagesPerStep: Self.backupPages) { progress in
                    guard !progress.isCompleted else { return }
                    Foundation.Thread.sleep(forTimeInterval: Double(Self.backupPause) / 1000)
                }
                // One file, without a log beside it.
                try copy.writeWithoutTransaction {
                    try $0.execute(sql: "PRAGMA journal_mode = DELETE")
                }
                try copy.close()
            }
            try Self.restrict(part)
            try Self.sync(part)
            try Self.move(part, to: file)
        } catch {
            // The first error is the one to tell; what is left of the copy is removed next time.
            unlink(part)
            throw error
        }
        let size = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int
        return size ?? 0
    }

    /// What a restore did.
    public struct Restored: Sendable {
        /// Where what was there before lies now; nil when there was nothing.
        public var replaced: String?
        public var report: AuditReport
    }

    /// Puts a backup in the place of what a data folder holds, which is kept beside it. The daemon must
    /// be stopped: the folder's lock is taken.
    ///
    /// Calls that ran when the backup was made are ended at the next start. Call ids are never given
    /// twice, also not those that were given after the backup.
    ///
    /// - Throws: `Failure`; what was there is untouched then. A backup that an audit finds fault with
    ///   is not taken.
    public static func restore(_ file: String, folder: String) throws -> Restored {
        guard FileManager.default.fileExists(atPath: file) else {
            throw Failure(.inaccessible, "there is no file \(file)")
        }
        let lock = try FolderLock(folder: folder, role: .offline)
        let report = try audit(file: file)
        guard report.isGood else {
            throw Failure(
                .damaged,
                "\(file) is not taken: \(report.findings.count + report.moreFindings) things in it "
                    + "do not fit, first: \(report.findings[0])")
        }
        let path = folder + "/" + fileName
        let fresh = path + ".restoring"
        try remove(fresh)
        try Failure.wrapping(path: fresh) {
            var configuration = GRDB.Configuration()
            configuration.readonly = true
            let source = try DatabaseQueue(path: file, configuration: configuration)
            let copy = try DatabaseQueue(path: fresh)
            try source.backup(to: copy)
            try Schema.migrator.migrate(copy)
            let starts = startsAfterRestore(path)
            try copy.write { database in
                try database.execute(
                    sql: """
                        UPDATE state SET value = max(value, ?) WHERE name = 'starts';
                        UPDATE state SET value = 0 WHERE name = 'clean';
                        """, arguments: [starts])
                try JournalLog.forgetStates(in: database)
            }
            try copy.close()
        }
        try restrict(fresh)
        try give(fresh, toOwnerOf: folder)
        try sync(fresh)
        let replaced = try setAside(path)
        try move(fresh, to: path)
        withExtendedLifetime(lock) {}
        return Restored(replaced: replaced, report: report)
    }

    /// How often the folder was opened, as what is there now says; far ahead when it cannot say.
    private static func startsAfterRestore(_ path: String) -> Int64 {
        guard FileManager.default.fileExists(atPath: path) else { return 0 }
        do {
            let queue = try DatabaseQueue(path: path)
            let starts = try queue.read {
                try Int64.fetchOne($0, sql: "SELECT value FROM state WHERE name = 'starts'")
            }
            return starts ?? unknownStarts
        } catch {
            // It is damaged, which is why it is replaced.
            return unknownStarts
        }
    }

    private static let unknownStarts: Int64 = 1_000_000

    /// Keeps the files that were there under another name.
    private static func setAside(_ path: String) throws -> String? {
        let manager = FileManager.default
        guard manager.fileExists(atPath: path) else { return nil }
        var number = 1
        while manager.fileExists(atPath: "\(path).replaced-\(number)") { number += 1 }
        let kept = "\(path).replaced-\(number)"
        for suffix in ["-wal", "-shm", ""] where manager.fileExists(atPath: path + suffix) {
            try move(path + suffix, to: kept + suffix)
        }
        return kept
    }

    // MARK: Files

    private static func remove(_ file: String) throws {
        for suffix in ["", "-wal", "-shm", "-journal"]
        where FileManager.default.fileExists(atPath: file + suffix) {
            try wrapped(file) { try FileManager.default.removeItem(atPath: file + suffix) }
        }
    }

    /// Passwords' hashes stand in it: its owner's alone.
    private static func restrict(_ file: String) throws {
        guard chmod(file, 0o600) == 0 else { throw failure(file, errno) }
    }

    /// Root restores for the user that runs the daemon, to whom the folder belongs.
    private static func give(_ file: String, toOwnerOf folder: String) throws {
        var owner = stat()
        guard stat(folder, &owner) == 0 else { throw failure(folder, errno) }
        guard chown(file, owner.st_uid, owner.st_gid) == 0 else { throw failure(file, errno) }
    }

    private static func move(_ file: String, to other: String) throws {
        guard rename(file, other) == 0 else { throw failure(other, errno) }
        let folder = (other as NSString).deletingLastPathComponent
        try sync(folder.isEmpty ? "." : folder)
    }

    /// Makes a file, or the names in a folder, outlive a loss of power.
    private static func sync(_ path: String) throws {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(path, errno) }
    }

    private static func failure(_ path: String, _ code: Int32) -> Failure {
        Failure(.inaccessible, "\(path): \(String(cString: strerror(code)))")
    }

    private static func wrapped(_ path: String, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            throw Failure(.inaccessible, "\(path): \(error.localizedDescription)")
        }
    }
}
