import Foundation
import GRDB
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
        // The run with call 1; of call 2 its record and the seal of that.
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

    private func bytes(_ bench: Bench) throws -> Int {
        try bench.store.writer.perform {
            try Int.fetchOne($0, sql: "SELECT sum(length(entries)) FROM journal_run") ?? 0
        }
    }

    @Test func aRunOfWhichNothingCountsIsRemoved() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        let runs = { try bench.store.texts("SELECT cast(number AS TEXT) FROM journal_run") }
        try bench.write(.callRunning(running(call: 1)), .callRunning(running(call: 2)))
        try bench.write(.callRunning(running(call: 1)))
        #expect(try runs() == ["1", "2"])
        try bench.write(.callClosed(closedRecord(call: 2, sequence: 1)))
        #expect(try runs() == ["2"])
        bench.store.close()
        // What a start finds is removed too.
        let next = try Bench(folder)
        try next.write(.callRunning(running(call: 3)))
        try next.write(.callClosed(closedRecord(call: 1, sequence: 2)))
        #expect(try next.store.texts("SELECT cast(number AS TEXT) FROM journal_run") == ["3"])
        #expect(try next.state().runningCalls.map(\.call.rawValue) == [3])
        next.store.close()
    }

    /// Each run here has one call that stays and a megabyte of one that ends.
    @Test func longCallsDoNotKeepWhatIsBesideThem() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        var short = running(call: 1)
        short.state = Array(repeating: 7, count: 1 << 20)
        for number in UInt64(1)...30 {
            short.call = CallID(rawValue: 2 * number)
            short.record.callID = 2 * number
            try bench.write(.callRunning(short), .callRunning(running(call: 2 * number + 1)))
            try bench.write(.callClosed(closedRecord(call: 2 * number, sequence: number)))
        }
        #expect(try bytes(bench) < 10 << 20)
        let long = (1...30).map { UInt64(2 * $0 + 1) }
        #expect(try bench.state().runningCalls.map(\.call.rawValue) == long)
        bench.store.close()
        let next = try Bench(folder)
        #expect(try next.state().runningCalls.map(\.call.rawValue) == long)
        for (index, call) in long.enumerated() {
            try next.write(
                .callClosed(closedRecord(call: call, sequence: UInt64(31 + index))))
        }
        #expect(try next.state().runningCalls.isEmpty)
        #expect(try bytes(next) == 0)
        next.store.close()
    }

    /// SQLite does not see it: a page of the database has no checksum.
    @Test func aTurnedBitCostsItsOwnCallAlone() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try bench.write(.callRunning(running(call: 1)), .callRunning(running(call: 2)))
        let whole = try bench.state().runningCalls
        let entries = try bench.store.writer.perform {
            try Data.fetchOne($0, sql: "SELECT entries FROM journal_run") ?? Data()
        }
        for place in entries.indices {
            var turned = entries
            turned[place] ^= 1 << UInt8(place % 8)
            let changed = turned
            try bench.store.writer.perform {
                try $0.execute(sql: "UPDATE journal_run SET entries = ?", arguments: [changed])
            }
            let state = try bench.state()
            #expect(state.unreadable.count == 1, "byte \(place)")
            #expect(state.unreadable.first?.hasPrefix("run 1 of the journal is damaged") == true)
            for call in state.runningCalls {
                #expect(whole.contains { $0.call == call.call && $0.record == call.record })
            }
            // Only what says how long the first is hides the second.
            let length = place < 12 && place >= 8
            #expect(length || state.runningCalls.count == 1, "byte \(place)")
            #expect(try bench.store.audit().findings == state.unreadable)
        }
        bench.store.close()
        // The switch goes on, and what is damaged stays to be seen.
        let next = try Bench(folder)
        let left = try #require(try next.state().runningCalls.first?.call.rawValue)
        try next.write(.callRunning(running(call: 3)))
        try next.write(
            .callClosed(closedRecord(call: left, sequence: 1)),
            .callClosed(closedRecord(call: 3, sequence: 2)))
        let state = try next.state()
        #expect(state.runningCalls.isEmpty && state.unreadable.count == 1)
        #expect(try next.store.texts("SELECT cast(number AS TEXT) FROM journal_run") == ["1"])
        next.store.close()
    }

    /// As before the write whose entry is damaged.
    @Test func theEntryBeforeADamagedOneCounts() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try bench.write(.callRunning(running(call: 1)), .callRunning(running(call: 2)))
        let before = try bench.state().runningCalls
        try bench.store.execute(
            """
            INSERT INTO journal_run SELECT 2, entries FROM journal_run;
            UPDATE journal_run SET entries =
            CAST(substr(entries, 1, 99) || x'ff' || substr(entries, 101) AS BLOB) WHERE number = 2
            """)
        let state = try bench.state()
        #expect(state.runningCalls.map(\.record) == before.map(\.record) && before.count == 2)
        #expect(state.unreadable.count == 1)
        bench.store.close()
    }

    @Test func rowsOfAnOlderTandemBecomeARun() throws {
        let folder = TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder.path, withIntermediateDirectories: true)
        let calls = [running(call: 3), running(call: 7)]
        try makeOlderDatabase(at: folder.path + "/" + Store.fileName, running: calls)
        let bench = try Bench(folder)
        let found = try bench.state().runningCalls
        #expect(found.map(\.call.rawValue) == [3, 7])
        for (call, expected) in zip(found, calls) {
            #expect(call.record == expected.record)
            #expect(call.account == expected.account && call.reserved == expected.reserved)
            #expect(call.tariffPrefix == expected.tariffPrefix && call.state == expected.state)
        }
        #expect(try !bench.store.texts("SELECT name FROM sqlite_schema").contains("running_call"))
        bench.store.close()
    }
}
