import Dispatch
import Foundation
import GRDB
import Switching
import Synchronization

/// The thread that writes: it takes all commits that wait, makes them durable in one transaction
/// with one sync of the disk, and says so.
///
/// **What is on the disk is always a beginning of what the switch decided**: commits go in order, none
/// is passed over for another. That is what keeps money right when something fails, because later
/// commits build on earlier ones: a charge on a top-up, a closed record on a journal entry.
///
/// There are two ways to fail, and they are told apart:
///
/// - *The disk refuses* (full, I/O error, read-only, locked by a foreign process). Nothing is wrong
///   with the commits. The transaction is rolled back, `commitFailed(through:)` is told for all that
///   wait, so that no answer waits any longer, and the commits **stay in line and are tried again**
///   until the disk takes them; then `committed(through:)` follows as always. A charge is so neither
///   lost nor posted on a balance that lacks the top-up before it. If the process ends first, the
///   journal of each running call is what the next start finds, as after any crash.
/// - *A commit contradicts what is stored* (a posting that does not fit on the stored balance, an
///   account below its limit, a second and different record of a call). That is a bug of ours, and
///   trying again cannot help. The commit is left out as a whole, its text is kept in the table
///   `refused_commit`, `commitFailed` names it alone, and the others go on. Later commits that build
///   on it do not fit either and are refused in the same way, so a wrong balance never spreads: the
///   account stands still, with its sums right, until the next start loads what is stored. A closed
///   call whose commit was refused still has its journal entry then and is recorded once.
///
/// A ticket that was handed in before is passed over, and so is a change that is stored already
/// (`ChangeWriter`): a switch that repeats its failed commits does no harm.
final class Writer: Sendable {
    /// Commits in one transaction at most: what is lost in time when one of them has to be tried
    /// alone, and what one sync may have to carry.
    static let groupLimit = 4096
    /// Between two tries while the disk refuses, in milliseconds; the last one repeats.
    static let retryPauses = [50, 100, 250, 500, 1000]
    /// How often the idle thread shows that it lives, in milliseconds.
    static let idlePause = 1000
    /// The text of a refused commit is kept up to this many characters.
    static let refusedTextLimit = 65_536

    private struct Mailbox {
        var commits: [Commit] = []
        /// The last one that is in line or was settled.
        var lastTicket = CommitTicket(rawValue: 0)
        /// What to say of commits that did not come in line.
        var outOfLine: OutOfLine?
        var jobs: [@Sendable (DatabasePool) -> Void] = []
        var onSettled: (@Sendable (Event) -> Void)?
        var isClosing = false
        var health = Store.Health()
    }

    private enum OutOfLine {
        /// All of them are settled: the switch asks again what became of them.
        case repeated
        /// Commits before this one were never handed in.
        case early(CommitTicket, missing: CommitTicket)
    }

    /// What only the thread itself sees.
    private struct Thread {
        /// What comes before the first commit.
        var unfinished: Opening.Unfinished?
        /// In line, oldest first.
        var waiting: [Commit] = []
        /// Prepared at the first group, and again after one that failed.
        var changes: ChangeWriter?
        var failuresInARow = 0
        var lastSettled = CommitTicket(rawValue: 0)
        /// The last ticket that was told as failed by the disk.
        var toldFailed = CommitTicket(rawValue: 0)
        var lastGroupStart: UInt64 = 0
    }

    private let mailbox = Mutex(Mailbox())
    private let wake = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    private let pool: DatabasePool
    private let path: String
    private let start: UInt32
    private let clock: ClockAnchor
    /// Nanoseconds between the starts of two groups at least.
    private let groupInterval: UInt64

    /// - Parameter unfinished: what the opening could not do.
    init(
        pool: DatabasePool, path: String, start: UInt32, groupMilliseconds: Int,
        clock: ClockAnchor = ClockAnchor(boot: 0), unfinished: Opening.Unfinished? = nil
    ) {
        self.pool = pool
        self.path = path
        self.start = start
        self.clock = clock
        groupInterval = UInt64(groupMilliseconds) * 1_000_000
        mailbox.withLock { $0.health.stalledBecause = unfinished?.reason }
        let thread = Foundation.Thread { [self] in run(unfinished) }
        thread.name = "store"
        thread.start()
    }

    // MARK: From other threads

    func begin(onSettled: @escaping @Sendable (Event) -> Void) {
        let stalledBecause = mailbox.withLock { mailbox in
            mailbox.onSettled = onSettled
            return mailbox.health.stalledBecause
        }
        // Nothing was handed in yet, but nothing would be taken either.
        if let stalledBecause {
            onSettled(.commitFailed(through: CommitTicket(rawValue: 0), reason: stalledBecause))
        }
    }

    /// Never waits for the disk.
    ///
    /// Only the next ticket gets in line. An earlier one is there already; a later one would leave a
    /// gap, so it is told as failed and has to come again behind those that are missing.
    func submit(_ commits: consuming [Commit]) {
        let added = commits
        mailbox.withLock { mailbox in
            precondition(mailbox.onSettled != nil, "Store.submit before Store.begin")
            precondition(!mailbox.isClosing, "Store.submit after Store.close")
            for commit in added {
                let next = CommitTicket(rawValue: mailbox.lastTicket.rawValue + 1)
                if commit.ticket == next {
                    mailbox.lastTicket = next
                    mailbox.health.waitingCommits += 1
                    mailbox.commits.append(commit)
                } else if commit.ticket > next {
                    mailbox.outOfLine = .early(commit.ticket, missing: next)
                } else if mailbox.health.waitingCommits == 0, mailbox.outOfLine == nil {
                    mailbox.outOfLine = .repeated
                }
            }
        }
        wake.signal()
    }

    /// Runs `body` on the writing connection between two groups, and waits for it.
    func perform<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) throws -> T {
        let box = JobResult<T>()
        let isTaken = mailbox.withLock { mailbox in
            guard !mailbox.isClosing else { return false }
            mailbox.jobs.append { pool in
                box.finish(Result { try pool.writeWithoutTransaction(body) })
            }
            return true
        }
        guard isTaken else { throw Store.Failure(.invalidRequest, "\(path) is closed already") }
        wake.signal()
        return try box.wait()
    }

    var health: Store.Health { mailbox.withLock { $0.health } }

    /// Waits until all that was handed in is on the disk, or the disk refuses it once more.
    func close() {
        mailbox.withLock { $0.isClosing = true }
        wake.signal()
        ended.wait()
        // Whoever closes too finds it ended.
        ended.signal()
    }

    // MARK: The thread

    private func run(_ unfinished: Opening.Unfinished?) {
        var thread = Thread(unfinished: unfinished)
        while true {
            let (jobs, outOfLine, isClosing) = mailbox.withLock { mailbox in
                thread.waiting.append(contentsOf: mailbox.commits)
                mailbox.commits.removeAll(keepingCapacity: true)
                let jobs = mailbox.jobs
                mailbox.jobs.removeAll()
                mailbox.health.turns += 1
                defer { mailbox.outOfLine = nil }
                return (jobs, mailbox.outOfLine, mailbox.isClosing)
            }
            for job in jobs { job(pool) }
            if let outOfLine { report(outOfLine, lastSettled: thread.lastSettled) }
            if let unfinished = thread.unfinished, !finish(unfinished, &thread) {
                if isClosing { break }
                pauseAfterFailure(thread.failuresInARow)
                continue
            }
            if thread.waiting.isEmpty {
                if isClosing { break }
                _ = wake.wait(timeout: .now() + .milliseconds(Writer.idlePause))
                continue
            }
            writeGroup(&thread)
            if thread.failuresInARow > 0 {
                // A closing store has no time for a second try.
                if isClosing { break }
                pauseAfterFailure(thread.failuresInARow)
            } else if !isClosing {
                gather(since: thread.lastGroupStart)
            }
        }
        ended.signal()
    }

    /// Does what the opening could not; `false` when the disk still refuses.
    private func finish(_ unfinished: Opening.Unfinished, _ thread: inout Thread) -> Bool {
        do {
            try unfinished.perform(pool)
        } catch {
            diskRefused(error, &thread)
            return false
        }
        thread.unfinished = nil
        thread.failuresInARow = 0
        let onSettled = mailbox.withLock { mailbox in
            mailbox.health.stalledBecause = nil
            return mailbox.onSettled
        }
        onSettled?(.committed(through: thread.lastSettled))
        return true
    }

    private func writeGroup(_ thread: inout Thread) {
        thread.lastGroupStart = DispatchTime.now().uptimeNanoseconds
        let count = min(thread.waiting.count, Writer.groupLimit)
        var refusals: [Refusal] = []
        do {
            do {
                try write(thread.waiting[..<count], with: &thread.changes)
            } catch let error where Writer.isContradiction(error) {
                refusals = try writeOneByOne(thread.waiting[..<count], with: &thread.changes)
            }
        } catch {
            diskRefused(error, &thread)
            return
        }
        let settled = thread.waiting[..<count].map(\.ticket)
        thread.waiting.removeFirst(count)
        thread.failuresInARow = 0
        mailbox.withLock { mailbox in
            mailbox.health.waitingCommits -= count
            mailbox.health.stalledBecause = nil
            mailbox.health.groups += 1
            mailbox.health.refusedCommits += refusals.count
        }
        if let last = settled.last { thread.lastSettled = last }
        report(settled, refusals)
    }

    private func diskRefused(_ error: any Error, _ thread: inout Thread) {
        thread.failuresInARow += 1
        let reason = Writer.reason(error, path: path)
        let onSettled = mailbox.withLock { mailbox in
            mailbox.health.stalledBecause = reason
            return mailbox.onSettled
        }
        guard let last = thread.waiting.last?.ticket, last > thread.toldFailed else { return }
        thread.toldFailed = last
        onSettled?(.commitFailed(through: last, reason: reason))
    }

    private func report(_ settled: [CommitTicket], _ refusals: [Refusal]) {
        guard let last = settled.last,
            let onSettled = mailbox.withLock({ $0.onSettled })
        else { return }
        var next = 0
        for refusal in refusals {
            if refusal.position > next {
                onSettled(.committed(through: settled[refusal.position - 1]))
            }
            onSettled(
                .commitFailed(through: settled[refusal.position], reason: refusal.reason))
            next = refusal.position + 1
        }
        if next < settled.count { onSettled(.committed(through: last)) }
    }

    private func report(_ outOfLine: OutOfLine, lastSettled: CommitTicket) {
        guard let onSettled = mailbox.withLock({ $0.onSettled }) else { return }
        switch outOfLine {
        case .repeated:
            onSettled(.committed(through: lastSettled))
        case .early(let ticket, let missing):
            onSettled(
                .commitFailed(
                    through: ticket,
                    reason: "commit \(missing.rawValue) was never handed in, so those up to "
                        + "\(ticket.rawValue) behind it have to wait"))
        }
    }

    /// Lets more commits gather, so that under load one sync carries many of them. One that comes
    /// after a quiet moment is written at once.
    private func gather(since groupStart: UInt64) {
        let elapsed = DispatchTime.now().uptimeNanoseconds - groupStart
        guard elapsed < groupInterval else { return }
        Foundation.Thread.sleep(forTimeInterval: Double(groupInterval - elapsed) / 1e9)
    }

    private func pauseAfterFailure(_ failures: Int) {
        let pause = Writer.retryPauses[min(failures, Writer.retryPauses.count) - 1]
        let end = DispatchTime.now() + .milliseconds(pause)
        // New commits wake the thread, and still have to wait; a request to close has not.
        while wake.wait(timeout: end) == .success {
            if mailbox.withLock({ $0.isClosing }) { return }
        }
    }

    // MARK: Transactions

    /// A commit that was left out.
    private struct Refusal {
        /// In its group.
        var position: Int
        var reason: String
    }

    private func write(_ group: ArraySlice<Commit>, with changes: inout ChangeWriter?) throws {
        try pool.writeWithoutTransaction { database in
            var writer = try changes ?? ChangeWriter(database, clock)
            // A statement that failed is not used again: GRDB traps when it is bound anew.
            changes = nil
            try Writer.transaction(database) {
                try writer.apply(group)
            }
            changes = writer
        }
    }

    /// The same group again, each commit in a savepoint of its own: those that contradict are left
    /// out and their text is kept.
    private func writeOneByOne(
        _ group: ArraySlice<Commit>, with changes: inout ChangeWriter?
    ) throws -> [Refusal] {
        try pool.writeWithoutTransaction { database in
            var writer = try ChangeWriter(database, clock)
            changes = nil
            var refusals: [Refusal] = []
            try Writer.transaction(database) {
                for (position, commit) in group.enumerated() {
                    try database.execute(sql: "SAVEPOINT one")
                    do {
                        try writer.apply([commit])
                    } catch let error where Writer.isContradiction(error) {
                        try database.execute(sql: "ROLLBACK TO one")
                        writer = try ChangeWriter(database, clock)
                        let reason = Writer.reason(error, path: path)
                        try keep(commit, reason: reason, in: database)
                        refusals.append(Refusal(position: position, reason: reason))
                    }
                    try database.execute(sql: "RELEASE one")
                }
            }
            changes = writer
            return refusals
        }
    }

    private func keep(_ commit: Commit, reason: String, in database: Database) throws {
        let now = Int64(Date().timeIntervalSince1970 * 1e6)
        let text = String(describing: commit.changes).prefix(Writer.refusedTextLimit)
        try database.execute(
            sql: """
                INSERT INTO refused_commit (start, ticket, at, reason, changes)
                VALUES (?, ?, ?, ?, ?)
                """,
            arguments: [
                Int64(start), Int64(bitPattern: commit.ticket.rawValue), now, reason, String(text),
            ])
    }

    static func transaction(_ database: Database, _ body: () throws -> Void) throws {
        try database.beginTransaction(.immediate)
        do {
            try body()
            try database.commit()
        } catch {
            // SQLite has rolled back by itself after some errors; the first error is the one to tell.
            if database.isInsideTransaction { try database.rollback() }
            throw error
        }
    }

    /// Whether the commit is at fault and not the disk.
    private static func isContradiction(_ error: any Error) -> Bool {
        if error is Contradiction { return true }
        guard let error = error as? DatabaseError else { return error is Store.Failure }
        switch error.resultCode {
        case .SQLITE_CONSTRAINT, .SQLITE_MISMATCH, .SQLITE_TOOBIG: return true
        default: return false
        }
    }

    private static func reason(_ error: any Error, path: String) -> String {
        switch error {
        case let error as Contradiction: error.reason
        case let error as DatabaseError: Store.Failure(error, at: path).message
        case let error as Store.Failure: error.message
        default: "\(path): \(error)"
        }
    }
}

/// Where the thread leaves what came of a job.
private final class JobResult<T: Sendable>: Sendable {
    private let result = Mutex<Result<T, any Error>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    func finish(_ value: sending Result<T, any Error>) {
        result.withLock { $0 = value }
        done.signal()
    }

    func wait() throws -> T {
        done.wait()
        guard let value = result.withLock({ $0 }) else {
            preconditionFailure("a job was reported done without a result")
        }
        return try value.get()
    }
}
