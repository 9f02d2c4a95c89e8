import Charging
import Foundation
import GRDB
import Switching
import Testing

@testable import Store

/// What the audit finds, with whatever tool it was done.
@Suite struct AuditTests {
    /// Two accounts, a top-up each, five calls of which one runs.
    private func bench(_ folder: TemporaryFolder) throws -> Bench {
        let bench = try Bench(folder)
        try bench.write(
            .accountSaved(Account(id: "8001", name: "Reception")),
            .accountSaved(Account(id: "8002", name: "Kitchen")),
            .posted(topUp("a", "8001", 10, after: 10)),
            .posted(topUp("b", "8002", 20, after: 20)))
        for call in UInt64(1)...4 {
            try bench.write(.callRunning(running(call: call)))
            try bench.write(
                .posted(charge(call, "8001", 1, after: 10 - Int64(call))),
                .callClosed(closed(call)))
        }
        try bench.write(.callRunning(running(call: 5)), .bindingSaved(binding("8001", port: 5061)))
        return bench
    }

    private func closed(_ call: UInt64) -> CallRecord {
        var record = closedRecord(call: call, sequence: call)
        record.charge = yuan(1)
        return record
    }

    /// Does to the file what nobody may do, then asks for its audit.
    private func findings(_ sql: String) throws -> [String] {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        try bench.store.execute(
            """
            DROP TRIGGER posting_is_never_changed; DROP TRIGGER posting_is_never_removed;
            DROP TRIGGER record_is_never_changed; PRAGMA foreign_keys = OFF;
            DROP TRIGGER seal_run_is_never_changed; DROP TRIGGER seal_run_is_never_removed;
            """ + sql)
        defer { bench.store.close() }
        return try bench.store.audit().findings
    }

    @Test func runningCallsThatHoldMoreThanThereIsAreFound() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        var call = running(call: 5)
        call.reserved = yuan(100)
        try bench.write(.callRunning(call))
        #expect(
            try bench.store.audit().findings == [
                "running calls hold 100.000000 of account 8001, which has 6.000000"
            ])
        bench.store.close()
    }

    @Test func whatWasWrittenFitsTogether() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        let report = try bench.store.audit()
        #expect(report.findings == [])
        #expect(report.accounts == 2 && report.postings == 6 && report.records == 4)
        #expect(report.sealed == 10 && report.runningCalls == 1)
        #expect(report.head.count == 64)
        bench.store.close()
        // The chain goes on where it ended.
        let next = try Bench(folder)
        #expect(try next.store.audit().head == report.head)
        try next.write(.posted(topUp("c", "8001", 1, after: 7)))
        let later = try next.store.audit()
        #expect(later.findings == [] && later.sealed == 11 && later.head != report.head)
        next.store.close()
    }

    @Test(arguments: [
        ("UPDATE posting SET note = 'paid' WHERE entry = 1", "posting 1 is not as it was written"),
        ("UPDATE posting SET at = at + 1 WHERE entry = 4", "posting 4 is not as it was written"),
        (
            "UPDATE record SET dialled = '110' WHERE sequence = 2",
            "record 2 is not as it was written"
        ),
        ("UPDATE record SET charge = 0 WHERE sequence = 3", "says 0.000000, and 1.000000 was"),
        ("DELETE FROM record WHERE sequence = 2", "there are no records 2 to 2"),
        ("DELETE FROM posting WHERE entry = 3", "posting 3 was written once and is gone"),
        ("DELETE FROM posting WHERE entry = 6", "account 8001 has 6.000000"),
        ("DELETE FROM seal_run WHERE first = 5", "the hash chain has no seals 5 to 6"),
        ("DELETE FROM seal_run", "posting 1 has no seal"),
        ("DELETE FROM seal_run", "record 4 has no seal"),
        (
            "UPDATE seal_run SET seals = zeroblob(42) WHERE first = 1",
            "seal 1 is of nothing that is known"
        ),
        ("UPDATE account SET balance = 11000000 WHERE id = '8001'", "account 8001 has 11.000000"),
        (
            """
            INSERT INTO posting
            SELECT 7, 'topup:x', '8001', 'topup', 5000000, 11000000, at, NULL, '', ''
            FROM posting WHERE entry = 1
            """, "posting 7 has no seal"
        ),
        (
            "UPDATE posting SET amount = -2000000, balance_after = 8000000 WHERE entry = 3",
            "record 1 of call 0-1 says 1.000000, and 2.000000 was charged"
        ),
        (
            "UPDATE journal_run SET entries = substr(entries, 1, 100)",
            "run 5 of the journal is damaged: the entry at its byte 0 is cut off"
        ),
        (
            """
            INSERT INTO posting
            SELECT 7, 'refund:x', '8001', 'refund', 1000001, 7000001, at, 1, 'bad line', 'Li'
            FROM posting WHERE entry = 1
            """,
            "1.000001 of call 0-1 was refunded to account 8001, which was charged 1.000000 for it"
        ),
        (
            "UPDATE state SET value = 3 WHERE name = 'filed'",
            "18 keys of records are not filed, the first one of record 1"
        ),
        (
            "UPDATE state SET value = 2 WHERE name = 'filed_postings'",
            "the keys of 2 postings are not filed or differ from them, and there are -2 keys too"
        ),
        (
            "INSERT INTO posting_key VALUES ('8001', 5, 1, 'topup', 1)",
            "the keys of 0 postings are not filed or differ from them, and there are 1 keys too"
        ),
        (
            "INSERT INTO refused_commit VALUES (1, 3, 7, 0, 'it does not fit', '')",
            "commit 7 of start 3 was left out: it does not fit"
        ),
    ])
    func whatDoesNotFitIsFound(sql: String, finding: String) throws {
        let findings = try findings(sql)
        #expect(findings.contains { $0.contains(finding) }, "\(findings)")
    }

    /// Rows from before there was a chain have no seal, and are looked at all the same.
    @Test func rowsFromBeforeTheChainAreNoFinding() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        try bench.store.execute(
            """
            DROP TRIGGER seal_run_is_never_removed; DELETE FROM seal_run;
            CREATE TRIGGER seal_run_is_never_removed BEFORE DELETE ON seal_run
            BEGIN SELECT RAISE(ABORT, 'a seal is never removed'); END;
            DELETE FROM journal_run;
            DELETE FROM state WHERE name LIKE 'unsealed%';
            DELETE FROM grdb_migrations WHERE identifier LIKE 'survive 4%';
            """)
        bench.store.close()
        // A start counts them, once: what is put in later without a seal is a finding.
        let next = try Bench(folder)
        #expect(try next.store.audit().findings == [])
        try next.write(.posted(charge(5, "8001", 1, after: 5)), .callClosed(closed(5)))
        let report = try next.store.audit()
        #expect(report.findings == [] && report.sealed == 2 && report.postings == 7)
        try next.store.execute(
            "DROP TRIGGER seal_run_is_never_removed; DELETE FROM seal_run")
        let findings = try next.store.audit().findings
        #expect(findings == ["posting 7 has no seal", "record 5 has no seal"])
        next.store.close()
    }

    /// The end of the chain and all that it seals, taken away together: what is left fits in itself.
    @Test func anEndThatWasCutOffIsFoundByAHeadThatWasKept() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        let earlier = try bench.store.audit().head
        try bench.write(.posted(topUp("c", "8001", 3, after: 9)))
        let kept = try bench.store.audit(head: earlier)
        #expect(kept.findings == [] && kept.head != earlier)
        try bench.store.execute(
            """
            DROP TRIGGER posting_is_never_removed; DROP TRIGGER seal_run_is_never_removed;
            DELETE FROM posting WHERE entry = 7; DELETE FROM seal_run WHERE first = 11;
            UPDATE account SET balance = 6000000 WHERE id = '8001';
            """)
        #expect(try bench.store.audit().findings == [])
        #expect(try bench.store.audit(head: earlier).findings == [])
        let findings = try bench.store.audit(head: kept.head).findings
        #expect(findings.count == 1)
        #expect(findings.first?.contains("never was at \(kept.head)") == true)
        bench.store.close()
    }

    @Test func whatIsNoBackupIsNamed() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        bench.store.close()
        let text = folder.path + "/text"
        try Data(String(repeating: "no database ", count: 500).utf8)
            .write(to: URL(fileURLWithPath: text))
        for (file, words) in [
            (folder.path + "/nothing", "there is no file"), (folder.path, "is a folder"),
            (text, "is no data of tandem"),
        ] {
            let failure = #expect(throws: Store.Failure.self) { try Store.audit(file: file) }
            let message = failure?.message ?? ""
            #expect(message.contains(file) && message.contains(words), "\(message)")
            #expect(message.contains("name a backup"), "\(message)")
        }
    }

    /// Seals from before those of a transaction were one row stand in rows of their own, and the
    /// chain goes on behind them.
    @Test func theChainGoesOnBehindSealsOfAnOlderVersion() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        let head = try bench.store.audit().head
        try bench.store.writer.perform { database in
            for row in try Row.fetchAll(database, sql: "SELECT first, seals FROM seal_run") {
                let (first, seals): (Int64, Data) = (row[0], row[1])
                for place in 0..<seals.count / 42 {
                    let seal = [UInt8](seals.dropFirst(42 * place).prefix(42))
                    // The rows of this bench have small numbers.
                    try database.execute(
                        sql: "INSERT INTO seal VALUES (?, ?, ?, ?, ?)",
                        arguments: [
                            first + Int64(place), Int(seal[0]), Int(seal[2]), Int(seal[1]),
                            Data(seal[10...]),
                        ])
                }
            }
        }
        try bench.store.execute("DROP TRIGGER seal_run_is_never_removed; DELETE FROM seal_run")
        bench.store.close()
        let next = try Bench(folder)
        #expect(try next.store.audit().head == head)
        try next.write(.posted(charge(5, "8001", 1, after: 5)), .callClosed(closed(5)))
        let report = try next.store.audit()
        #expect(report.findings == [] && report.sealed == 12)
        next.store.close()
    }

    @Test func aDamagedFileIsFound() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        bench.store.close()
        let path = folder.path + "/" + Store.fileName
        var data = try Data(contentsOf: URL(fileURLWithPath: path))
        // Something of every page but the first.
        for offset in stride(from: 4096, to: data.count, by: 101) {
            data[offset] ^= 0x55
        }
        try data.write(to: URL(fileURLWithPath: path))
        do {
            #expect(try !Store.audit(file: path).isGood)
        } catch let failure as Store.Failure {
            #expect(failure.kind == .damaged)
        }
    }
}
