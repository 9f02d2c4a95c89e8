import Charging
import SIP
import Switching
import Testing

@testable import Simulation

/// A rule that cannot be broken proves nothing. `Tests/Mutants` breaks rules in whole worlds; here the auditor of
/// a sound world is told of one thing that must not be, for each rule that no mutant meets first.
@Suite struct AuditorTests {
    /// A call to Guangzhou that talks for some seconds: 0.07 for each begun 6 s, 0.35 held.
    final class Story {
        let scenario: Scenario
        let serial: Int
        var auditor: Auditor
        let running: RunningCall
        var durable: Durable

        init() throws {
            scenario = try Scenario(balance: "20")
            serial = scenario.call()
            scenario.wait(.seconds(5))
            durable = scenario.world.disk.durable
            running = try #require(durable.running.values.first)
            auditor = scenario.world.auditor
            auditor.turnBegan(now: scenario.world.now, wallTime: scenario.world.wallTime)
        }

        func know(_ change: (inout CallFacts) -> Void) {
            guard var facts = auditor.calls[serial] else { return }
            change(&facts)
            auditor.calls[serial] = facts
        }

        func decide(_ changes: StoredChange...) {
            auditor.decided(Commit(ticket: CommitTicket(rawValue: 1000), changes: changes))
        }

        func record(
            _ micros: Int64 = 70_000, _ disposition: CallRecord.Disposition = .answered
        ) -> CallRecord {
            var record = running.record
            record.charge = Amount(micros: micros)
            record.disposition = disposition
            record.sequence = durable.lastSequence + 1
            return record
        }

        func charge(
            _ micros: Int64 = 70_000, of account: String = Scenario.payer, call: UInt64? = nil
        ) -> Posting {
            let before = auditor.balances[account] ?? 0
            return Posting(
                id: "call:1:\(account)", account: account, kind: .charge,
                amount: Amount(micros: -micros), balanceAfter: Amount(micros: before - micros),
                at: 0, call: call ?? running.call.rawValue)
        }

        func money(
            _ id: String, _ kind: Posting.Kind, _ micros: Int64, after: Int64, call: UInt64? = nil
        ) -> Posting {
            Posting(
                id: id, account: Scenario.payer, kind: kind, amount: Amount(micros: micros),
                balanceAfter: Amount(micros: after), at: 0, call: call)
        }

        var balance: Int64 { auditor.balances[Scenario.payer] ?? 0 }

        func becomeDurable(_ change: StoredChange) { auditor.becameDurable(change, on: durable) }

        /// The switch has sent this.
        private func sent(_ lines: String...) {
            let head = [
                "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKtold", "Max-Forwards: 70",
                "From: <sip:8005@example.com>;tag=a", "Content-Length: 0", "", "",
            ]
            do throws(ParseError) {
                let text = (lines + head).joined(separator: "\r\n")
                auditor.sent(try Message(parsing: Array(text.utf8)), to: SimulatedSite.e1)
            } catch {
                Issue.record("\(error)")
            }
        }

        /// An INVITE for a call, as its first attempt.
        func invite(for serial: Int? = nil) {
            know { $0.isAttempted = false }
            sent(
                "INVITE sip:+862088886666@198.51.100.1 SIP/2.0",
                "To: <sip:+862088886666@198.51.100.1>", "Call-ID: another", "CSeq: 1 INVITE",
                "Subject: call \(serial ?? self.serial) talk 1000")
        }

        /// The caller's 200.
        func answer() {
            guard let facts = auditor.calls[serial] else { return }
            know { $0.toldAt = nil }
            sent(
                "SIP/2.0 200 OK", "To: <sip:02088886666@example.com>;tag=b",
                "Call-ID: \(String(decoding: facts.callID, as: UTF8.self))",
                "CSeq: \(facts.inviteCSeq) INVITE")
        }

        func endTurn() {
            switch scenario.world.theSwitch {
            case .some(let running): auditor.turnEnded(running)
            case nil: Issue.record("there is no switch")
            }
        }

        func drained() {
            switch scenario.world.theSwitch {
            case .some(let running):
                auditor.drained(running, scenario.world.disk, isWithoutEnd: false)
            case nil: Issue.record("there is no switch")
            }
        }
    }

    struct Breach: Sendable, CustomTestStringConvertible {
        let rule: String
        let happens: @Sendable (Story) -> Void

        init(_ rule: String, _ happens: @escaping @Sendable (Story) -> Void) {
            self.rule = rule
            self.happens = happens
        }

        var testDescription: String { rule }
    }

    private static let breaches = decided + durable + wire + turns

    private static let decided: [Breach] = [
        Breach("two records in one commit") {
            $0.decide(.posted($0.charge()), .callClosed($0.record()), .callClosed($0.record()))
        },
        Breach("two records") {
            $0.decide(.posted($0.charge()), .callClosed($0.record()))
            $0.decide(.callClosed($0.record()))
        },
        Breach("charge without a record") { $0.decide(.posted($0.charge())) },
        Breach("balance does not add up") {
            $0.decide(.posted($0.money("topup:x", .topUp, 5, after: $0.balance)))
        },
        Breach("a voucher redeemed twice") {
            for micros in [5, 10] as [Int64] {
                $0.decide(.posted($0.money("voucher:b:1", .voucher, 5, after: $0.balance + micros)))
            }
        },
        Breach("journal of no call") {
            var running = $0.running
            running.record.dialled = "02012345678"
            $0.decide(.callRunning(running))
        },
        Breach("record of no call") {
            var record = $0.record()
            record.caller = "8099"
            $0.decide(.callClosed(record))
        },
        Breach("charge and record differ") {
            $0.decide(.posted($0.charge(80_000)), .callClosed($0.record()))
        },
        Breach("charged for another call") {
            $0.decide(.posted($0.charge(call: 77)), .callClosed($0.record()))
        },
        Breach("charged to others") {
            $0.decide(.posted($0.charge(of: "d")), .callClosed($0.record()))
        },
        Breach("charged beyond the reservation") {
            $0.decide(.posted($0.charge(420_000)), .callClosed($0.record(420_000)))
        },
        Breach("charged without reason") {
            $0.decide(.posted($0.charge()), .callClosed($0.record(70_000, .failed)))
        },
        Breach("wrong charge") {
            $0.decide(.posted($0.charge(140_000)), .callClosed($0.record(140_000)))
        },
        Breach("told and not recorded") { $0.decide(.callClosed($0.record(0, .failed))) },
        Breach("recorded as answered") {
            $0.know { $0.answeredAt = nil }
            $0.decide(.callClosed($0.record(0)))
        },
        Breach("answered by nobody") {
            $0.know { $0.answeredAt = nil }
            $0.decide(.callRunning($0.running))
        },
        Breach("first step not reserved") {
            $0.know { $0.answeredAt = nil }
            var running = $0.running
            running.reserved = .zero
            $0.decide(.callRunning(running))
        },
        Breach("held of a barred account") {
            $0.auditor.blocked = [Scenario.payer]
            var running = $0.running
            running.reserved = running.reserved + Amount(micros: 70_000)
            $0.decide(.callRunning(running))
        },
    ]

    private static let durable: [Breach] = [
        Breach("posted twice") {
            let posting = $0.money("topup:x", .topUp, 5, after: $0.balance + 5)
            $0.becomeDurable(.posted(posting))
            $0.becomeDurable(.posted(posting))
        },
        Breach("stored balance does not add up") {
            $0.becomeDurable(.posted($0.money("topup:x", .topUp, 5, after: $0.balance + 6)))
        },
        Breach("account below its limit") {
            $0.becomeDurable(.posted($0.money("adjustment:x", .adjustment, -30_000_000, after: -1)))
        },
        Breach("refunded more than charged") {
            $0.becomeDurable(.posted($0.money("refund:x", .refund, 5, after: $0.balance, call: 7)))
        },
        Breach("gap in the records") {
            var record = $0.record()
            record.sequence += 1
            $0.becomeDurable(.callClosed(record))
        },
        Breach("two records of one call id") {
            $0.becomeDurable(.callClosed($0.record()))
            $0.becomeDurable(.callClosed($0.record()))
        },
        Breach("running after its record") {
            $0.becomeDurable(.callClosed($0.record()))
            $0.becomeDurable(.callRunning($0.running))
        },
        Breach("told before durable") {
            $0.know { $0.isJournalDurable = false }
            $0.auditor.crashed($0.durable, losesPower: false)
        },
    ]

    private static let wire: [Breach] = [
        Breach("told before durable") {
            $0.know { $0.isJournalDurable = false }
            $0.answer()
        },
        Breach("told twice") {
            $0.know { $0.isRefused = true }
            $0.answer()
        },
        Breach("picked up in vain") {
            $0.know { $0.handover = .pickup(of: 999) }
            $0.answer()
        },
        Breach("INVITE of no call") { $0.invite(for: 999) },
        Breach("INVITE without a price") {
            $0.auditor.book.rows = []
            $0.invite()
        },
        Breach("nobody pays") {
            $0.know { $0.chain = [] }
            $0.invite()
        },
        Breach("a barred account calls") {
            $0.auditor.blocked = [Scenario.payer]
            $0.invite()
        },
        Breach("paid call without a disk") {
            $0.auditor.isStoreFailing = true
            $0.invite()
        },
        Breach("a call while draining") {
            $0.know { $0.wasTakenWhileDraining = true }
            $0.invite()
        },
    ]

    private static let turns: [Breach] = [
        Breach("balance differs from the postings") {
            $0.auditor.balances[Scenario.payer]! += 1
            $0.endTurn()
        },
        Breach("posted + reserved > credit + limit") {
            $0.auditor.balances[Scenario.payer] = 300_000
            $0.endTurn()
        },
        Breach("journal and reservation differ") {
            $0.know { $0.reserved += 1 }
            $0.endTurn()
        },
        Breach("reservation outlives its call") {
            let now = $0.auditor.now
            $0.know { $0.closedAt = now }
            $0.endTurn()
        },
        Breach("too many calls") {
            $0.auditor.settings.limits.calls = 0
            $0.endTurn()
        },
        Breach("too many bindings") {
            $0.auditor.settings.limits.bindings = 0
            $0.endTurn()
        },
        Breach("too many transactions") {
            $0.auditor.settings.limits.transactions = -1000
            $0.endTurn()
        },
        Breach("emergency call stopped") {
            $0.auditor.calls[999] = CallFacts(
                serial: 999, callID: [1], kind: .emergency, caller: "8001", dialled: "110",
                normalised: "110", chain: [])
            $0.auditor.acceptedThisTurn = [999]
            $0.endTurn()
        },
        Breach("nobody hung up") {
            $0.auditor.closedThisTurn = [$0.serial]
            $0.endTurn()
        },
        Breach("a free call") {
            $0.auditor.legs[[9]] = LegFacts(serial: $0.serial, isCaller: false)
            $0.auditor.answeredThisTurn = [[9]]
            $0.endTurn()
        },
        Breach("talks without money") {
            $0.auditor.paidUntil[$0.serial] = Instant(nanoseconds: 0)
            $0.auditor.nextCut = Instant(nanoseconds: 0)
            $0.endTurn()
        },
        Breach("not drained") { $0.drained() },
        Breach("journal of calls that are over") { $0.drained() },
        Breach("no record") { $0.drained() },
        Breach("told and not recorded") { $0.drained() },
    ]

    @Test func aSoundCallBreaksNoRule() throws {
        let story = try Story()
        story.endTurn()
        story.invite()
        story.answer()
        let charge = story.charge()
        story.decide(.posted(charge), .callClosed(story.record()))
        story.becomeDurable(.posted(charge))
        story.becomeDurable(.callClosed(story.record()))
        #expect(story.auditor.findings == [])
    }

    @Test(arguments: breaches) func aBrokenRuleIsFound(breach: Breach) throws {
        let story = try Story()
        breach.happens(story)
        let found = story.auditor.findings.map(\.rule)
        #expect(found.contains(breach.rule), "found \(found)")
    }

    // MARK: What the world itself finds

    private static let money = MoneyChange(
        id: "x", account: Scenario.payer, amount: Amount(micros: 5), note: "")

    private static let worlds: [(rule: String, happens: @Sendable (inout Simulation) -> Void)] = [
        (
            "the switch sent what is no SIP",
            {
                let flow = Flow(transport: .udp, listener: 0, remote: SimulatedSite.e1)
                $0.carry(Outgoing(flow: flow, bytes: [1]))
            }
        ),
        (
            "the switch does not start",
            {
                // What the call holds is not there any more.
                $0.disk.durable.balances[Scenario.payer] = 0
                $0.crash(outage: .milliseconds(50))
                $0.advance(to: $0.now + .seconds(1))
            }
        ),
        (
            "a wrong reply",
            {
                $0.moneyRequests = [MoneyRequest(change: money, kind: .topUp)]
                $0.replied(.bans([]), to: ControlToken(rawValue: 0))
            }
        ),
        (
            "refused and done",
            {
                $0.moneyRequests = [MoneyRequest(change: money, kind: .adjustment)]
                $0.auditor.durablePostings = ["adjustment:x"]
                $0.replied(.refused("no"), to: ControlToken(rawValue: 0))
            }
        ),
        (
            "money told before durable",
            {
                $0.moneyRequests = [MoneyRequest(change: money, kind: .topUp)]
                $0.replied(.done("yes"), to: ControlToken(rawValue: 0))
            }
        ),
        (
            "a good voucher refused",
            {
                $0.redemptions = [Redemption(voucher: voucher, account: Scenario.payer)]
                $0.replied(
                    .refused("no"), to: ControlToken(rawValue: Simulation.redemptionTokens))
            }
        ),
        (
            "money request not answered",
            {
                $0.moneyRequests = [MoneyRequest(change: money, kind: .topUp)]
                $0.drain()
            }
        ),
        (
            "redemption not answered",
            {
                $0.redemptions = [Redemption(voucher: voucher, account: Scenario.payer)]
                $0.drain()
            }
        ),
    ]

    private static let voucher = PrintedVoucher(code: "1", posting: "voucher:b:1")

    @Test(arguments: worlds.indices) func whatTheWorldMustNotSeeIsFound(index: Int) throws {
        let story = try Story()
        let (rule, happens) = Self.worlds[index]
        happens(&story.scenario.world)
        let found = story.scenario.world.auditor.findings.map(\.rule)
        #expect(found.contains(rule), "found \(found), not \(rule)")
    }
}
