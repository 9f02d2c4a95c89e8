import Charging
import Foundation
import GRDB
import Switching
import Testing

@testable import Store

/// Starts on a disk that takes nothing.
@Suite struct OpeningTests {
    /// Somebody with another program who holds the database's lock, as long as it is not closed.
    private func locked(_ folder: TemporaryFolder) throws -> DatabaseQueue {
        var configuration = GRDB.Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(
            path: folder.path + "/" + Store.fileName, configuration: configuration)
        try other.inDatabase { try $0.execute(sql: "BEGIN IMMEDIATE") }
        return other
    }

    /// As a crash leaves it.
    private func folder() throws -> TemporaryFolder {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try bench.write(
            .accountSaved(Account(id: "8001", name: "Reception")),
            .posted(topUp("a", "8001", 10, after: 10)))
        let crashed = try folder.copy()
        bench.store.close()
        return crashed
    }

    private func starts(_ bench: Bench) throws -> [String] {
        try bench.store.texts("SELECT CAST(value AS TEXT) FROM state WHERE name = 'starts'")
    }

    @Test func aStartThatCannotBeCountedServesAndIsCountedBeforeTheFirstCommit() throws {
        let folder = try folder()
        let other = try locked(folder)
        let bench = try Bench(folder)
        // It is told at once, before anything is handed in.
        let reason = try bench.settlements.waitForFailure(0)
        #expect(reason.contains("locked"))
        #expect(bench.store.health.stalledBecause == reason)
        #expect(bench.store.start == 2)
        #expect(try bench.balance("8001") == yuan(10))

        bench.store.submit([bench.commit(.posted(topUp("b", "8001", 5, after: 15)))])
        _ = try bench.settlements.waitForFailure(1)
        #expect(bench.store.health.waitingCommits == 1)
        #expect(try starts(bench) == ["1"])

        try other.inDatabase { try $0.execute(sql: "ROLLBACK") }
        try bench.settlements.waitForCommit(through: 1)
        #expect(try starts(bench) == ["2"])
        #expect(try bench.balance("8001") == yuan(15))
        #expect(bench.store.health.stalledBecause == nil)
        bench.store.close()
        let next = try Bench(folder)
        #expect(next.store.start == 3 && next.store.wasClosedCleanly)
        #expect(next.settlements.told.isEmpty)
        next.store.close()
    }

    @Test func aStartThatMendsWithoutACommitSaysSo() throws {
        let folder = try folder()
        let other = try locked(folder)
        let bench = try Bench(folder)
        _ = try bench.settlements.waitForFailure(0)
        try other.inDatabase { try $0.execute(sql: "ROLLBACK") }
        try bench.settlements.waitForCommit(through: 0)
        #expect(bench.store.health.stalledBecause == nil)
        bench.store.close()
    }

    /// A command says that nothing can be written, and does not wait for a disk.
    @Test func aCommandIsRefusedAtOnce() throws {
        let folder = try folder()
        let other = try locked(folder)
        #expect {
            try Store.open(folder: folder.path, role: .offline)
        } throws: {
            ($0 as? Store.Failure)?.message.contains("locked") == true
        }
        try other.close()
    }

    /// Somebody with another program who lets nobody even read, as long as it is not closed.
    private func closedToAll(_ folder: TemporaryFolder) throws -> DatabaseQueue {
        var configuration = GRDB.Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(
            path: folder.path + "/" + Store.fileName, configuration: configuration)
        try other.inDatabase { database in
            try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
            try database.execute(sql: "BEGIN EXCLUSIVE")
        }
        return other
    }

    /// As a clean stop leaves it: there is no log that could be read beside the lock.
    private func closedFolder() throws -> TemporaryFolder {
        let folder = TemporaryFolder()
        let bench = try Bench(folder)
        try bench.write(
            .accountSaved(Account(id: "8001", name: "Reception")),
            .posted(topUp("a", "8001", 10, after: 10)))
        bench.store.close()
        return folder
    }

    @Test func aDatabaseThatAnotherProgramLocksIsWaitedForAndThenOpened() throws {
        let folder = try closedFolder()
        let other = try closedToAll(folder)
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: 1.5)
            do { try other.close() } catch { Issue.record("\(error)") }
        }
        var told: [String] = []
        let store = try Store.open(folder: folder.path, role: .daemon) { told.append($0) }
        #expect(told.count == 1)
        #expect(told.first?.contains("\(folder.path)/\(Store.fileName) is locked") == true)
        #expect(try store.load().accounts.first?.balance == yuan(10))
        store.close()
    }

    @Test(arguments: [Store.Role.daemon, .offline])
    func aDatabaseThatStaysLockedIsRefusedWithWhatToDo(role: Store.Role) throws {
        let folder = try closedFolder()
        let other = try closedToAll(folder)
        var options = Store.Options()
        options.lockPatience = .milliseconds(200)
        #expect {
            try Store.open(folder: folder.path, role: role, options: options)
        } throws: { error in
            let failure = error as? Store.Failure
            return failure?.kind == .inUse
                && failure?.message.contains("\(Store.fileName) is locked by another program")
                    == true
                && failure?.message.contains("fuser -v") == true
        }
        try other.close()
        // The folder's own lock was let go.
        let store = try Store.open(folder: folder.path, role: role)
        #expect(store.wasClosedCleanly)
        store.close()
    }

    /// A file that was moved away, or a disk that is not mounted, is no first start.
    @Test func aFolderWhoseDatabaseIsGoneIsNotBegunAnew() throws {
        let folder = try closedFolder()
        let path = folder.path + "/" + Store.fileName
        let backup = folder.path + "/backup.sqlite"
        try FileManager.default.moveItem(atPath: path, toPath: backup)
        for role in [Store.Role.daemon, .offline] {
            let failure = #expect(throws: Store.Failure.self) {
                try Store.open(folder: folder.path, role: role)
            }
            #expect(failure?.message.contains("\(path) is not there") == true)
            #expect(failure?.message.contains("\(folder.path)/reserve") == true)
            #expect(!FileManager.default.fileExists(atPath: path))
        }
        let restored = try Store.restore(backup, folder: folder.path)
        #expect(restored.replaced == nil)
        let store = try Store.open(folder: folder.path, role: .daemon)
        #expect(try store.load().accounts.first?.balance == yuan(10))
        // Nobody knows how often it was opened after the backup.
        #expect(store.start > 1_000_000)
        store.close()
        // Who wants to begin with nothing says so.
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.removeItem(atPath: folder.path + "/reserve")
        let anew = try Store.open(folder: folder.path, role: .daemon)
        #expect(try anew.load().accounts.isEmpty && anew.start == 1)
        anew.close()
    }

    @Test func theReserveIsTakenAndGivenUp() throws {
        let folder = try folder()
        let path = folder.path + "/" + DiskReserve.fileName
        func size() -> Int64 {
            var status = stat()
            return stat(path, &status) == 0 ? Int64(status.st_blocks) * 512 : 0
        }
        #expect(size() >= DiskReserve.size)
        let reserve = DiskReserve(folder: folder.path)
        reserve.giveUp()
        #expect(size() == 0)
        try reserve.take()
        try reserve.take()
        #expect(size() >= DiskReserve.size)
        #expect {
            try DiskReserve(folder: folder.path + "/nowhere").take()
        } throws: {
            "\($0)".contains("/nowhere/reserve: No such file")
        }
    }
}
