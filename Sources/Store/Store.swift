import CSQLiteSettings
import Charging
import Foundation
import GRDB
import Switching
import Synchronization

/// The data folder: extensions, bindings, accounts, postings, records, the journal and the tariff, in
/// one SQLite database that only this process writes.
///
/// ```swift
/// let store = try Store.open(folder: "/var/lib/tandem", role: .daemon)
/// let state = try store.load()
/// store.begin { event in loop.execute { handle(event) } }
/// store.submit(actions.commits)
/// store.close()
/// ```
///
/// Durable means: in the write-ahead log and synced (`synchronous = FULL`), so that it outlives a
/// loss of power. `Writer` tells what happens when the disk fails.
public final class Store: Sendable {
    /// Who opens the folder; whoever comes second is told.
    public enum Role: Sendable { case daemon, offline }

    /// What can be chosen; the defaults are for the daemon.
    public struct Options: Sendable {
        /// Milliseconds from the start of one group to the start of the next at least. Under load
        /// an answer waits half of it on average, and the syncs cost that much less; the first
        /// commit after a quiet moment does not wait.
        public var groupMilliseconds = 40
        /// Connections that read at once: records and statements.
        public var readers = 3
        /// How long the opening waits for another program that has locked the database.
        public var lockPatience = Duration.seconds(10)
        /// Names this run of the machine, as in `StoredState.boot`: where a wall clock was set since the
        /// last writing in the same run, what expires is moved along. 0 when nobody knows.
        public var boot: UInt64 = 0

        public init() {}
    }

    /// How the writer is doing, for the status and the watchdog.
    public struct Health: Sendable, Hashable {
        /// Handed in and not yet on the disk.
        public var waitingCommits = 0
        /// Why the disk took nothing at the last try; nil when it did. It is tried again by itself.
        public var stalledBecause: String?
        /// Commits that contradicted what is stored and were left out, since the start. Each one is
        /// a bug; their texts are in the table `refused_commit`.
        public var refusedCommits = 0
        /// Transactions since the start.
        public var groups: UInt64 = 0
        /// Rises each second at least, also while the disk refuses. When it stands still, the thread
        /// hangs in the kernel, and only a restart helps.
        public var turns: UInt64 = 0

        public init() {}
    }

    /// The file in the folder that holds everything.
    public static let fileName = "tandem.sqlite"

    public let folder: String
    /// How often the folder was opened, this time included. Counted durably before anything else is
    /// written, so that no call id ever stands for two calls.
    public let start: UInt32
    /// Whether whoever had it open before closed it. If not, SQLite has recovered by itself.
    public let wasClosedCleanly: Bool

    let path: String
    let pool: DatabasePool
    let writer: Writer
    /// Taken away by `close`.
    private let lock: Mutex<HeldLock>

    /// The lock can only be let go after the database is closed.
    private struct HeldLock: ~Copyable {
        var lock: FolderLock?
    }

    /// Opens the folder, making it when there is none: takes its lock, recovers what a crash left,
    /// brings an older database to today's tables, and counts the start.
    ///
    /// A disk that takes nothing now does not keep a daemon from starting, as long as the database can
    /// be read: `health` says so from the beginning, commits wait, and the start is counted before
    /// the first of them.
    ///
    /// Blocks for up to `Options.lockPatience` while another program has locked the database so that
    /// it cannot even be read.
    ///
    /// - Parameter whileLocked: is told, once, that it waits for another program, and for which file.
    /// - Throws: `Failure`, with what to do about it.
    public static func open(
        folder: String, role: Role, options: Options = Options(),
        whileLocked: (String) -> Void = { _ in }
    ) throws -> Store {
        settings
        let lock = try FolderLock(folder: folder, role: role)
        let path = folder + "/" + fileName
        let opened = try Failure.wrapping(path: path) {
            try Opening(
                path: path, reserve: DiskReserve(folder: folder), role: role,
                clock: ClockAnchor(boot: options.boot)
            ).open(
                configuration(options), patience: options.lockPatience,
                whileLocked: whileLocked)
        }
        return Store(folder: folder, path: path, lock: lock, opened: opened, options: options)
    }

    private init(
        folder: String, path: String, lock: consuming FolderLock, opened: Opening.Opened,
        options: Options
    ) {
        self.folder = folder
        self.path = path
        self.lock = Mutex(HeldLock(lock: lock))
        pool = opened.pool
        start = opened.start
        wasClosedCleanly = opened.wasClosedCleanly
        writer = Writer(
            pool: pool, path: path, start: start, groupMilliseconds: options.groupMilliseconds,
            clock: ClockAnchor(boot: options.boot), unfinished: opened.unfinished)
    }

    deinit { close() }

    private static func configuration(_ options: Options) -> GRDB.Configuration {
        var configuration = GRDB.Configuration()
        configuration.foreignKeysEnabled = true
        configuration.maximumReaderCount = options.readers
        // Somebody with the sqlite3 shell may hold a lock for a moment.
        configuration.busyMode = .timeout(1)
        configuration.prepareDatabase { database in
            // Debian's SQLite overwrites what is deleted, which writes pages that nobody reads.
            try database.execute(
                sql: "PRAGMA cache_size = -32768; PRAGMA secure_delete = FAST")
        }
        return configuration
    }

    /// Settings of SQLite for the whole process, to be made before the first database is opened. Where
    /// somebody else has opened one, SQLite keeps its own and is a little slower: nothing to tell.
    static let settings: Void = { _ = csqlite_count_no_memory() }()

    // MARK: The switch

    /// All that the switch begins with: everything but the closed records and the charges.
    /// Milliseconds; with a million tariff rows some seconds.
    ///
    /// - Throws: `Failure`, with the file and what to do about it. An entry of the journal that is damaged
    ///   costs its own call alone: see `StoredState.unreadable`.
    public func load() throws -> StoredState {
        let now = Int64(Date().timeIntervalSince1970 * 1e6)
        do {
            return try read { try StateReader(database: $0, now: now).state(start: start) }
        } catch let failure as Failure where failure.kind == .damaged {
            // What one row says is no text yet that says what to do.
            guard !failure.message.hasPrefix(path) else { throw failure }
            throw Failure(damaged: path, failure.message)
        }
    }

    /// Says where the results of commits go. To be called once, before `submit`; `onSettled` is called
    /// on the writer's thread with `.committed` and `.commitFailed`.
    public func begin(onSettled: @escaping @Sendable (Event) -> Void) {
        writer.begin(onSettled: onSettled)
    }

    /// Hands commits over, in the order of their tickets. Takes a lock for a moment and never waits
    /// for the disk.
    public func submit(_ commits: consuming [Commit]) {
        writer.submit(commits)
    }

    public var health: Health { writer.health }

    // MARK: Questions

    /// Closed records, newest start first: one page. Milliseconds with ten million records.
    public func records(_ query: RecordQuery) throws -> [CallRecord] {
        try read { database in
            guard let selection = try Store.selection(query, in: database) else { return [] }
            var records: [CallRecord] = []
            for (sql, arguments) in selection.statements {
                let cursor = try Row.fetchCursor(
                    database, sql: sql, arguments: StatementArguments(arguments))
                while let row = try cursor.next() {
                    let row = SQLRow(row: row)
                    var record = try CallRecordColumns.record(in: row, from: 1)
                    record.sequence = row.bits(0)
                    records.append(record)
                }
            }
            guard selection.statements.count > 1 else { return records }
            records.sort { ($0.startedAt, $0.sequence) > ($1.startedAt, $1.sequence) }
            return Array(records.prefix(selection.limit))
        }
    }

    /// What SQLite does for each statement of a query: a line for each step.
    func plans(of query: RecordQuery) throws -> [String] {
        let statements = try read { try Store.selection(query, in: $0)?.statements ?? [] }
        return try statements.map { try plan(of: $0.sql, StatementArguments($0.arguments)) }
    }

    func plan(of sql: String, _ arguments: StatementArguments = []) throws -> String {
        try read { database in
            let rows = try Row.fetchAll(
                database, sql: "EXPLAIN QUERY PLAN " + sql, arguments: arguments)
            return rows.map { row -> String in row["detail"] }.joined(separator: "\n")
        }
    }

    /// nil when nothing can come any more.
    private static func selection(
        _ query: RecordQuery, in database: Database
    ) throws -> RecordSelection? {
        var call: CallID?
        if let text = query.call {
            call = CallID(text)
            guard call != nil else {
                throw Failure(
                    .invalidRequest, "\"\(text)\" is no call id; they look like 3-1042")
            }
        }
        guard let sequence = query.after else {
            return RecordSelection(query, call: call, after: nil)
        }
        let row = try Row.fetchOne(
            database,
            sql: "SELECT started, sequence FROM record WHERE sequence <= ? "
                + "ORDER BY sequence DESC LIMIT 1",
            arguments: [Int64(clamping: sequence)])
        return row.map { row in
            let row = SQLRow(row: row)
            return RecordSelection(
                query, call: call, after: (started: row.integer(0), sequence: row.bits(1)))
        }
    }

    func read<T>(_ body: (Database) throws -> T) throws -> T {
        try Failure.wrapping(path: path) { try pool.read(body) }
    }

    // MARK: The end

    /// Makes durable what was handed in, moves the log into the database, marks the folder as cleanly
    /// closed and lets go of its lock. Blocks for the disk; a second call does nothing.
    ///
    /// What the disk refuses at this last try is lost with the process, and was told as failed.
    public func close() {
        writer.close()
        lock.withLock { held in
            guard held.lock != nil else { return }
            finish()
            held.lock = nil
        }
    }

    private func finish() {
        do {
            try pool.writeWithoutTransaction { database in
                if writer.health.waitingCommits == 0 {
                    try database.execute(sql: "UPDATE state SET value = 1 WHERE name = 'clean'")
                }
                try database.checkpoint(.truncate)
            }
            try pool.close()
        } catch {
            // The folder stays marked as not cleanly closed: the next start recovers from the log,
            // as after a crash, and loses nothing that was told as durable.
            return
        }
    }
}
