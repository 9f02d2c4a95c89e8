import Charging
import Switching
import Testing

@testable import Store

@Suite struct RecordQueryTests {
    /// Calls of three extensions to some numbers over two ways, a second after each other.
    private func fill(_ bench: Bench, from first: UInt64 = 1, count: UInt64) throws {
        var commits: [Commit] = []
        for call in first...count {
            var record = closedRecord(call: call, sequence: call)
            record.caller = "800\(call % 3)"
            record.callerAccount = [nil, record.caller, "8002", record.caller][Int(call % 4)]
            record.normalised = "0208888\(call % 50)"
            record.dialled = call % 5 == 0 ? "17909" + record.normalised : record.normalised
            record.route = call % 2 == 0 ? "ip-e1" : "pstn"
            record.attempts = [
                CallRecord.Attempt(route: "ip-e1", kind: .trunk, startedAt: record.startedAt)
            ]
            if call % 10 == 0 {
                record.disposition = .busy
                record.charge = .zero
                record.q850Cause = 17
            }
            commits.append(bench.commit(.callClosed(record)))
        }
        let last = try #require(commits.last).ticket.rawValue
        bench.store.submit(commits)
        try bench.settlements.waitForCommit(through: last)
    }

    /// What a query must give, by looking at every record.
    private func expected(_ all: [CallRecord], _ query: RecordQuery) -> [UInt64] {
        all.filter { record in
            (query.from.map { $0 == record.caller } ?? true)
                && (query.to.map { $0 == record.normalised || $0 == record.dialled } ?? true)
                && (query.since.map { record.startedAt >= $0 } ?? true)
                && (query.until.map { record.startedAt < $0 } ?? true)
                && (query.account.map { $0 == record.callerAccount } ?? true)
                && (query.cause.map { $0 == record.q850Cause } ?? true)
                && (query.call.map { CallID($0)?.rawValue == record.callID } ?? true)
                && (query.trunk.map { trunk in
                    trunk == record.route || record.attempts.contains { $0.route == trunk }
                } ?? true)
        }
        .map(\.sequence).prefix(query.limit).map { $0 }
    }

    private var queries: [RecordQuery] {
        let time: Int64 = 1_790_000_100_000_000
        return [
            RecordQuery(), RecordQuery(limit: 7), RecordQuery(from: "8001"),
            RecordQuery(to: "02088887"), RecordQuery(to: "179090208888" + "45"),
            RecordQuery(since: time, until: time + 50_000_000), RecordQuery(until: time),
            RecordQuery(trunk: "ip-e1"), RecordQuery(trunk: "pstn", limit: 20),
            RecordQuery(trunk: "nowhere"), RecordQuery(cause: 17), RecordQuery(cause: 16),
            RecordQuery(account: "8002"), RecordQuery(call: "0-17"), RecordQuery(call: "9-9"),
            RecordQuery(from: "8001", to: "020888810", since: time, trunk: "ip-e1", cause: 17),
            RecordQuery(from: "8002", trunk: "pstn", cause: 16, account: "8002"),
            RecordQuery(trunk: "ip-e1", cause: 17),
            RecordQuery(from: "8001", call: "0-16"),
        ]
    }

    /// How many of 300 records have their keys filed.
    static let filed: [UInt64] = [0, 1, 160, 300]

    private func fill(_ bench: Bench, filed: UInt64) throws {
        if filed > 0 {
            try fill(bench, count: filed)
            try bench.store.writer.perform { try RecordKeys.file(in: $0) }
        }
        if filed < 300 { try fill(bench, from: filed + 1, count: 300) }
    }

    @Test(arguments: filed)
    func aQueryGivesExactlyTheRecordsItAsksForNewestFirst(filed: UInt64) throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try fill(bench, filed: filed)
        let all = try bench.store.records(RecordQuery(limit: 1000))
        #expect(all.map(\.sequence) == (1...300).reversed().map { UInt64($0) })
        for query in queries {
            let found = try bench.store.records(query).map(\.sequence)
            #expect(found == expected(all, query), "\(query)")
        }
        bench.store.close()
    }

    @Test(arguments: filed) func pagesAddUpToTheWholeWithoutGapOrOverlap(filed: UInt64) throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try fill(bench, filed: filed)
        for var query in queries {
            query.limit = 1000
            let whole = try bench.store.records(query).map(\.sequence)
            query.limit = 13
            var pages: [UInt64] = []
            repeat {
                let page = try bench.store.records(query).map(\.sequence)
                pages += page
                query.after = page.last
                if page.isEmpty { break }
            } while true
            #expect(pages == whole, "\(query)")
        }
        bench.store.close()
    }

    @Test func aLimitOutOfRangeIsBroughtIntoIt() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try fill(bench, count: 3)
        #expect(try bench.store.records(RecordQuery(limit: 0)).count == 1)
        #expect(try bench.store.records(RecordQuery(limit: .max)).count == 3)
        #expect(try bench.store.records(RecordQuery(after: .max)).count == 2)
        #expect(try bench.store.records(RecordQuery(after: 1)).isEmpty)
        bench.store.close()
    }

    @Test func aCallIDThatIsNoneIsRefused() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        let failure = #expect(throws: Store.Failure.self) {
            try bench.store.records(RecordQuery(call: "17"))
        }
        #expect(failure?.kind == .invalidRequest)
        bench.store.close()
    }

    /// Each question reads one place of one tree, without sorting and without reading the table
    /// from end to end, with and without a page before; only the records that are not filed are
    /// looked through.
    @Test func everyQuestionIsAnsweredByOnePlaceWithoutSorting() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try fill(bench, count: 10_000)
        let time: Int64 = 1_790_000_100_000_000
        let byKey = "SEARCH record_key USING PRIMARY KEY (kind=? AND value=?"
        let byStart = "record USING INDEX record_by_start"
        let unfiled = "SEARCH record USING INTEGER PRIMARY KEY (rowid>?)"
        let plans: [(RecordQuery, [String])] = [
            (RecordQuery(), [byStart]),
            (RecordQuery(since: time, until: time + 1), [byStart]),
            (RecordQuery(from: "8001", trunk: "pstn", cause: 17), [byKey, unfiled]),
            (RecordQuery(to: "020", since: time), [byKey, unfiled]),
            (RecordQuery(from: "8001", to: "020"), [byKey, unfiled]),
            (RecordQuery(trunk: "pstn", cause: 17), [byKey, unfiled]),
            (RecordQuery(cause: 17), [byKey, unfiled]),
            (RecordQuery(cause: 16), [byStart]),
            (RecordQuery(account: "8001"), [byKey, byKey, unfiled]),
            (RecordQuery(call: "0-17"), ["sqlite_autoindex_record_1"]),
        ]
        for (var query, places) in plans {
            for after in [nil, UInt64(50)] {
                query.after = after
                let found = try bench.store.plans(of: query)
                #expect(found.count == places.count)
                for (plan, place) in zip(found, places) {
                    #expect(plan.contains(place), "\(query): \(plan)")
                    let isSorted = plan.contains("TEMP B-TREE")
                    #expect(isSorted == (place == unfiled), "\(query): \(plan)")
                }
            }
        }
        #expect(try bench.store.records(RecordQuery(to: "02088887", limit: 5)).count == 5)
        bench.store.close()
    }

    /// However many records come, few of them wait to be filed, and an opened store knows how many.
    @Test func keysAreFiledAsRecordsCome() throws {
        let folder = TemporaryFolder()
        var written: UInt64 = 0
        for _ in 1...3 {
            let bench = try Bench(folder)
            for _ in 1...5 {
                try fill(bench, from: written + 1, count: written + 500)
                written += 500
            }
            let waiting = try bench.store.read { try RecordKeys.waiting(in: $0) }
            #expect(waiting < RecordKeys.batch)
            let findings = try bench.store.audit().findings
            #expect(!findings.contains { $0.contains("filed") }, "\(findings)")
            bench.store.close()
        }
        let bench = try Bench(folder)
        #expect(try bench.store.texts("SELECT value FROM state WHERE name = 'filed'") != ["0"])
        bench.store.close()
    }

    @Test func statementsAndPostingIDsAreReadFromTheirIndexes() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        for (source, place) in zip(
            PostingKeys.sources,
            [
                "SEARCH posting_key USING PRIMARY KEY (account=? AND at>? AND at<?)",
                "SEARCH posting USING INTEGER PRIMARY KEY (rowid>?)",
            ])
        {
            let plan = try bench.store.plan(
                of: Store.newestEntries(in: source), ["a", 1, 2, 5])
            #expect(plan.contains(place), "\(plan)")
            #expect(plan.contains("TEMP B-TREE FOR ORDER BY") == (source != "posting_key"))
            let sum = try bench.store.plan(
                of: "SELECT sum(amount) FROM \(source) WHERE account = 'a' AND at >= 1 AND at < 2")
            #expect(sum.contains(place), "\(sum)")
        }
        let load = try bench.store.plan(
            of: "SELECT id, note FROM every_posting WHERE kind <> 'charge' AND kind <> 'renewal' "
                + "ORDER BY id")
        #expect(load.contains("posting_not_of_call") && load.contains("archive_not_of_call"))
        #expect(!load.contains("TEMP B-TREE"), "\(load)")
        bench.store.close()
    }
}
