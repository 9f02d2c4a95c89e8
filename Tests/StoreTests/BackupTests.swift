import Charging
import Foundation
import Glibc
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
                let made = try store.backup(to: file)
                size.set(made.bytes)
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

    /// Passwords' hashes stand in it, and a folder for backups may be open to all.
    @Test func aBackupIsItsOwnersAloneFromItsFirstByteOn() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        // Some steps, with pauses between them.
        try bench.store.execute(
            "CREATE TABLE ballast (bytes BLOB); INSERT INTO ballast VALUES (zeroblob(9000000))")
        let file = folder.path + "/backup.sqlite"
        let store = bench.store
        let made = Mutexed<Store.BackedUp?>(nil)
        let thread = Thread {
            do {
                made.set(try store.backup(to: file))
            } catch {
                Issue.record("\(error)")
            }
        }
        thread.start()
        var modes: [Int] = []
        let limit = Date(timeIntervalSinceNow: 60)
        while made.value == nil, Date() < limit {
            for name in [file, file + ".part", file + ".part-journal"] {
                var status = stat()
                if stat(name, &status) == 0 { modes.append(Int(status.st_mode & 0o777)) }
            }
        }
        #expect(modes.count > 10 && modes.allSatisfy { $0 == 0o600 }, "\(Set(modes))")
        let chain = try #require(made.value?.chain)
        let report = try Store.audit(file: file, head: chain.head)
        #expect(report.findings == [] && report.head == chain.head)
        #expect(Int64(report.sealed) == chain.sealed && chain.sealed == 1)
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
        for suffix in ["-journal", "-wal", ".old"] {
            let own = folder.path + "/" + Store.fileName + suffix
            guard !FileManager.default.fileExists(atPath: own) else { continue }
            let failure = #expect(throws: Store.Failure.self) { try bench.store.backup(to: own) }
            #expect(failure?.kind == .invalidRequest)
            #expect(!FileManager.default.fileExists(atPath: own))
        }
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

        // What a restore that was killed has left of a name is no name for another.
        try Data().write(
            to: URL(fileURLWithPath: "\(folder.path)/\(Store.fileName).replaced-1-wal"))

        let restored = try Store.restore(file, folder: folder.path)
        #expect(restored.report.postings == 1 && restored.report.runningCalls == 1)
        let replaced = try #require(restored.replaced)
        #expect(replaced.hasSuffix(".replaced-2"))
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
        #expect(failure?.message.contains("--despite-findings") == true)
        let other = folder.path + "/lock"
        #expect(throws: Store.Failure.self) { try Store.restore(other, folder: folder.path) }
        let next = try Bench(folder)
        #expect(try next.balance("8001") == yuan(1000))
        next.store.close()
        // Where there is no better one.
        let restored = try Store.restore(file, folder: folder.path, despiteFindings: true)
        #expect(restored.report.findings.count == 1 && restored.replaced != nil)
        let last = try Bench(folder)
        #expect(try last.balance("8001") == Amount(micros: 5))
        last.store.close()
    }

    /// What a database that could not be opened has left beside it is not the new one's.
    @Test func theLogOfADamagedDatabaseIsKeptWithItAndNotTakenForTheBackups() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        let file = folder.path + "/backup.sqlite"
        try bench.store.backup(to: file)
        try bench.write(.posted(topUp("b", "8001", 5, after: 1005)))
        let crashed = try folder.copy()
        bench.store.close()
        let path = crashed.path + "/" + Store.fileName
        // Neither can be read.
        var log = try Data(contentsOf: URL(fileURLWithPath: path + "-wal"))
        log.replaceSubrange(0..<32, with: Data(repeating: 7, count: 32))
        try log.write(to: URL(fileURLWithPath: path + "-wal"))
        try Data(repeating: 7, count: 8192).write(to: URL(fileURLWithPath: path))
        let restored = try Store.restore(file, folder: crashed.path)
        let replaced = try #require(restored.replaced)
        #expect(try Data(contentsOf: URL(fileURLWithPath: replaced + "-wal")) == log)
        #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
        let next = try Bench(crashed)
        #expect(try next.balance("8001") == yuan(1000))
        // Nobody knows how often it was opened.
        #expect(next.store.start > 1_000_000)
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
