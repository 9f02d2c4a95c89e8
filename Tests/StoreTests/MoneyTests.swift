import Charging
import Switching
import Testing

@testable import Store

/// What the store itself holds of the rules of money, whatever the switch asks for.
@Suite struct MoneyTests {
    /// An account 8001 with 10 yuan.
    private func bench(_ folder: TemporaryFolder) throws -> Bench {
        let bench = try Bench(folder)
        try bench.write(
            .accountSaved(Account(id: "8001", name: "Reception")),
            .posted(topUp("a", "8001", 10, after: 10)))
        return bench
    }

    @Test func aPostingIsNeverMadeTwice() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        try bench.write(.posted(topUp("a", "8001", 10, after: 10)))
        try bench.write(.posted(topUp("a", "8001", 10, after: 20)))
        #expect(try bench.balance("8001") == yuan(10))
        #expect(try bench.store.postings(of: "8001").count == 1)

        let reason = try bench.refusal(of: .posted(topUp("a", "8001", 11, after: 21)))
        #expect(reason.contains("topup:a"))
        #expect(try bench.balance("8001") == yuan(10))
        bench.store.close()
    }

    @Test func aPostingThatDoesNotFitTheStoredBalanceIsRefused() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        let reason = try bench.refusal(of: .posted(charge(7, "8001", 1, after: 8)))
        #expect(
            reason
                == "posting call:7:8001 of -1.000000 makes the balance of account 8001 8.000000, "
                + "but the stored balance is 10.000000")
        let unknown = try bench.refusal(of: .posted(topUp("b", "9999", 1, after: 1)))
        #expect(unknown.contains("no such account is stored") || unknown.contains("FOREIGN KEY"))
        #expect(try bench.balance("8001") == yuan(10))
        bench.store.close()
    }

    @Test func noAccountIsStoredBelowItsLimit() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        let reason = try bench.refusal(of: .posted(charge(7, "8001", 11, after: -1)))
        #expect(reason.contains("no_account_overspends"))
        #expect(try bench.balance("8001") == yuan(10))
        bench.store.close()
    }

    @Test func savingAnAccountMovesNoMoney() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        try bench.write(
            .accountSaved(Account(id: "8001", name: "Front", balance: yuan(1000), version: 3)))
        let account = try #require(try bench.state().accounts.first)
        #expect(account == Account(id: "8001", name: "Front", balance: yuan(10), version: 3))
        bench.store.close()
    }

    @Test func aCommitIsStoredAsAWholeOrNotAtAll() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        _ = try bench.refusal(
            of: .extensionSaved(subscriber("8001")), .posted(charge(7, "8001", 1, after: 9)),
            .callClosed(closedRecord(call: 7, sequence: 1)),
            .posted(charge(8, "8001", 1, after: 3)))
        #expect(try bench.balance("8001") == yuan(10))
        #expect(try bench.state().extensions.isEmpty)
        #expect(try bench.store.records(RecordQuery()).isEmpty)
        #expect(try bench.store.postings(of: "8001").map(\.id) == ["topup:a"])
        bench.store.close()
    }

    /// A refused commit takes along what builds on it, and nothing else.
    @Test func theOthersOfAGroupGoOnAndDependentsAreRefusedToo() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        try bench.write(
            .accountSaved(Account(id: "8002", name: "Kitchen")),
            .posted(topUp("b", "8002", 5, after: 5)))
        try bench.write(.callRunning(running(call: 21)))
        // Handed in together, so that they stand in one group.
        bench.store.submit([
            bench.commit(.posted(charge(20, "8002", 1, after: 4))),
            // Does not fit: the balance is 10.
            bench.commit(.posted(charge(30, "8001", 1, after: 99))),
            bench.commit(.posted(charge(22, "8002", 1, after: 3))),
            // Builds on the one that did not fit.
            bench.commit(
                .posted(charge(21, "8001", 1, after: 98)),
                .callClosed(closedRecord(call: 21, sequence: 1))),
            bench.commit(.extensionSaved(subscriber("8002"))),
        ])
        try bench.settlements.waitForCommit(through: 8)
        let outcomes = bench.settlements.told.suffix(5).map { told in
            switch told {
            case .committed(let ticket): "committed \(ticket)"
            case .failed(let ticket, _): "failed \(ticket)"
            }
        }
        #expect(
            outcomes == ["committed 4", "failed 5", "committed 6", "failed 7", "committed 8"])
        #expect(try bench.balance("8001") == yuan(10))
        #expect(try bench.balance("8002") == yuan(3))
        // The call keeps its journal entry, so that the next start records it.
        #expect(try bench.state().runningCalls.map(\.call) == [CallID(rawValue: 21)])
        #expect(bench.store.health.refusedCommits == 2)
        let kept = try bench.store.texts("SELECT changes FROM refused_commit ORDER BY ticket")
        #expect(kept.count == 2)
        #expect(kept.last?.contains("call:21:8001") == true)
        bench.store.close()
    }

    @Test func aClosedCallHasOneRecordForEver() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        let record = closedRecord(call: 7, sequence: 1)
        try bench.write(.callRunning(running(call: 7)))
        try bench.write(.callClosed(record))
        #expect(try bench.state().runningCalls.isEmpty)

        // The same again is no harm, and does not bring the journal back.
        try bench.write(.callRunning(running(call: 7)), .callClosed(record))
        #expect(try bench.state().runningCalls.isEmpty)

        var other = record
        other.sequence = 2
        #expect(try bench.refusal(of: .callClosed(other)).contains("record 1 of call 0-7"))
        #expect(
            try bench.refusal(of: .callClosed(closedRecord(call: 8, sequence: 1)))
                .contains("record 1 of call 0-7"))
        #expect(try bench.store.records(RecordQuery()) == [record])
        bench.store.close()
    }

    @Test func postingsAndRecordsAreNeverChanged() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        try bench.write(.callClosed(closedRecord(call: 7, sequence: 1)))
        for sql in [
            "UPDATE posting SET amount = 1", "DELETE FROM posting", "UPDATE record SET charge = 0",
            "INSERT INTO account VALUES ('x', 'x', NULL, 'prepaid', 5, 0, 'CNY', 0, 1)",
            "UPDATE account SET balance = -1",
        ] {
            #expect(throws: (any Error).self) { try bench.store.execute(sql) }
        }
        #expect(try bench.balance("8001") == yuan(10))
        bench.store.close()
    }

    @Test func theChargeOfACallIsFoundForEachAccountAndAfterItsArchivingToo() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        defer { bench.store.close() }
        try bench.write(.posted(topUp("a", "8001", 10, after: 10)))
        try bench.write(.posted(charge(7, "8001", 3, after: 7)))
        try bench.write(.posted(topUp("b", "8001", 1, after: 8)))
        #expect(try bench.store.charge(ofCall: 7, account: "8001") == yuan(3))
        #expect(try bench.store.charge(ofCall: 7, account: "8002") == nil)
        #expect(try bench.store.charge(ofCall: 8, account: "8001") == nil)
        #expect(try bench.store.archivePostings(before: .max) == 2)
        #expect(try bench.store.charge(ofCall: 7, account: "8001") == yuan(3))
    }

    @Test func aStatementIsNewestFirstAndWithinItsBounds() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        let start: Int64 = 1_790_000_060_000_000
        for call in UInt64(1)...5 {
            try bench.write(
                .posted(
                    Posting(
                        id: "call:\(call):8001", account: "8001", kind: .charge, amount: yuan(-1),
                        balanceAfter: yuan(10 - Int64(call)), at: start + Int64(call), call: call)))
        }
        let all = try bench.store.postings(of: "8001")
        #expect(all.map(\.balanceAfter) == [5, 6, 7, 8, 9, 10].map(yuan))
        let part = try bench.store.postings(
            of: "8001", since: start + 2, until: start + 5, limit: 2)
        #expect(part.map(\.call) == [4, 3])
        #expect(try bench.store.postings(of: "8002").isEmpty)
        bench.store.close()
    }
}
