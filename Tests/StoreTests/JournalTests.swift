import Switching
import Testing

@testable import Store

@Suite struct JournalTests {
    /// Rows that were written or removed since the connection was opened.
    private func changes(_ bench: Bench) throws -> Int {
        try bench.store.writer.perform { $0.totalChangesCount }
    }

    /// Of one group: what a later change makes out of date would cost a page of the log for nothing.
    @Test func aJournalEntryThatItsGroupReplacesIsNotWritten() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        var answered = running(call: 1)
        answered.state = [9]
        let before = try changes(bench)
        bench.store.submit([
            bench.commit(.callRunning(running(call: 1))),
            bench.commit(.callRunning(running(call: 2)), .callRunning(answered)),
            bench.commit(.callClosed(closedRecord(call: 2, sequence: 1))),
        ])
        try bench.settlements.waitForCommit(through: 3)
        #expect(bench.store.health.groups == 1)
        // Call 1 as it was answered; of call 2 its record and the seal of that.
        #expect(try changes(bench) - before == 3)
        let state = try bench.state()
        #expect(state.runningCalls.map(\.call.rawValue) == [1])
        #expect(state.runningCalls.map(\.state) == [[9]])
        #expect(try bench.store.records(RecordQuery()).map(\.callID) == [2])
        bench.store.close()
    }

    /// An entry that is alone in its group stands until the call is over.
    @Test func aJournalEntryOfAnEarlierGroupIsReplacedAndRemoved() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try bench.write(.callRunning(running(call: 1)))
        var answered = running(call: 1)
        answered.state = [9]
        try bench.write(.callRunning(answered))
        #expect(try bench.state().runningCalls.map(\.state) == [[9]])
        try bench.write(.callClosed(closedRecord(call: 1, sequence: 1)))
        #expect(try bench.state().runningCalls.isEmpty)
        bench.store.close()
    }
}
