import Foundation
import GRDB

/// Opens the database of a data folder, whose lock is held.
struct Opening {
    /// What a disk that took nothing has left to do. It comes before the first commit.
    struct Unfinished: Sendable {
        /// Why it could not be done at once.
        let reason: String
        let perform: @Sendable (DatabasePool) throws -> Void
    }

    struct Opened {
        var pool: DatabasePool
        var start: UInt32
        var wasClosedCleanly: Bool
        var unfinished: Unfinished?
    }

    let path: String
    let reserve: DiskReserve
    let role: Store.Role
    let clock: ClockAnchor

    /// Opens it, and tries again for a while as long as another program holds its lock: somebody may
    /// just be looking at it, or copying it.
    ///
    /// - Parameter whileLocked: is told once what is waited for, and for how long.
    func open(
        _ configuration: GRDB.Configuration, patience: Duration, whileLocked: (String) -> Void
    ) throws -> Opened {
        let end = ContinuousClock.now + patience
        var isTold = false
        while true {
            do {
                return try open(configuration)
            } catch let error as DatabaseError where Store.Failure.isLocked(error) {
                let failure = Store.Failure(error, at: path)
                guard ContinuousClock.now < end else { throw failure }
                if !isTold { whileLocked("\(failure.message). Waiting for \(patience)") }
                isTold = true
                Thread.sleep(forTimeInterval: Self.lockPause)
            }
        }
    }

    /// Between two tries, in seconds; each of them waits by itself too.
    private static let lockPause = 0.1

    private func open(_ configuration: GRDB.Configuration) throws -> Opened {
        // Whoever has lost it, or not mounted what it lies on, is not to begin with nothing in silence.
        guard FileManager.default.fileExists(atPath: path) || !reserve.isThere else {
            throw Store.Failure(
                .damaged,
                "\(path) is not there, and its folder was in use before: restore a backup "
                    + "(tandem restore), or remove \(reserve.path) to begin with nothing")
        }
        let pool = try connect(configuration)
        let migrator = Schema.migrator
        guard try !pool.read(migrator.hasBeenSuperseded) else {
            throw Store.Failure(
                .tooNew,
                "\(path) was made by a newer version of tandem; run that one, or restore "
                    + "the backup from before it")
        }
        if try !pool.read(migrator.hasCompletedMigrations) { try migrator.migrate(pool) }
        try pool.writeWithoutTransaction { database in
            // In write-ahead mode only FULL syncs the log at each commit; GRDB sets NORMAL.
            try database.execute(
                sql: """
                    PRAGMA synchronous = FULL;
                    PRAGMA wal_autocheckpoint = \(Self.checkpointPages);
                    PRAGMA journal_size_limit = \(2 * Self.checkpointPages * 4096);
                    """)
        }
        let found = try pool.read { database in
            (
                starts: try value("starts", in: database) ?? 0,
                isClean: try value("clean", in: database) == 1
            )
        }
        guard let start = UInt32(exactly: found.starts + 1), start > 0 else {
            throw Store.Failure(
                .damaged, "\(path) was opened \(found.starts) times, which cannot be")
        }
        var opened = Opened(pool: pool, start: start, wasClosedCleanly: found.isClean)
        let (path, reserve, clock) = (path, reserve, clock)
        let begin: @Sendable (DatabasePool) throws -> Void = { pool in
            try reserve.take()
            try Store.Failure.wrapping(path: path) {
                try pool.writeWithoutTransaction { try Self.count(start, clock, in: $0) }
            }
        }
        do {
            try begin(pool)
        } catch let failure as Store.Failure where role == .daemon {
            opened.unfinished = Unfinished(reason: failure.message, perform: begin)
        }
        return opened
    }

    /// Without room for the log and its index the database cannot be read, so that the reserve is given
    /// up for them.
    private func connect(_ configuration: GRDB.Configuration) throws -> DatabasePool {
        do {
            return try DatabasePool(path: path, configuration: configuration)
        } catch let error as DatabaseError where Self.isOfSpace(error) && role == .daemon {
            reserve.giveUp()
            return try DatabasePool(path: path, configuration: configuration)
        }
    }

    /// SQLite tells a file that cannot grow as an I/O error in some places.
    private static func isOfSpace(_ error: DatabaseError) -> Bool {
        switch error.resultCode {
        case .SQLITE_FULL, .SQLITE_IOERR: true
        default: false
        }
    }

    private func value(_ name: String, in database: Database) throws -> Int64? {
        try Int64.fetchOne(
            database, sql: "SELECT value FROM state WHERE name = ?", arguments: [name])
    }

    private static func count(
        _ start: UInt32, _ clock: ClockAnchor, in database: Database
    ) throws {
        try Writer.transaction(database) {
            try database.execute(
                sql: "UPDATE state SET value = ? WHERE name = 'starts'",
                arguments: [Int64(start)])
            try database.execute(sql: "UPDATE state SET value = 0 WHERE name = 'clean'")
            try clock.follow(in: database)
            // What an import that did not end has left.
            try database.execute(
                sql: "DELETE FROM tariff WHERE deck NOT IN \(TariffColumns.wholeDecks)")
        }
    }

    /// Pages in the log before they are moved into the database: 16 MB. Pages that many groups write
    /// are then moved once.
    private static let checkpointPages = 4000
}
