import Charging
import Dispatch
import Foundation
import GRDB
import SIP
import Switching
import Synchronization
import Testing

@testable import Store

/// A folder of its own for one test, removed at the end.
final class TemporaryFolder: Sendable {
    let path: String

    init() {
        path =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("tandem-store-\(UUID().uuidString)").path
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            Issue.record("\(path) stays behind: \(error)")
        }
    }

    /// The files as a crash at this moment leaves them.
    func copy() throws -> TemporaryFolder {
        let copy = TemporaryFolder()
        try FileManager.default.copyItem(atPath: path, toPath: copy.path)
        return copy
    }

    var logPath: String { path + "/" + Store.fileName + "-wal" }
}

/// What the store told, and a way to wait for it.
final class Settlements: Sendable {
    enum Told: Hashable, Sendable {
        case committed(UInt64)
        case failed(UInt64, String)
    }

    private let list = Mutex<[Told]>([])
    private let news = DispatchSemaphore(value: 0)

    var told: [Told] { list.withLock { $0 } }

    func receive(_ event: Event) {
        switch event {
        case .committed(let ticket):
            list.withLock { $0.append(.committed(ticket.rawValue)) }
        case .commitFailed(let ticket, let reason):
            list.withLock { $0.append(.failed(ticket.rawValue, reason)) }
        default:
            Issue.record("the store told \(event)")
        }
        news.signal()
    }

    /// Waits until something told fits; what is told later is not in the result.
    @discardableResult
    func wait(until fits: (Told) -> Bool) throws -> [Told] {
        while true {
            let told = told
            if let index = told.firstIndex(where: fits) { return Array(told[...index]) }
            try #require(news.wait(timeout: .now() + 60) == .success, "nothing more was told")
        }
    }

    func waitForCommit(through ticket: UInt64) throws {
        try wait { told in
            switch told {
            case .committed(let durable): durable >= ticket
            case .failed: false
            }
        }
    }

    func waitForFailure(_ ticket: UInt64) throws -> String {
        let told = try wait { told in
            switch told {
            case .committed: false
            case .failed(let failed, _): failed == ticket
            }
        }
        guard case .failed(_, let reason) = told.last else { return "" }
        return reason
    }
}

/// An open store, its tickets and what it told.
final class Bench {
    let store: Store
    let settlements = Settlements()
    private var lastTicket: UInt64 = 0

    init(_ folder: TemporaryFolder, role: Store.Role = .daemon) throws {
        store = try Store.open(folder: folder.path, role: role)
        let settlements = settlements
        store.begin { settlements.receive($0) }
    }

    func commit(_ changes: StoredChange...) -> Commit { commit(changes) }

    func commit(_ changes: [StoredChange]) -> Commit {
        lastTicket += 1
        return Commit(ticket: CommitTicket(rawValue: lastTicket), changes: changes)
    }

    /// Hands in one commit and waits until it is durable.
    func write(_ changes: StoredChange...) throws {
        store.submit([commit(changes)])
        try settlements.waitForCommit(through: lastTicket)
    }

    /// Hands in one commit that must be refused; why it was.
    func refusal(of changes: StoredChange...) throws -> String {
        store.submit([commit(changes)])
        return try settlements.waitForFailure(lastTicket)
    }

    func state() throws -> StoredState { try store.load() }

    /// As the wall clock shows this time.
    func state(at now: Int64) throws -> StoredState {
        try store.read { try StateReader(database: $0, now: now).state(start: store.start) }
    }

    func balance(_ account: String) throws -> Amount? {
        try state().accounts.first { $0.id == account }?.balance
    }
}

extension Store {
    /// The postings of a statement, the newest first.
    func postings(
        of account: String, since: Int64? = nil, until: Int64? = nil, limit: Int = 100
    ) throws -> [Posting] {
        try statement(account: account, since: since, until: until, limit: limit)?.postings ?? []
    }

    /// Puts one price list in the place of the one that is there.
    func replace(_ rows: [TariffRow]) throws {
        _ = try put(TariffDeck(validFrom: 0, tariff: Tariff()), rows: rows)
    }

    /// The first column of a result.
    func texts(_ sql: String) throws -> [String] {
        try writer.perform { try String.fetchAll($0, sql: sql) }
    }

    func execute(_ sql: String) throws {
        try writer.perform { try $0.execute(sql: sql) }
    }
}

func yuan(_ amount: Int64) -> Amount { Amount(micros: amount * 1_000_000) }

func topUp(_ id: String, _ account: String, _ amount: Int64, after: Int64) -> Posting {
    Posting(
        id: "topup:\(id)", account: account, kind: .topUp, amount: yuan(amount),
        balanceAfter: yuan(after), at: 1_790_000_000_000_000, note: "cash")
}

func charge(_ call: UInt64, _ account: String, _ amount: Int64, after: Int64) -> Posting {
    Posting(
        id: "call:\(call):\(account)", account: account, kind: .charge, amount: yuan(-amount),
        balanceAfter: yuan(after), at: 1_790_000_060_000_000, call: call)
}

/// A record with everything in it.
func closedRecord(call: UInt64, sequence: UInt64) -> CallRecord {
    var record = openRecord(call: call)
    record.sequence = sequence
    record.endedAt = record.startedAt + 62_000_000
    record.durationMs = 62_000
    record.billedMs = 60_000
    record.disposition = .answered
    record.releasedBy = .caller
    record.sipStatus = 200
    record.q850Cause = 16
    record.endReason = "normal call clearing"
    record.steps = 10
    record.charge = Amount(micros: 700_000)
    record.receipt = [
        ReceiptLine(count: 1, seconds: nil, price: Amount(micros: 100_000)),
        ReceiptLine(count: 10, seconds: 6, price: Amount(micros: 60_000)),
    ]
    record.basis = PriceBasis(
        plan: "night owls", via: "line", currency: "CNY", tariff: "prefix,\"x\"\n",
        from: 1_790_000_002_000_000,
        offset: UTCOffset(
            seconds: 28_800,
            changes: [
                UTCOffset.Change(from: 1_800_000_000, seconds: -3600),
                UTCOffset.Change(from: 1_810_000_000, seconds: 28_800),
            ]))
    record.chargedExtension = "8001"
    record.linkedCall = .max
    record.link = .transferred
    record.accountBalances = [
        AccountBalance(account: "8001", balance: yuan(9)),
        AccountBalance(account: "house", balance: yuan(-3)),
    ]
    return record
}

func openRecord(call: UInt64) -> CallRecord {
    var record = CallRecord(
        callID: call, direction: .outbound, caller: "8001", callerAccount: "8001",
        dialled: "1790902088886666", normalised: "02088886666", numberClass: "national",
        startedAt: 1_790_000_000_000_000 + Int64(call) * 1_000_000)
    record.presented = "+8631166778001"
    record.route = "pstn"
    record.attempts = [
        CallRecord.Attempt(
            route: "ip-e1", kind: .trunk, startedAt: record.startedAt, outcome: .failed,
            sipStatus: 503, q850: 34, reason: "no \"circuit\" \\ 中国\n", ringMs: 0),
        CallRecord.Attempt(
            route: "pstn", kind: .trunk, startedAt: record.startedAt + 1000, outcome: nil,
            ringMs: 2000),
    ]
    record.attempts[0].channel = 17
    record.ringingAt = record.startedAt + 500_000
    record.answeredAt = record.startedAt + 2_000_000
    record.tariffPrefix = "02"
    record.tariffName = "national"
    record.dialplanVersion = "0123456789abcdef"
    record.explanation = ["1790902088886666 was dialled", "it is national"]
    return record
}

func running(call: UInt64) -> RunningCall {
    RunningCall(
        call: CallID(rawValue: call), record: openRecord(call: call), account: "8001",
        reserved: Amount(micros: 700_000), tariffPrefix: "02", state: [0, 1, 2, 255])
}

/// A database as it was when each running call had a row.
func makeOlderDatabase(at path: String, running calls: [RunningCall]) throws {
    let old = try DatabasePool(path: path)
    try Schema.migrator.migrate(old, upTo: "outbound 1: paths and flows of bindings")
    try old.write { database in
        for call in calls {
            var values = SQLValues()
            CallRecordColumns.add(call.record, to: &values)
            values.add(call.account)
            values.add(call.reserved)
            values.add(call.tariffPrefix)
            values.add(call.state)
            try values.run(
                database.makeStatement(
                    sql: """
                        INSERT INTO running_call (\(CallRecordColumns.names), payer, reserved,
                        held_prefix, state)
                        VALUES (\(CallRecordColumns.questionMarks), ?, ?, ?, ?)
                        """))
        }
    }
    try old.close()
}

func subscriber(_ number: String) -> Extension {
    Extension(
        number: number, name: "Reception",
        secret: StoredSecret(
            md5: String(repeating: "a", count: 32), sha256: String(repeating: "b", count: 64),
            sha512t256: String(repeating: "c", count: 64)),
        realm: "tandem.example", level: "country", account: number, callLimit: 2)
}

func binding(_ number: String, port: UInt16) -> Binding {
    var binding = Binding(
        number: number, contact: Array("sip:\(number)@10.0.0.7:\(port);ob".utf8),
        flow: Flow(
            transport: .udp, listener: 1,
            remote: Endpoint(ip: IPAddress(high: .max, low: 1 << 63), port: port)),
        expiresAt: 1_790_000_000_000_000, callID: [0, 1, 200], cseq: .max, userAgent: "Phone/1.0")
    binding.isAskedByMD5Alone = port == 5062
    return binding
}
