import Control
import Foundation
import SIP
import Switching
import Testing

@testable import Runtime
@testable import Transport

/// The daemon in this process, on real sockets.
@Suite struct DaemonTests {
    @Test func optionsIsAnsweredAndStatusCountsIt() throws {
        let site = try Site()
        try withDaemon(site) { bound in
            let phone = try UDPPhone()
            phone.send(
                """
                OPTIONS sip:tandem.test SIP/2.0\r
                Via: SIP/2.0/UDP \(phone.endpoint);branch=z9hG4bK-1;rport\r
                From: <sip:gateway@tandem.test>;tag=1\r
                To: <sip:tandem.test>\r
                Call-ID: options-1\r
                CSeq: 1 OPTIONS\r
                Max-Forwards: 70\r
                Content-Length: 0\r
                \r

                """, to: bound)
            let answer = try #require(phone.receive())
            #expect(answer.hasPrefix("SIP/2.0 "))
            #expect(answer.contains("Call-ID: options-1"))

            var client = try ControlClient(path: site.control)
            guard case .reply(.status(let row)) = try client.ask(.perform(.status)) else {
                Issue.record("no status")
                return
            }
            #expect(row.received == 1)
            #expect(row.counters["datagrams sent"] == 1)
        }
    }

    @Test func moneyPaidInIsThereAfterAStop() throws {
        let site = try Site()
        try withDaemon(site) { _ in
            var client = try ControlClient(path: site.control)
            let responses = try client.ask([
                .perform(.accountOpened(AccountOpening(id: "8001", name: "Reception"))),
                .perform(
                    .accountToppedUp(
                        MoneyChange(
                            id: "r-1", account: "8001", amount: .init(micros: 1_000_000),
                            note: ""))),
            ])
            #expect(responses.count == 2)
        }
        try withDaemon(site) { _ in
            var client = try ControlClient(path: site.control)
            guard case .reply(.accounts(let rows)) = try client.ask(.perform(.accounts)) else {
                Issue.record("no accounts")
                return
            }
            #expect(rows.map(\.balance.micros) == [1_000_000])
        }
        #expect(!FileManager.default.fileExists(atPath: site.control))
    }

    @Test func aBrokenDialplanIsRefusedWithItsPlaceAndTheOldRulesStay() throws {
        let site = try Site()
        try withDaemon(site) { _ in
            var client = try ControlClient(path: site.control)
            guard case .reply(.status(let before)) = try client.ask(.perform(.status)) else {
                Issue.record("no status")
                return
            }
            try site.write("site.dialplan", Site.dialplan + "rout national via ip-e1\n")
            guard case .refused(let lines) = try client.ask(.reload(by: "admin")) else {
                Issue.record("a broken dialplan was taken")
                return
            }
            #expect(lines.contains { $0.contains("site.dialplan:10:1: error") })
            guard case .reply(.status(let after)) = try client.ask(.perform(.status)) else {
                Issue.record("no status")
                return
            }
            #expect(after.planVersion == before.planVersion)

            try site.write("site.dialplan", Site.dialplan + "level none may internal\n")
            guard case .done = try client.ask(.reload(by: "admin")) else {
                Issue.record("a good dialplan was refused")
                return
            }
            guard case .reply(.status(let last)) = try client.ask(.perform(.status)) else {
                Issue.record("no status")
                return
            }
            #expect(last.planVersion != before.planVersion)
        }
    }

    @Test func aBrokenDialplanIsRefusedAtTheStart() throws {
        let site = try Site()
        try site.write("site.dialplan", Site.dialplan + "level none may nothing-known\n")
        let log = DaemonLog(level: .critical)
        defer { log.close() }
        #expect {
            try Daemon(configuration: site.configuration, log: log)
        } throws: {
            "\($0)".contains("site.dialplan:10:")
        }
    }
}
