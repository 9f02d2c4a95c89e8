import Charging
import Foundation
import GRDB

extension Store {
    /// Reads all that is stored and says what does not fit. A snapshot, while calls go on; some
    /// seconds for a million postings.
    ///
    /// - Parameter head: an end of the hash chain that was kept elsewhere, in hexadecimal; it is a
    ///   finding when the chain does not come by it.
    public func audit(head: String? = nil) throws -> AuditReport {
        try Failure.wrapping(path: path) { try pool.read { try Auditor.audit($0, head: head) } }
    }

    /// The same of a file that is no data folder's: a backup. Nothing is written.
    public static func audit(file: String, head: String? = nil) throws -> AuditReport {
        try checkBackup(file)
        return try Failure.wrapping(backup: file) {
            try reading(file) { try Auditor.audit($0, head: head) }
        }
    }

    /// - Throws: `Failure` when there is no such file.
    static func checkBackup(_ file: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) else {
            throw Failure(.inaccessible, "there is no file \(file); name a backup")
        }
        guard !isFolder.boolValue else {
            throw Failure(.inaccessible, "\(file) is a folder; name a backup, which is a file")
        }
    }

    /// Opens a backup to read it. An older one lacks tables that an audit reads, so a copy of it in
    /// memory is brought to today's first.
    static func reading<T>(_ file: String, _ body: (Database) throws -> T) throws -> T {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        let queue = try DatabaseQueue(path: file, configuration: configuration)
        let isMade = try queue.read { try $0.tableExists("grdb_migrations") }
        guard isMade else {
            throw Failure(.damaged, "\(file) is no data of tandem; name a backup")
        }
        guard try !queue.read(Schema.migrator.hasBeenSuperseded) else {
            throw Failure(.tooNew, "\(file) was made by a newer version of tandem; use that one")
        }
        if try queue.read(Schema.migrator.hasCompletedMigrations) { return try queue.read(body) }
        let copy = try DatabaseQueue()
        try queue.backup(to: copy)
        try Schema.migrator.migrate(copy)
        return try copy.read(body)
    }
}
