import Charging
import Foundation
import Switching
import Testing

@testable import Store

@Suite struct FailingDiskTests {
    /// Lets the database grow no more, as a full disk does; SQLite says SQLITE_FULL.
    private func fillDisk(_ store: Store) throws {
        let pages = try store.texts("SELECT CAST(page_count AS TEXT) FROM pragma_page_count")[0]
        try store.execute("PRAGMA max_page_count = \(pages)")
    }

    private func freeDisk(_ store: Store) throws {
        try store.execute("PRAGMA max_page_count = 1000000")
    }

    /// More than the free pages of a young database take.
    private func large(_ call: UInt64) -> RunningCall {
        var call = running(call: call)
        call.state = [UInt8](repeating: 1, count: 100_000)
        return call
    }

    @Test func aFullDiskIsToldAndWhatWaitsIsStoredInOrderWhenItIsFree() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try bench.write(.accountSaved(Account(id: "8001", name: "Reception")))
        try fillDisk(bench.store)

        // The top-up would fit, the journal does not: nothing of the group may be stored.
        bench.store.submit([
            bench.commit(.posted(topUp("a", "8001", 10, after: 10))),
            bench.commit(.callRunning(large(7))),
        ])
        let reason = try bench.settlements.waitForFailure(3)
        #expect(reason.contains("disk is full"))
        #expect(reason.contains(folder.path))
        #expect(bench.store.health.stalledBecause == reason)
        #expect(bench.store.health.waitingCommits == 2)
        #expect(try bench.balance("8001") == .zero)
        #expect(try bench.state().postings.isEmpty)

        // What builds on them waits behind them, though it would fit alone.
        bench.store.submit([bench.commit(.posted(charge(7, "8001", 1, after: 9)))])
        _ = try bench.settlements.waitForFailure(4)
        #expect(try bench.balance("8001") == .zero)

        try freeDisk(bench.store)
        try bench.settlements.waitForCommit(through: 4)
        #expect(try bench.balance("8001") == yuan(9))
        #expect(try bench.store.postings(of: "8001").count == 2)
        #expect(try bench.state().runningCalls.map(\.call) == [CallID(rawValue: 7)])
        #expect(bench.store.health.stalledBecause == nil)
        #expect(bench.store.health.waitingCommits == 0)
        #expect(bench.store.health.refusedCommits == 0)
        bench.store.close()
    }

    /// A crash while the disk refuses leaves what was durable before.
    @Test func aCrashWhileTheDiskIsFullLeavesWhatWasTold() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try bench.write(
            .accountSaved(Account(id: "8001", name: "Reception")),
            .posted(topUp("a", "8001", 10, after: 10)), .callRunning(running(call: 7)))
        try fillDisk(bench.store)
        bench.store.submit([
            bench.commit(.callRunning(large(8))),
            bench.commit(
                .posted(charge(7, "8001", 1, after: 9)),
                .callClosed(closedRecord(call: 7, sequence: 1))),
        ])
        _ = try bench.settlements.waitForFailure(3)
        let crashed = try folder.copy()

        let recovered = try Bench(crashed)
        #expect(try recovered.balance("8001") == yuan(10))
        #expect(try recovered.state().runningCalls.map(\.call) == [CallID(rawValue: 7)])
        #expect(try recovered.store.records(RecordQuery()).isEmpty)
        recovered.store.close()

        // Closing tries once more, in vain, and does not call it a clean end.
        bench.store.close()
        #expect(bench.store.health.waitingCommits == 2)
        let next = try Bench(folder)
        #expect(!next.store.wasClosedCleanly)
        #expect(try next.balance("8001") == yuan(10))
        next.store.close()
    }

    @Test func aCommitHandedInAgainIsStoredOnce() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try bench.write(.accountSaved(Account(id: "8001", name: "Reception")))
        try fillDisk(bench.store)
        let waiting = [
            bench.commit(.callRunning(large(7))),
            bench.commit(.posted(topUp("a", "8001", 10, after: 10))),
        ]
        bench.store.submit(waiting)
        _ = try bench.settlements.waitForFailure(3)
        for _ in 0..<50 { bench.store.submit(waiting) }
        #expect(bench.store.health.waitingCommits == 2)
        try freeDisk(bench.store)
        try bench.settlements.waitForCommit(through: 3)
        #expect(try bench.balance("8001") == yuan(10))

        // When all of it is settled, the answer is given again.
        let told = bench.settlements.told.count
        bench.store.submit(waiting)
        try bench.write(.extensionSaved(subscriber("8001")))
        #expect(bench.settlements.told.dropFirst(told).contains(.committed(3)))
        bench.store.close()
    }

    @Test func aCommitBehindAGapWaitsForThoseThatAreMissing() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        let first = bench.commit(.accountSaved(Account(id: "8001", name: "Reception")))
        let second = bench.commit(.posted(topUp("a", "8001", 10, after: 10)))
        let third = bench.commit(.posted(charge(7, "8001", 1, after: 9)))
        bench.store.submit([first, third])
        #expect(try bench.settlements.waitForFailure(3).contains("commit 2 was never handed in"))
        bench.store.submit([first, second, third])
        try bench.settlements.waitForCommit(through: 3)
        #expect(try bench.balance("8001") == yuan(9))
        bench.store.close()
    }

    /// Power may fail at any byte of the log: whatever was synced of it, the database holds a
    /// beginning of what was decided.
    @Test func aLogCutAnywhereHoldsABeginningOfWhatWasDecided() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try bench.write(
            .accountSaved(Account(id: "8001", name: "Reception")),
            .posted(topUp("a", "8001", 100, after: 100)))
        for call in UInt64(1)...12 {
            try bench.write(.callRunning(running(call: call)))
            try bench.write(
                .posted(charge(call, "8001", 1, after: 100 - Int64(call))),
                .callClosed(closedRecord(call: call, sequence: call)))
        }
        let crashed = try folder.copy()
        bench.store.close()

        let log = try Data(contentsOf: URL(fileURLWithPath: crashed.logPath))
        // A frame is 24 + 4096 bytes; the step is prime, so that cuts fall everywhere in them.
        var ends = Set<Int64>()
        for length in stride(from: log.count, through: 0, by: -9973) {
            let cut = try crashed.copy()
            try log.prefix(length).write(to: URL(fileURLWithPath: cut.logPath))
            // The index of the log is made anew after a loss of power.
            try FileManager.default.removeItem(atPath: cut.path + "/\(Store.fileName)-shm")
            let recovered = try Bench(cut)
            let state = try recovered.state()
            let closed = try recovered.store.records(RecordQuery()).count
            if let account = state.accounts.first {
                #expect(account.balance == yuan(100 - Int64(closed)))
                let postings = try recovered.store.postings(of: "8001")
                #expect(postings.reduce(.zero) { $0 + $1.amount } == account.balance)
            }
            #expect(state.lastSequence == UInt64(closed))
            #expect(state.runningCalls.count <= 1)
            for call in state.runningCalls { #expect(call.call.rawValue == UInt64(closed) + 1) }
            ends.insert(Int64(closed))
            recovered.store.close()
        }
        #expect(ends.contains(12))
        #expect(ends.count > 6)
    }
}
