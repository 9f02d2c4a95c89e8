import Charging
import Foundation
import GRDB
import Switching
import Testing

@testable import Store

@Suite struct ReopeningTests {
    @Test func everythingThatWasCommittedIsThereAfterReopening() throws {
        let folder = TemporaryFolder()
        let house = Account(
            id: "house", name: "The House", kind: .postpaid, creditLimit: yuan(100))
        let account = Account(
            id: "8001", name: "Reception", parent: "house", currency: "CNY", isBlocked: true,
            version: 7)
        do {
            let bench = try Bench(folder)
            try bench.write(
                .extensionSaved(subscriber("8001")), .bindingSaved(binding("8001", port: 5060)),
                .accountSaved(house), .accountSaved(account),
                .posted(topUp("a", "8001", 10, after: 10)))
            try bench.write(.callRunning(running(call: 5)), .callRunning(running(call: 6)))
            try bench.write(
                .posted(charge(5, "8001", 1, after: 9)),
                .callClosed(closedRecord(call: 5, sequence: 1)))
            bench.store.close()
        }
        let bench = try Bench(folder)
        let state = try bench.state()
        #expect(state.extensions == [subscriber("8001")])
        #expect(state.bindings == [binding("8001", port: 5060)])
        #expect(state.accounts.map(\.id) == ["8001", "house"])
        #expect(
            state.accounts[0]
                == Account(
                    id: "8001", name: "Reception", parent: "house", balance: yuan(9),
                    isBlocked: true, version: 9))
        #expect(state.accounts[1] == house)
        #expect(state.postings == [topUp("a", "8001", 10, after: 10)])
        #expect(state.lastSequence == 1)
        #expect(state.runningCalls.map(\.call) == [CallID(rawValue: 6)])
        let call = try #require(state.runningCalls.first)
        #expect(call.record == openRecord(call: 6))
        #expect(call.account == "8001")
        #expect(call.reserved == Amount(micros: 700_000))
        #expect(call.tariffPrefix == "02")
        #expect(call.state == [0, 1, 2, 255])
        #expect(try bench.store.records(RecordQuery()) == [closedRecord(call: 5, sequence: 1)])
        bench.store.close()
    }

    @Test func whatWasRemovedOrReplacedIsNotThereAfterReopening() throws {
        let folder = TemporaryFolder()
        var renamed = subscriber("8002")
        renamed.name = "Kitchen"
        renamed.account = nil
        do {
            let bench = try Bench(folder)
            try bench.write(
                .extensionSaved(subscriber("8001")), .extensionSaved(subscriber("8002")),
                .bindingSaved(binding("8001", port: 5060)),
                .bindingSaved(binding("8002", port: 5060)),
                .bindingSaved(binding("8002", port: 5062)))
            try bench.write(
                .extensionRemoved(number: "8001"), .extensionSaved(renamed),
                .bindingRemoved(
                    number: "8002", contact: binding("8002", port: 5060).contact))
            bench.store.close()
        }
        let bench = try Bench(folder)
        #expect(try bench.state().extensions == [renamed])
        #expect(try bench.state().bindings == [binding("8002", port: 5062)])
        bench.store.close()
    }

    @Test func eachOpeningIsCountedAndACrashIsKnown() throws {
        let folder = TemporaryFolder()
        let first = try Bench(folder)
        #expect(first.store.start == 1)
        #expect(first.store.wasClosedCleanly)
        let crashed = try folder.copy()
        first.store.close()

        let second = try Bench(folder)
        #expect(second.store.start == 2)
        #expect(second.store.wasClosedCleanly)
        #expect(try second.state().start == 2)
        second.store.close()

        let recovered = try Bench(crashed)
        #expect(recovered.store.start == 2)
        #expect(!recovered.store.wasClosedCleanly)
        recovered.store.close()
    }

    @Test func theFolderBelongsToOneProcessAndItsOwnerAlone() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        let failure = #expect(throws: Store.Failure.self) {
            try Store.open(folder: folder.path, role: .offline)
        }
        #expect(failure?.kind == .inUse)
        #expect(
            failure?.message
                == "the data folder \(folder.path) is in use: the daemon is running, pid "
                + "\(ProcessInfo.processInfo.processIdentifier). "
                + "Ask the running daemon instead, or stop it first")
        let mode = try FileManager.default.attributesOfItem(atPath: folder.path)[.posixPermissions]
        #expect(mode as? Int == 0o700)
        bench.store.close()
        bench.store.close()

        let next = try Bench(folder, role: .offline)
        next.store.close()
    }

    @Test func aFolderThatCannotBeIsNamed() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        bench.store.close()
        let file = folder.path + "/lock"
        let failure = #expect(throws: Store.Failure.self) {
            try Store.open(folder: file, role: .daemon)
        }
        #expect(failure?.kind == .inaccessible)
        #expect(failure?.message.contains(file) == true)
    }

    @Test func aFileThatIsNoDatabaseIsToldAsDamaged() throws {
        let folder = TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder.path, withIntermediateDirectories: true)
        try Data(repeating: 0x41, count: 8192).write(
            to: URL(fileURLWithPath: folder.path + "/" + Store.fileName))
        let failure = #expect(throws: Store.Failure.self) {
            try Store.open(folder: folder.path, role: .daemon)
        }
        #expect(failure?.kind == .damaged)
    }

    @Test func aDatabaseOfANewerTandemIsRefused() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try bench.store.writer.perform {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99: from the future')")
        }
        bench.store.close()
        let failure = #expect(throws: Store.Failure.self) {
            try Store.open(folder: folder.path, role: .daemon)
        }
        #expect(failure?.kind == .tooNew)
    }

    @Test func theDatabaseKnowsWhichStepsItWentThrough() throws {
        let folder = TemporaryFolder()
        do {
            let bench = try Bench(folder)
            try bench.write(.extensionSaved(subscriber("8001")))
            bench.store.close()
        }
        let bench = try Bench(folder)
        let steps = try bench.store.texts("SELECT identifier FROM grdb_migrations")
        #expect(steps.contains("1: first call"))
        #expect(try bench.state().extensions == [subscriber("8001")])
        bench.store.close()
    }

    @Test func theColumnsOfARecordAreThoseOfItsTable() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        let names = CallRecordColumns.names.split(separator: ", ").map(String.init)
        #expect(names.count == CallRecordColumns.count)
        #expect(CallRecordColumns.shape.count == CallRecordColumns.count)
        let closed = try bench.store.texts("SELECT name FROM pragma_table_info('record')")
        #expect(closed == ["sequence"] + names)
        bench.store.close()
    }

    @Test func logIsSyncedAtEachCommit() throws {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        // 2 is FULL: in write-ahead mode the log is synced before a commit is told as durable.
        #expect(try bench.store.texts("PRAGMA synchronous") == ["2"])
        #expect(try bench.store.texts("PRAGMA journal_mode") == ["wal"])
        #expect(try bench.store.texts("PRAGMA foreign_keys") == ["1"])
        bench.store.close()
    }

    /// A wall clock that is set while no daemon runs ends no registration and keeps none for ever.
    @Test(arguments: [(UInt64(7), Int64(3600)), (7, -7200), (8, 0), (0, 0)])
    func whatExpiresMovesWithAClockThatWasSetMeanwhile(boot: UInt64, seconds: Int64) throws {
        let folder = TemporaryFolder()
        var options = Store.Options()
        options.boot = 7
        let first = try Store.open(folder: folder.path, role: .daemon, options: options)
        first.begin { _ in }
        let written = binding("8001", port: 5061)
        first.submit([
            Commit(
                ticket: CommitTicket(rawValue: 1),
                changes: [
                    .bindingSaved(written),
                    .subscriptionSaved(
                        StoredSubscription(tag: 1, expiresAt: 1_900_000_000_000_000, state: [1])),
                ])
        ])
        first.close()
        let shift = seconds == 0 ? 3600 : seconds
        try DatabaseQueue(path: folder.path + "/" + Store.fileName).write {
            try $0.execute(
                sql: "UPDATE state SET value = value - ? WHERE name = 'clock_offset'",
                arguments: [shift * 1_000_000])
        }
        options.boot = boot
        let next = try Store.open(folder: folder.path, role: .daemon, options: options)
        let state = try next.load()
        let moved = (try #require(state.bindings.first).expiresAt - written.expiresAt)
        #expect(abs(moved - seconds * 1_000_000) < 2_000_000)
        #expect(
            state.subscriptions.map { $0.expiresAt - 1_900_000_000_000_000 } == [moved])
        next.close()
        // Once.
        let last = try Store.open(folder: folder.path, role: .daemon, options: options)
        #expect(try last.load().bindings == state.bindings)
        last.close()
    }
}
