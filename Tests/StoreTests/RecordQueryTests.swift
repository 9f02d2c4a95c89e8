import Charging
import Switching
import Testing

@testable import Store

@Suite struct RecordQueryTests {
    /// Calls of three extensions to some numbers over two ways, a second after each other.
    private func fill(_ bench: Bench, count: UInt64) throws {
        var commits: [Commit] = []
        for call in 1...count {
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
        bench.store.submit(commits)
        try bench.settlements.waitForCommit(through: count)
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

    @Test func aQueryGivesExactlyTheRecordsItAsksForNewestFirst() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try fill(bench, count: 300)
        let all = try bench.store.records(RecordQuery(limit: 1000))
        #expect(all.map(\.sequence) == (1...300).reversed().map { UInt64($0) })
        for query in queries {
            let found = try bench.store.records(query).map(\.sequence)
            #expect(found == expected(all, query), "\(query)")
        }
        bench.store.close()
    }

    @Test func pagesAddUpToTheWholeWithoutGapOrOverlap() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try fill(bench, count: 300)
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

    /// Each question reads one place of one index, without sorting and without reading the table
    /// from end to end, with and without a page before.
    @Test func everyQuestionIsAnsweredByAnIndexWithoutSorting() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try fill(bench, count: 10_000)
        let time: Int64 = 1_790_000_100_000_000
        let plans: [(RecordQuery, [String])] = [
            (RecordQuery(), ["record_by_start"]),
            (RecordQuery(since: time, until: time + 1), ["record_by_start"]),
            (RecordQuery(from: "8001", trunk: "pstn", cause: 17), ["record_by_caller"]),
            (RecordQuery(to: "020", since: time), ["record_by_normalised", "record_by_dialled"]),
            (RecordQuery(from: "8001", to: "020"), ["record_by_normalised", "record_by_dialled"]),
            (RecordQuery(trunk: "pstn", cause: 17), ["record_by_route", "tried_route"]),
            (RecordQuery(cause: 17), ["record_by_cause"]),
            (RecordQuery(cause: 16), ["record_by_start"]),
            (RecordQuery(account: "8001"), ["record_by_caller", "record_by_account"]),
            (RecordQuery(call: "0-17"), ["sqlite_autoindex_record_1"]),
        ]
        for (var query, indexes) in plans {
            for after in [nil, UInt64(50)] {
                query.after = after
                let found = try bench.store.plans(of: query)
                #expect(found.count == indexes.count)
                for (plan, index) in zip(found, indexes) {
                    #expect(plan.contains(index), "\(query): \(plan)")
                    #expect(!plan.contains("TEMP B-TREE"), "\(query): \(plan)")
                    #expect(plan.contains("SEARCH") || index == "record_by_start", "\(plan)")
                }
            }
        }
        #expect(try bench.store.records(RecordQuery(to: "02088887", limit: 5)).count == 5)
        bench.store.close()
    }

    @Test func statementsAndPostingIDsAreReadFromTheirIndexes() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        for (table, index) in [
            ("posting", "posting_by_account"), ("posting_archive", "archive_by_account"),
        ] {
            let plan = try bench.store.plan(
                of: Store.newestPostings(in: table), ["a", 1, 2, 5])
            #expect(plan.contains(index))
            // Only postings of the same microsecond are sorted.
            #expect(!plan.contains("TEMP B-TREE FOR ORDER BY"), "\(plan)")
            let sum = try bench.store.plan(
                of: "SELECT sum(amount) FROM \(table) WHERE account = 'a' AND at < 2")
            #expect(sum.contains("COVERING INDEX \(index)"), "\(sum)")
        }
        let load = try bench.store.plan(
            of: "SELECT id, note FROM every_posting WHERE kind <> 'charge' AND kind <> 'renewal' "
                + "ORDER BY id")
        #expect(load.contains("posting_not_of_call") && load.contains("archive_not_of_call"))
        #expect(!load.contains("TEMP B-TREE"), "\(load)")
        bench.store.close()
    }
}
