import Charging
import Foundation
import Switching
import Synchronization
import Testing

@testable import Store

@Suite struct BackupTests {
    private func bench(_ folder: TemporaryFolder) throws -> Bench {
        let bench = try Bench(folder)
        try bench.write(
            .accountSaved(Account(id: "8001", name: "Reception")),
            .posted(topUp("a", "8001", 1000, after: 1000)))
        return bench
    }

    private func call(_ number: UInt64, _ bench: Bench) -> Commit {
        var record = closedRecord(call: number, sequence: number)
        record.charge = yuan(1)
        return bench.commit(
            .posted(charge(number, "8001", 1, after: 1000 - Int64(number))), .callClosed(record))
    }

    /// Calls are closed all the while; the copy holds a beginning of them, whole.
    @Test func aBackupWhileCallsGoOnIsAMomentOfThem() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        for number in UInt64(1)...200 { bench.store.submit([call(number, bench)]) }
        let file = folder.path + "/backup.sqlite"
        let store = bench.store
        let size = Mutexed<Int>(0)
        let thread = Thread {
            do {
                let bytes = try store.backup(to: file)
                size.set(bytes)
            } catch {
                Issue.record("\(error)")
                size.set(-1)
            }
        }
        thread.start()
        for number in UInt64(201)...600 { bench.store.submit([call(number, bench)]) }
        while size.value == 0 { Thread.sleep(forTimeInterval: 0.01) }
        try bench.settlements.waitForCommit(through: 601)
        let report = try Store.audit(file: file)
        #expect(report.findings == [] && report.records <= 600)
        #expect(report.postings == report.records + 1)
        #expect(FileManager.default.fileExists(atPath: file) && size.value > 0)
        #expect(!FileManager.default.fileExists(atPath: file + ".part"))
        #expect(!FileManager.default.fileExists(atPath: file + "-wal"))
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions]
        #expect(mode as? Int == 0o600)
        #expect(try bench.store.audit().findings == [])
        bench.store.close()
    }

    @Test func aFileThatIsThereIsNotOverwritten() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        let file = folder.path + "/backup.sqlite"
        try bench.store.backup(to: file)
        let failure = #expect(throws: Store.Failure.self) { try bench.store.backup(to: file) }
        #expect(failure?.kind == .invalidRequest)
        let nowhere = #expect(throws: Store.Failure.self) {
            try bench.store.backup(to: folder.path + "/nowhere/backup.sqlite")
        }
        #expect(nowhere?.kind == .inaccessible)
        bench.store.close()
    }

    @Test func aRestoreBringsTheMomentBackAndKeepsWhatWasThere() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        try bench.write(.callRunning(running(call: 9)))
        let file = folder.path + "/backup.sqlite"
        try bench.store.backup(to: file)
        bench.store.submit([call(1, bench)])
        try bench.settlements.waitForCommit(through: 3)

        // The daemon has it open.
        let inUse = #expect(throws: Store.Failure.self) {
            try Store.restore(file, folder: folder.path)
        }
        #expect(inUse?.kind == .inUse)
        bench.store.close()
        for _ in 0..<5 { try Bench(folder).store.close() }

        let restored = try Store.restore(file, folder: folder.path)
        #expect(restored.report.postings == 1 && restored.report.runningCalls == 1)
        let replaced = try #require(restored.replaced)
        #expect(try Store.audit(file: replaced).records == 1)
        let next = try Bench(folder)
        #expect(try next.balance("8001") == yuan(1000))
        // Its call went on without us: of it only the money and the record are left.
        #expect(try next.state().runningCalls.map(\.call.rawValue) == [9])
        #expect(try next.state().runningCalls.map(\.state) == [[]])
        // No call id is given twice: the starts are counted on.
        #expect(next.store.start == 7 && !next.store.wasClosedCleanly)
        next.store.close()
    }

    @Test func aBackupOfAnOlderTandemIsBroughtToTodaysAndItsCallsAreForgotten() throws {
        let folder = TemporaryFolder()
        try Bench(folder).store.close()
        let file = folder.path + "/older.sqlite"
        var call = running(call: 9)
        // Nothing is held of an account that is not there.
        call.account = nil
        try makeOlderDatabase(at: file, running: [call])
        let restored = try Store.restore(file, folder: folder.path)
        #expect(restored.report.runningCalls == 1)
        let next = try Bench(folder)
        let found = try next.state().runningCalls
        #expect(found.map(\.record) == [call.record])
        #expect(found.map(\.state) == [[]])
        next.store.close()
    }

    @Test func aBackupThatDoesNotFitIsNotTaken() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        let file = folder.path + "/backup.sqlite"
        try bench.store.execute("UPDATE account SET balance = 5")
        try bench.store.backup(to: file)
        try bench.store.execute("UPDATE account SET balance = 1000000000")
        bench.store.close()
        let failure = #expect(throws: Store.Failure.self) {
            try Store.restore(file, folder: folder.path)
        }
        #expect(failure?.kind == .damaged)
        #expect(failure?.message.contains("account 8001 has 0.000005") == true)
        let other = folder.path + "/lock"
        #expect(throws: Store.Failure.self) { try Store.restore(other, folder: folder.path) }
        let next = try Bench(folder)
        #expect(try next.balance("8001") == yuan(1000))
        next.store.close()
    }
}

/// A value that two threads look at.
private final class Mutexed<Value: Sendable>: Sendable {
    private let content: Mutex<Value>

    init(_ value: Value) { content = Mutex(value) }

    var value: Value { content.withLock { $0 } }
    func set(_ value: Value) { content.withLock { $0 = value } }
}
