import Charging
import Foundation
import SIP
import Store
import Switching
import Synchronization

/// What durability takes: commits that outlive a loss of power, the start after a crash, and reading
/// much of what was written. Wall time, since the disk is what is waited for.
///
/// In a folder of its own beside the current one, which has to lie on a disk: 3 GB for ten million
/// postings.
enum StoreCases {
    static let name = "store"

    static func run(arguments: [String]) throws {
        var postings = 10_000_000
        var parts: Set<String> = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--postings", let count = rest.popFirst().flatMap({ Int($0) }) {
                postings = count
            } else {
                parts.insert(argument)
            }
        }
        if parts.isEmpty { parts = ["commits", "recovery", "reading"] }
        let folder = FileManager.default.currentDirectoryPath + "/store-benchmark"
        try removeIfThere(folder)
        Report.printGroup("Store")
        if parts.contains("commits") { try commits(folder + "/commits") }
        if parts.contains("recovery") { try recovery(folder + "/recovery", calls: 50_000) }
        if parts.contains("reading") { try reading(folder + "/reading", postings: postings) }
        try removeIfThere(folder)
    }

    private static func removeIfThere(_ folder: String) throws {
        if FileManager.default.fileExists(atPath: folder) {
            try FileManager.default.removeItem(atPath: folder)
        }
    }

    private static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let clock = ContinuousClock()
        let length = try clock.measure(body)
        return Double(length.components.seconds) + Double(length.components.attoseconds) / 1e18
    }

    /// Of the process so far: on a busy machine the wall time says little.
    private static var cpuSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }

    // MARK: Commits

    /// Waits for what the store tells.
    private final class Settled: Sendable {
        private let ticket = Mutex<UInt64>(0)
        private let news = DispatchSemaphore(value: 0)

        func receive(_ event: Event) {
            guard case .committed(let through) = event else { fatalError("\(event)") }
            ticket.withLock { $0 = through.rawValue }
            news.signal()
        }

        func wait(for last: UInt64) {
            while ticket.withLock({ $0 }) < last { news.wait() }
        }
    }

    private static func call(_ number: UInt64, balance: Int64) -> [StoredChange] {
        var record = CallRecord(
            callID: number, direction: .outbound, caller: "8001", callerAccount: "8001",
            dialled: "02088886666", numberClass: "national", startedAt: 1_790_000_000_000_000)
        record.sequence = number
        record.route = "ip-e1"
        record.answeredAt = record.startedAt
        record.endedAt = record.startedAt
        record.disposition = .answered
        record.charge = Amount(micros: 1)
        record.explanation = [
            "8001 with level country dialled 02088886666",
            "02088886666 is of class national: the most specific pattern is 0[1-9]XXXXXXXX.",
            "level country may call national", "via ip-e1: send +862088886666",
        ]
        let posting = Posting(
            id: "call:\(number):8001", account: "8001", kind: .charge, amount: Amount(micros: -1),
            balanceAfter: Amount(micros: balance), at: record.startedAt, call: number)
        return [.posted(posting), .callClosed(record)]
    }

    private static func topUp(_ number: Int, _ account: String, balance: Int64) -> StoredChange {
        .posted(
            Posting(
                id: "topup:\(number)", account: account, kind: .topUp, amount: Amount(micros: 1),
                balanceAfter: Amount(micros: balance), at: 1_790_000_000_000_000 + Int64(number)))
    }

    /// One at a time, each waited for; and as many as come, each a charge and a record.
    private static func commits(_ folder: String) throws {
        let store = try Store.open(folder: folder, role: .daemon)
        let settled = Settled()
        store.begin { settled.receive($0) }
        var ticket: UInt64 = 0
        func submit(_ changes: [StoredChange]) {
            ticket += 1
            store.submit([Commit(ticket: CommitTicket(rawValue: ticket), changes: changes)])
        }
        let plenty: Int64 = 1_000_000_000
        submit([
            .accountSaved(Account(id: "8001", name: "Reception")),
            .posted(
                Posting(
                    id: "topup:first", account: "8001", kind: .topUp,
                    amount: Amount(micros: plenty), balanceAfter: Amount(micros: plenty), at: 0)),
        ])
        var number: UInt64 = 0
        let alone = 100
        let ofAlone = seconds {
            for _ in 0..<alone {
                number += 1
                submit(call(number, balance: plenty - Int64(number)))
                settled.wait(for: ticket)
            }
        }
        Report.print(
            "ms until one call's end is durable", Report.two(1000 * ofAlone / Double(alone)))
        let many = 200_000
        let ofMany = seconds {
            for _ in 0..<many {
                number += 1
                submit(call(number, balance: plenty - Int64(number)))
            }
            settled.wait(for: ticket)
        }
        Report.print("durable commits in a second", Report.whole(Double(many) / ofMany))
        store.close()
    }

    // MARK: Recovery

    /// From the opened file to a switch that takes requests, with every call in its table.
    private static func recovery(_ folder: String, calls: Int) throws {
        var site = try CallSite(extensions: 100_000)
        site.keepsJournals = true
        site.hold(calls)
        let stored = try CallSite.stored(100_000)
        let store = try Store.open(folder: folder, role: .daemon)
        _ = try store.put(TariffDeck(tariff: stored.tariff), rows: stored.tariff.rows)
        let settled = Settled()
        store.begin { settled.receive($0) }
        var changes = stored.extensions.map { StoredChange.extensionSaved($0) }
        changes += stored.bindings.map { .bindingSaved($0) }
        for account in stored.accounts {
            changes.append(.accountSaved(account))
            changes.append(
                .posted(
                    Posting(
                        id: "topup:\(account.id)", account: account.id, kind: .topUp,
                        amount: account.balance, balanceAfter: account.balance, at: 0)))
        }
        changes += site.journals.values.sorted { $0.call < $1.call }.map { .callRunning($0) }
        store.submit([Commit(ticket: CommitTicket(rawValue: 1), changes: changes)])
        settled.wait(for: 1)
        // Not closed: as a crash leaves it.
        withExtendedLifetime(store) {}
        let crashed = folder + "-crashed"
        try FileManager.default.copyItem(atPath: folder, toPath: crashed)
        store.close()

        var resumed = 0
        var parts: [Double] = []
        let before = cpuSeconds
        let whole = try seconds {
            var opened: Store?
            parts.append(
                try seconds { opened = try Store.open(folder: crashed, role: .daemon) })
            guard let opened else { return }
            var state = stored
            parts.append(try seconds { state = try opened.load() })
            parts.append(
                try seconds {
                    var actions = ActionList()
                    let now = Instant(nanoseconds: 1_000_000_000_000)
                    var theSwitch = try Switch(
                        configuration: CallSite.configuration(), stored: state,
                        hashes: CheapHashes.functions, seed: Array(repeating: 1, count: 32),
                        wallClock: WallClock(
                            instant: now, unixMicroseconds: 1_800_000_000_000_000 + 400_000_000,
                            utcOffset: 28_800),
                        now: now, into: &actions)
                    theSwitch.handle(
                        .requested(.status, by: ControlToken(rawValue: 1)), now: now,
                        into: &actions)
                    if case .status(let row) = actions.replies.first?.reply { resumed = row.calls }
                })
            opened.close()
        }
        let cpu = cpuSeconds - before
        precondition(resumed == calls, "\(resumed) of \(calls) calls go on")
        Report.print(
            "s to start with \(Report.whole(Double(calls))) running calls", Report.two(whole),
            budget: "5.00" + (whole > 5 ? ", passed" : ""))
        Report.print("  CPU s of it", Report.two(cpu))
        for (name, part) in zip(["open and recover", "load", "take up the calls"], parts) {
            Report.print("  of it: \(name)", Report.two(part))
        }
    }

    // MARK: Reading

    private static func reading(_ folder: String, postings: Int) throws {
        let store = try Store.open(folder: folder, role: .daemon)
        let settled = Settled()
        store.begin { settled.receive($0) }
        let accounts = 1000
        var ticket: UInt64 = 1
        store.submit([
            Commit(
                ticket: CommitTicket(rawValue: 1),
                changes: (0..<accounts).map { .accountSaved(Account(id: "\($0)", name: "A")) })
        ])
        var balances = [Int64](repeating: 0, count: accounts)
        let writing = seconds {
            var next = 0
            while next < postings {
                var changes: [StoredChange] = []
                for _ in 0..<min(1000, postings - next) {
                    let account = next % accounts
                    balances[account] += 1
                    changes.append(topUp(next, "\(account)", balance: balances[account]))
                    next += 1
                }
                ticket += 1
                store.submit([Commit(ticket: CommitTicket(rawValue: ticket), changes: changes)])
                if ticket % 64 == 0 { settled.wait(for: ticket - 32) }
            }
            settled.wait(for: ticket)
        }
        let name = Report.whole(Double(postings))
        Report.print("postings written in a second", Report.whole(Double(postings) / writing))
        var shown = 0
        let statement = try seconds {
            shown = try store.statement(account: "7")?.postings.count ?? 0
        }
        precondition(shown == 100)
        Report.print("ms for a statement among \(name) postings", Report.two(1000 * statement))
        var report = AuditReport()
        let audit = try seconds { report = try store.audit() }
        precondition(report.isGood && report.postings == postings, "\(report.findings)")
        Report.print("s for an audit of \(name) postings", Report.two(audit))
        let backup = try seconds { _ = try store.backup(to: folder + "/backup.sqlite") }
        Report.print("s for a backup of them, throttled", Report.two(backup))
        store.close()
    }
}
