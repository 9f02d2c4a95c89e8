import Charging
import Foundation
import GRDB
import Switching
import Testing

@testable import Store

/// What subscribers set for themselves, and the records of their feature codes.
@Suite struct UserSettingsTests {
    private func settings() -> UserSettings {
        var settings = UserSettings()
        settings.incomingLevel = "office"
        settings.isLocked = true
        settings.doNotDisturb = true
        settings.refusesWaiting = true
        settings.forwardAlways = "8002"
        settings.forwardBusy = "8003"
        settings.forwardNoAnswer = "02088886666"
        settings.forwardUnregistered = "13812345678"
        settings.presents = ["4001234567", "+8631166770000-+8631166770009"]
        settings.speedDial = ["1": "86035566", "12": "8002"]
        settings.lastDialled = "0208888\"6666"
        settings.pin = StoredPIN(salt: Array(0..<16), hash: Array(100..<132))
        settings.wrongPINs = 2
        settings.lockedOutUntil = 1_800_000_000_000_000
        return settings
    }

    @Test func everySettingIsThereAfterReopening() throws {
        let folder = TemporaryFolder()
        var replaced = settings()
        do {
            let bench = try Bench(folder)
            try bench.write(
                .extensionSaved(subscriber("8001")), .extensionSaved(subscriber("8002")),
                .settingsSaved(number: "8001", settings()),
                .settingsSaved(number: "8002", settings()))
            replaced.speedDial = [:]
            replaced.presents = []
            replaced.pin = nil
            replaced.lockedOutUntil = nil
            try bench.write(.settingsSaved(number: "8002", replaced))
            bench.store.close()
        }
        let bench = try Bench(folder)
        #expect(try bench.state().userSettings == ["8001": settings(), "8002": replaced])
        try bench.write(.extensionRemoved(number: "8001"))
        #expect(try bench.state().userSettings == ["8002": replaced])
        bench.store.close()
    }

    @Test func limitsOfCallsInAndOutAreThereAfterReopening() throws {
        let folder = TemporaryFolder()
        var limited = subscriber("8001")
        limited.callLimitIn = 2
        limited.callLimitOut = 1000
        do {
            let bench = try Bench(folder)
            try bench.write(.extensionSaved(limited), .extensionSaved(subscriber("8002")))
            bench.store.close()
        }
        let bench = try Bench(folder)
        let stored = try bench.state().extensions
        #expect(stored.map(\.callLimitIn) == [2, nil] && stored[0].callLimitOut == 1000)
        limited.callLimitOut = nil
        try bench.write(.extensionSaved(limited))
        #expect(try bench.state().extensions[0].callLimitOut == nil)
        bench.store.close()
    }

    @Test func whoWatchesWhomIsThereAfterReopening() throws {
        let folder = TemporaryFolder()
        let first = StoredSubscription(tag: .max, expiresAt: 5, state: [1, 2, 3])
        let second = StoredSubscription(tag: 7, expiresAt: 6, state: [0])
        var refreshed = first
        refreshed.expiresAt = 9
        do {
            let bench = try Bench(folder)
            try bench.write(
                .subscriptionSaved(first), .subscriptionSaved(second), .subscriptionSaved(refreshed)
            )
            bench.store.close()
        }
        let bench = try Bench(folder)
        #expect(try Set(bench.state().subscriptions) == [refreshed, second])
        try bench.write(.subscriptionRemoved(tag: .max), .subscriptionRemoved(tag: 1))
        #expect(try bench.state().subscriptions == [second])
        bench.store.close()
    }

    @Test func whatWaitsInAMailboxIsThereAfterReopeningAndGoesWithItsExtension() throws {
        let folder = TemporaryFolder()
        do {
            let bench = try Bench(folder)
            try bench.write(
                .extensionSaved(subscriber("8001")), .extensionSaved(subscriber("8002")),
                .summarySaved(number: "8001", [1]), .summarySaved(number: "8002", [2, 0]),
                .summarySaved(number: "8001", [3]))
            bench.store.close()
        }
        let bench = try Bench(folder)
        #expect(try bench.state().summaries == ["8001": [3], "8002": [2, 0]])
        try bench.write(.extensionRemoved(number: "8001"))
        #expect(try bench.state().summaries == ["8002": [2, 0]])
        bench.store.close()
    }

    @Test func aDatabaseOfTheFirstReleaseTakesRecordsOfFeatureCodes() throws {
        let folder = TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder.path, withIntermediateDirectories: true)
        let old = try DatabasePool(path: folder.path + "/" + Store.fileName)
        try Schema.migrator.migrate(old, upTo: "1: first call")
        try old.close()
        let bench = try Bench(folder)
        var record = closedRecord(call: 5, sequence: 1)
        record.direction = .feature
        try bench.write(.callClosed(record))
        #expect(try bench.store.records(RecordQuery()).map(\.direction) == [.feature])
        bench.store.close()
        // What the check still keeps out.
        let raw = try DatabaseQueue(path: folder.path + "/" + Store.fileName)
        #expect(throws: DatabaseError.self) {
            try raw.write {
                try $0.execute(
                    sql:
                        "INSERT INTO record SELECT 2, call + 1, 'sideways', caller, account, dialled, "
                        + "normalised, number_class, presented, route, attempts, started, ringing, "
                        + "answered, ended, duration_ms, billed_ms, disposition, released_by, "
                        + "sip_status, q850_cause, end_reason, tariff_prefix, tariff_name, steps, "
                        + "charge, receipt, balances, plan_version, explanation, NULL, NULL, NULL, NULL "
                        + "FROM record")
            }
        }
        #expect(try raw.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
        try raw.close()
    }
}
