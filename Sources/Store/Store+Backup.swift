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
    /// Nobody but its owner may read it, from its first byte on: passwords' hashes stand in it.
    ///
    /// - Returns: its size in bytes, and where its hash chain ends.
    /// - Throws: `Failure` when the file is there already, or cannot be written; nothing of it is left
    ///   then.
    @discardableResult
    public func backup(to file: String) throws -> BackedUp {
        guard !FileManager.default.fileExists(atPath: file) else {
            throw Failure(.invalidRequest, "\(file) is there already; name a new file")
        }
        let place = URL(fileURLWithPath: file)
        let own = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
        // SQLite would take it for the database's log, and a restore removes it.
        guard
            place.deletingLastPathComponent().resolvingSymlinksInPath().path != own
                || !place.lastPathComponent.hasPrefix(Self.fileName)
        else {
            throw Failure(
                .invalidRequest,
                "names that begin with \(Self.fileName) are the database's own in \(own); name another"
                    + " file")
        }
        let part = file + ".part"
        var chain = ChainEnd()
        do {
            try Self.remove(part)
            try Self.makePrivate(part)
            try Failure.wrapping(path: part) {
                let copy = try DatabaseQueue(path: part)
                try pool.backup(to: copy, pagesPerStep: Self.backupPages) { progress in
                    guard !progress.isCompleted else { return }
                    Foundation.Thread.sleep(forTimeInterval: Double(Self.backupPause) / 1000)
                }
                // One file, without a log beside it.
                try copy.writeWithoutTransaction {
                    try $0.execute(sql: "PRAGMA journal_mode = DELETE")
                    chain = ChainEnd(try Seal(in: $0))
                }
                try copy.close()
            }
            try Self.sync(part)
            try Self.move(part, to: file)
        } catch {
            Self.discard(part)
            throw error
        }
        let size = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int
        return BackedUp(bytes: size ?? 0, chain: chain)
    }

    /// What a backup holds.
    public struct BackedUp: Sendable, Hashable {
        public var bytes: Int
        public var chain: ChainEnd
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
    /// Whenever it is killed or the machine loses its power, a whole database has the name: what was
    /// there, or the backup.
    ///
    /// - Parameter despiteFindings: takes a backup too that an audit finds fault with.
    /// - Throws: `Failure`; what was there is untouched then, and nothing of the copy is left. A backup
    ///   that an audit finds fault with is not taken.
    public static func restore(
        _ file: String, folder: String, despiteFindings: Bool = false
    ) throws -> Restored {
        try checkBackup(file)
        let lock = try FolderLock(folder: folder, role: .offline)
        let report = try audit(file: file)
        guard report.isGood || despiteFindings else {
            let count = report.findings.count + report.moreFindings
            throw Failure(
                .damaged,
                "\(file) is not taken: \(count) \(count == 1 ? "thing" : "things") in it "
                    + "\(count == 1 ? "does" : "do") not fit, first: \(report.findings[0]). "
                    + "`tandem audit --file` says all; restore another backup, or this one as it is "
                    + "with --despite-findings")
        }
        let path = folder + "/" + fileName
        let fresh = path + ".restoring"
        do {
            try copy(file, to: fresh, path: path)
            try give(fresh, toOwnerOf: folder)
            try sync(fresh)
            let replaced = try replace(path, with: fresh)
            withExtendedLifetime(lock) {}
            return Restored(replaced: replaced, report: report)
        } catch {
            // A copy that is left would take the room that the switch needs.
            discard(fresh)
            throw error
        }
    }

    /// Makes the database that is to take the place of the one at `path`.
    private static func copy(_ file: String, to fresh: String, path: String) throws {
        try remove(fresh)
        try makePrivate(fresh)
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
    }

    /// How often the folder was opened, as what is there now says; far ahead when it cannot say.
    private static func startsAfterRestore(_ path: String) -> Int64 {
        guard FileManager.default.fileExists(atPath: path) else {
            let folder = (path as NSString).deletingLastPathComponent
            return DiskReserve(folder: folder).isThere ? unknownStarts : 0
        }
        do {
            // Whoever may write would remove the log of a database that it cannot read.
            var configuration = GRDB.Configuration()
            configuration.readonly = true
            let starts = try DatabaseQueue(path: path, configuration: configuration).read {
                try Int64.fetchOne($0, sql: "SELECT value FROM state WHERE name = 'starts'")
            }
            // And moves the log of one that it can read into it, when it closes.
            let queue = try DatabaseQueue(path: path)
            try queue.read { try $0.execute(sql: "SELECT 1 FROM state") }
            try queue.close()
            return starts ?? unknownStarts
        } catch {
            // It is damaged, which is why it is replaced.
            return unknownStarts
        }
    }

    private static let unknownStarts: Int64 = 1_000_000

    /// Puts a database in the place of another, which is kept under another name.
    ///
    /// The old one has both names before it loses the first, and the new one takes that by one rename.
    /// A log is there when the old one could not be opened; it would be taken for the new one's.
    private static func replace(_ path: String, with fresh: String) throws -> String? {
        let manager = FileManager.default
        var kept: String?
        if manager.fileExists(atPath: path) {
            var number = 1
            // Its log alone may be there: a restore before this one was killed.
            while ["", "-wal"].contains(where: {
                manager.fileExists(atPath: "\(path).replaced-\(number)\($0)")
            }) { number += 1 }
            let name = "\(path).replaced-\(number)"
            for suffix in ["-wal", ""] where manager.fileExists(atPath: path + suffix) {
                if link(path + suffix, name + suffix) == 0 { continue }
                // A file system without second names: a kill now leaves the old database under the new
                // name alone, which a start says.
                guard errno == EPERM || errno == EOPNOTSUPP,
                    rename(path + suffix, name + suffix) == 0
                else { throw failure(name + suffix, errno) }
            }
            try sync((path as NSString).deletingLastPathComponent)
            kept = name
        }
        for suffix in ["-wal", "-shm"] where manager.fileExists(atPath: path + suffix) {
            guard unlink(path + suffix) == 0 else { throw failure(path + suffix, errno) }
        }
        try move(fresh, to: path)
        return kept
    }

    // MARK: Files

    private static func remove(_ file: String) throws {
        for suffix in ["", "-wal", "-shm", "-journal"]
        where FileManager.default.fileExists(atPath: file + suffix) {
            try wrapped(file) { try FileManager.default.removeItem(atPath: file + suffix) }
        }
    }

    /// An empty file of its owner's alone; SQLite makes the files beside it alike.
    private static func makePrivate(_ file: String) throws {
        let descriptor = Glibc.open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(file, errno) }
        Glibc.close(descriptor)
    }

    /// Removes what is left of a copy that failed, whose error is the one to tell: what cannot be removed
    /// now is removed by the next try.
    private static func discard(_ file: String) {
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(file + suffix) }
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
        let reason = String(cString: strerror(code))
        return switch code {
        case ENOSPC, EDQUOT:
            Failure(.inaccessible, "\(path): the disk is full; free some space (\(reason))")
        case ENOENT:
            Failure(
                .inaccessible,
                "\(path): there is no folder \((path as NSString).deletingLastPathComponent); "
                    + "make it, or name another one")
        default: Failure(.inaccessible, "\(path) cannot be written: \(reason)")
        }
    }

    private static func wrapped(_ path: String, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            throw Failure(.inaccessible, "\(path): \(error.localizedDescription)")
        }
    }
}
