import Charging
import GRDB
import Switching
import Testing

@testable import Store

/// Price lists of several plans, statements that add up, the archive, and what older databases become.
@Suite struct ChargingStoreTests {
    private static let day: Int64 = 86_400_000_000

    private func posting(_ id: String, _ amount: Int64, after: Int64, at: Int64) -> Posting {
        Posting(
            id: "topup:\(id)", account: "8001", kind: .topUp, amount: yuan(amount),
            balanceAfter: yuan(after), at: at, note: "cash", by: "Li")
    }

    private func charge(_ call: UInt64, after: Int64, at: Int64) -> Posting {
        Posting(
            id: "call:\(call):8001", account: "8001", kind: .charge, amount: yuan(-1),
            balanceAfter: yuan(after), at: at, call: call)
    }

    @Test func everythingOfAnAccountSurvivesReopening() throws {
        let folder = TemporaryFolder()
        let account = Account(
            id: "8001", name: "Ann", kind: .postpaid, creditLimit: yuan(30), currency: "USD",
            expiresAt: 77, lowMark: yuan(5), plan: "gold",
            limits: SpendingLimits(call: yuan(1), hour: yuan(2), day: yuan(3)), renewal: .month,
            renewedIn: 682, version: 4)
        let vouchers = [
            Voucher(key: "a", batch: "b", serial: 1, amount: yuan(50), currency: "CNY"),
            Voucher(
                key: "k", batch: "b", serial: 2, amount: yuan(50), currency: "CNY", expiresAt: 9),
        ]
        let holds = [
            SpendingHold(subject: .account("8001"), reason: "odd", by: "Li", since: 5),
            SpendingHold(subject: .extension("8002"), reason: "", since: 6, releasedAt: 7),
        ]
        do {
            let bench = try Bench(folder)
            try bench.write(
                .accountSaved(account), .vouchersAdded(vouchers), .spendingHeld(holds[1]),
                .spendingHeld(SpendingHold(subject: .account("8001"), reason: "x", since: 1)),
                .spendingHeld(holds[0]))
            // Handed in again, nothing changes.
            try bench.write(.vouchersAdded(vouchers), .spendingHeld(holds[0]))
            bench.store.close()
        }
        let bench = try Bench(folder)
        let state = try bench.state()
        #expect(state.accounts == [account])
        #expect(state.vouchers == vouchers && state.holds == holds)
        #expect(throws: (any Error).self) {
            try bench.store.execute("UPDATE voucher SET amount = 1")
        }
        bench.store.close()
    }

    @Test func whatWasChargedLatelyIsThereForTodaysLimits() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        let record = closedRecord(call: 7, sequence: 1)
        var old = closedRecord(call: 8, sequence: 2)
        old.startedAt -= 4 * Self.day
        var free = closedRecord(call: 9, sequence: 3)
        free.charge = .zero
        // Of a clock that stood years ahead; the switch passes it over.
        var ahead = closedRecord(call: 10, sequence: 4)
        ahead.startedAt = 4_000_000_000_000_000
        ahead.endedAt = 4_000_000_001_000_000
        try bench.write(
            .callClosed(record), .callClosed(old), .callClosed(free), .callClosed(ahead))
        let end = try #require(record.endedAt)
        #expect(
            try bench.state(at: record.startedAt + Self.day).recentCharges == [
                RecentCharge(
                    extension: "8001", account: "8001", amount: record.charge,
                    at: 4_000_000_001_000_000),
                RecentCharge(
                    extension: "8001", account: "8001", amount: record.charge, at: end),
            ])
        bench.store.close()
    }

    // MARK: Statements and the archive

    /// Ten days of postings, one a day: 100 paid in, then a yuan for each of nine calls.
    private func bench(_ folder: TemporaryFolder, filed: UInt64 = 0) throws -> Bench {
        let bench = try Bench(folder)
        try bench.write(
            .accountSaved(Account(id: "8001", name: "Ann")),
            .posted(posting("a", 100, after: 100, at: 0)))
        for call in UInt64(1)...9 {
            try bench.write(
                .posted(charge(call, after: 100 - Int64(call), at: Int64(call) * Self.day)))
            if call == filed { try bench.store.writer.perform { try PostingKeys.file(in: $0) } }
        }
        return bench
    }

    /// With none, some and all of the keys filed.
    @Test(arguments: [0, 4, 9] as [UInt64])
    func aStatementAddsUpInEveryStretchOfTime(filed: UInt64) throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder, filed: filed)
        func statement(_ since: Int64?, _ until: Int64?, limit: Int = 2) throws -> AccountStatement
        {
            try #require(
                try bench.store.statement(
                    account: "8001", since: since.map { $0 * Self.day },
                    until: until.map { $0 * Self.day }, limit: limit))
        }
        var all = try statement(nil, nil)
        #expect(all.opening == .zero && all.closing == yuan(91) && all.addsUp)
        #expect(
            all.totals == [
                .init(kind: .topUp, count: 1, sum: yuan(100)),
                .init(kind: .charge, count: 9, sum: yuan(-9)),
            ])
        #expect(all.postings.map(\.call) == [9, 8])
        let part = try statement(3, 6, limit: 10)
        #expect(part.opening == yuan(98) && part.closing == yuan(95) && part.addsUp)
        #expect(part.postings.map(\.call) == [5, 4, 3])
        #expect(try bench.store.statement(account: "nobody") == nil)
        all.closing = yuan(92)
        #expect(!all.addsUp)
        bench.store.close()
    }

    @Test func archivedPostingsAreInStatementsAndTheirIDsStayKnown() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        let before = try bench.store.statement(account: "8001", limit: 100)
        #expect(try bench.store.archivePostings(before: 5 * Self.day) == 5)
        #expect(try bench.store.archivePostings(before: 5 * Self.day) == 0)
        #expect(try bench.store.texts("SELECT count(*) FROM posting") == ["5"])
        #expect(try bench.store.statement(account: "8001", limit: 100) == before)
        #expect(try bench.state().postings == [posting("a", 100, after: 100, at: 0)])
        // The same top-up again does nothing, and another one under its id is refused.
        try bench.write(.posted(posting("a", 100, after: 100, at: 0)))
        #expect(
            try bench.refusal(of: .posted(posting("a", 5, after: 96, at: 0))).contains("topup:a"))
        for sql in [
            "DELETE FROM posting_archive", "UPDATE posting_archive SET amount = 7",
            "DELETE FROM posting",
        ] { #expect(throws: (any Error).self) { try bench.store.execute(sql) } }
        // However much goes, what comes next is numbered behind it.
        #expect(try bench.store.archivePostings(before: .max) == 4)
        try bench.write(.posted(posting("b", 1, after: 92, at: 20 * Self.day)))
        #expect(try bench.store.archivePostings(before: .max) == 1)
        let last = try #require(try bench.store.statement(account: "8001", limit: 1))
        #expect(last.addsUp && last.closing == yuan(92) && last.postings.map(\.by) == ["Li"])
        bench.store.close()
    }

    // MARK: Price lists

    private static let bands = """
        currency,USD
        holiday,2026-10-01..2026-10-03
        band,night,daily 21:00-07:00
        prefix,name,connect_fee,steps,band,free_seconds,minimum,rounding
        02,national,0.1,0.07/6,,10,0.2,half-even/0.01
        02,national,0,,night,,,
        03,plain,0,0.07/6,,,,
        """

    @Test func decksOfSeveralPlansAreKeptWithTheirCalendars() throws {
        let folder = TemporaryFolder()
        let tariff = try #require(Tariff.parse(csv: Self.bands, file: "t.csv").tariff)
        do {
            let bench = try Bench(folder)
            for (plan, via, from) in [
                ("standard", nil, 0), ("standard", "line", 0), ("gold", nil, 5), ("gold", nil, 9),
            ] as [(String, String?, Int64)] {
                let deck = TariffDeck(
                    plan: plan, via: via, validFrom: from, source: "t.csv", tariff: tariff)
                _ = try bench.store.put(deck, rows: tariff.rows)
            }
            bench.store.close()
        }
        let bench = try Bench(folder)
        let book = try bench.state().tariffs
        #expect(book.count == 4 && book.plans == ["gold", "standard"])
        #expect(book.all.allSatisfy { $0.tariff == tariff && $0.source == "t.csv" })
        #expect(book.deck(plan: "gold", at: 4) == nil && book.deck(plan: "gold", at: 9)?.id == 4)
        // One more takes an outdated one along, and a deck can be taken out.
        let later = TariffDeck(plan: "gold", validFrom: 20, tariff: tariff)
        #expect(try bench.store.put(later, rows: tariff.rows, removing: [3]) == 5)
        try bench.store.removeDeck(2)
        #expect(try bench.state().tariffs.all.map(\.id) == [4, 5, 1])
        #expect(try bench.store.texts("SELECT count(DISTINCT deck) FROM tariff") == ["3"])
        bench.store.close()
    }

    // MARK: Older databases

    @Test func aDatabaseOfTheFirstReleaseKeepsItsMoneyRecordsAndPrices() throws {
        let folder = TemporaryFolder()
        try Store.open(folder: folder.path, role: .daemon).close()
        let queue = try DatabaseQueue(path: folder.path + "/" + Store.fileName)
        try queue.erase()
        try Schema.migrator.migrate(queue, upTo: "1: first call")
        try queue.write { database in
            try database.execute(
                sql: """
                    INSERT INTO account VALUES ('8001', 'Ann', NULL, 'prepaid', 0, 91000000, 'CNY',
                        0, 11);
                    INSERT INTO posting VALUES (1, 'topup:a', '8001', 'topup', 100000000, 100000000,
                        0, NULL, 'cash');
                    INSERT INTO posting VALUES (2, 'call:7:8001', '8001', 'charge', -9000000,
                        91000000, 5, 7, '');
                    INSERT INTO record VALUES (1, 7, 'outbound', '8001', '8001', '02', '02', NULL,
                        NULL, NULL, '[]', 1, NULL, 2, 3, 5, 5, 'ANSWERED', 'caller', 200, 16, '',
                        '02', 'national', 1, 9000000, '[[1,6,9000000]]', '[["8001",91000000]]', 'v',
                        '[]');
                    UPDATE state SET value = 3 WHERE name = 'tariff_deck';
                    INSERT INTO tariff VALUES (3, '02', 'national', 0, '[[6,9000000]]');
                    """)
        }
        try queue.close()

        let bench = try Bench(folder)
        let state = try bench.state()
        #expect(state.accounts.first?.balance == yuan(91))
        #expect(state.accounts.first?.renewedIn == .min && state.postings.map(\.id) == ["topup:a"])
        #expect(state.tariff.row(for: "0288")?.steps.map(\.price) == [yuan(9)])
        #expect(try bench.store.statement(account: "8001")?.addsUp == true)
        let record = try #require(try bench.store.records(RecordQuery()).first)
        #expect(record.charge == yuan(9) && record.basis == nil)
        #expect(record.receipt == [ReceiptLine(count: 1, seconds: 6, price: yuan(9))])
        // And money goes on.
        try bench.write(.posted(posting("b", 1, after: 92, at: 9)))
        #expect(try bench.balance("8001") == yuan(92))
        bench.store.close()
    }
}
