import Charging
import Control
import Foundation
import Logging
import Store
import Switching
import Testing

@testable import Runtime

@Suite struct OfflineSwitchTests {
    private func done(_ response: Response) -> String? {
        switch response {
        case .done(let text), .reply(.done(let text)): text
        case .tariffReview(let review): review.outcome
        default: nil
        }
    }

    @Test func whatIsChangedIsThereAfterReopening() throws {
        let site = try Site()
        let loaded = try site.load()
        let change = MoneyChange(
            id: "receipt-1", account: "8001", amount: Amount(micros: 5_000_000), note: "")
        let first = try OfflineSwitch(loaded)
        let responses = first.perform([
            .perform(.accountOpened(AccountOpening(id: "8001", name: "Reception"))),
            .perform(
                .extensionsChanged([
                    ExtensionChange(
                        number: "8001", password: "secret-8001", level: "country",
                        account: "8001")
                ])),
            .perform(.accountToppedUp(change)),
            .statement(StatementQuery(account: "8001")),
        ])
        #expect(responses.prefix(3).allSatisfy { done($0) != nil })
        guard case .statement(let statement) = responses[3] else {
            Issue.record("no statement: \(responses[3])")
            return
        }
        #expect(statement.postings.map(\.amount) == [change.amount])
        #expect(statement.addsUp && statement.closing == change.amount)
        first.close()

        let second = try OfflineSwitch(loaded)
        guard case .reply(.accounts(let rows)) = second.perform(.perform(.accounts)) else {
            Issue.record("no accounts")
            return
        }
        #expect(rows.map(\.balance) == [change.amount])
        second.close()
    }

    @Test func aRefusalIsTheSwitchsOwn() throws {
        let offline = try OfflineSwitch(try Site().load())
        defer { offline.close() }
        let change = ExtensionChange(number: "8001", password: "secret-8001", level: "nowhere")
        guard
            case .reply(.refused(let reason)) = offline.perform(
                .perform(.extensionsChanged([change])))
        else {
            Issue.record("an unknown level was taken")
            return
        }
        #expect(reason.contains("nowhere"))
    }

    @Test func liveThingsAreSaidNotToRun() throws {
        let offline = try OfflineSwitch(try Site().load())
        defer { offline.close() }
        for request in [ControlRequest.status, .calls, .trunks, .registrations] {
            guard case .refused(let reasons) = offline.perform(.perform(request)) else {
                Issue.record("\(request) was answered")
                continue
            }
            #expect(reasons.joined().contains("not running"))
        }
    }

    @Test func theFolderIsLockedMeanwhile() throws {
        let site = try Site()
        let offline = try OfflineSwitch(try site.load())
        #expect(throws: Store.Failure.self) { try OfflineSwitch(try site.load()) }
        offline.close()
        try OfflineSwitch(try site.load()).close()
    }

    @Test func aTariffIsReplacedAndPricesByIt() throws {
        let offline = try OfflineSwitch(try Site().load())
        defer { offline.close() }
        let csv = "prefix,name,connect_fee,steps\n020,Guangzhou,0,0.07/6\n"
        #expect(
            done(offline.perform(.tariffImported(TariffImport(csv: csv, file: "t.csv")))) != nil)
        guard
            case .reply(.price(let row)) = offline.perform(
                .perform(.priced(PriceQuestion(number: "02088886666", milliseconds: 60_000))))
        else {
            Issue.record("no price")
            return
        }
        #expect(row.amount == Amount(micros: 700_000))
        guard
            case .refused(let lines) = offline.perform(
                .tariffImported(
                    TariffImport(csv: csv + "021,Shanghai,x,0.07/6\n", file: "t.csv")))
        else {
            Issue.record("a wrong tariff was taken")
            return
        }
        #expect(lines.first?.hasPrefix("t.csv:3:") == true)
    }

    @Test func theFirstRunImportsTheListsAndKeepsGeneratedPasswords() throws {
        let site = try Site(
            extensions: """
                extension,name,password,level,account,call_limit
                8001,Reception,,country,8001,1
                8002,Lobby,secret-8002,house,,2

                """,
            tariff: "prefix,name,connect_fee,steps\n020,Guangzhou,0,0.07/6\n")
        let log = DaemonLog(level: .error)
        try FirstRun.fill(try site.load(), logger: log.logger)
        log.close()
        let path = "\(site.data)/\(Password.fileName)"
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.last?.hasPrefix("8001,") == true)
        #expect(lines.last?.count == "8001,".count + Password.length)
        var details = stat()
        #expect(lstat(path, &details) == 0)
        #expect(details.st_mode & 0o777 == 0o600)

        let offline = try OfflineSwitch(try site.load())
        defer { offline.close() }
        #expect(offline.extensionNumbers == ["8001", "8002"])
        #expect(offline.accountIDs == ["8001"])
        #expect(offline.hasTariff)
    }
}
