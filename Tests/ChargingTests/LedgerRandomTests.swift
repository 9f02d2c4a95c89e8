import Charging
import TestSupport
import Testing

@Suite struct LedgerRandomTests {
    private static let accounts: [(id: String, parent: String?, limit: Int64)] = [
        ("enterprise", nil, 900), ("sales", "enterprise", 0), ("works", "enterprise", 200),
        ("8001", "sales", 0), ("8002", "sales", 0), ("8101", "works", 0), ("8101x", "8101", 50),
        ("alone", nil, 0),
    ]

    /// Amounts are a few hundred millionths, so that limits are met all the time.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func theLedgerDecidesAsABookkeeperWould(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var ledger = Ledger()
        var reference = ReferenceLedger()
        for (id, parent, limit) in Self.accounts {
            let account = Account(
                id: id, name: "", parent: parent, kind: limit > 0 ? .postpaid : .prepaid,
                creditLimit: Amount(micros: limit))
            #expect(ledger.open(account) == nil)
            reference.opened[id] = ReferenceLedger.Opened(parent: parent, limit: limit)
        }
        let ids = Self.accounts.map(\.id) + ["nobody"]
        var nextCall: UInt64 = 1
        var posted: Set<String> = []

        for turn in 0..<1500 {
            let id = try #require(ids.randomElement(using: &generator))
            let micros = Int64(generator.next() % 300)
            let amount = Amount(micros: micros)
            let call = reference.held.keys.sorted().randomElement(using: &generator)
            switch (generator.next() % 12, call) {
            case (0...2, _):
                let expected = reference.canHold(micros, id)
                #expect(
                    (ledger.reserve(call: nextCall, account: id, amount: amount) == nil)
                        == expected, "turn \(turn)")
                if expected { reference.held[nextCall] = (id, micros) }
                nextCall += 1
            case (3...4, let call?):
                let hold = try #require(reference.held[call])
                let expected = reference.canHold(micros, hold.account)
                #expect((ledger.extend(call: call, by: amount) == nil) == expected)
                if expected { reference.held[call] = (hold.account, hold.micros + micros) }
            case (5, let call?):
                let hold = try #require(reference.held[call])
                let more = micros - hold.micros
                let expected = more <= 0 || reference.canHold(more, hold.account)
                #expect((ledger.reprice(call: call, to: amount) == nil) == expected)
                if expected { reference.held[call] = (hold.account, micros) }
            case (6...7, let call?):
                let settlement = ledger.settle(
                    call: call, used: amount,
                    at: LedgerMoment(at: Int64(turn), uptime: 0, day: CivilDay(number: 0)))
                #expect(settlement.charged.micros == reference.settle(call, micros))
                for posting in settlement.postings {
                    #expect(posted.insert(posting.id).inserted, "\(posting.id) came twice")
                    #expect(posting.balanceAfter.micros == reference.balance(posting.account))
                }
            case (8, let call?):
                ledger.release(call: call)
                reference.held[call] = nil
            case (9, _):
                let blocked = generator.next() % 4 == 0
                #expect((ledger.setBlocked(blocked, account: id) == nil) == (id != "nobody"))
                reference.opened[id]?.isBlocked = blocked
            case (10, _):
                // Few ids and few sums, so that many are asked again, and some for something else.
                let key = String(generator.next() % 40)
                let sum = Int64(generator.next() % 2) * 400 + 100
                let expected = reference.post("topup:" + key, id, sum)
                check(
                    ledger.topUp(id: key, account: id, amount: Amount(micros: sum), at: 0),
                    expected, &posted)
            case (11, _):
                let key = String(turn)
                let sum = micros - 200
                guard sum != 0 else { continue }
                let expected = reference.post("adjustment:" + key, id, sum)
                check(
                    ledger.adjust(id: key, account: id, amount: Amount(micros: sum), at: 0),
                    expected, &posted)
            default:
                continue
            }
            for (id, _, _) in Self.accounts {
                #expect(ledger.account(id)?.balance.micros == reference.balance(id))
                #expect(ledger.reserved(account: id)?.micros == reference.reserved(id))
                #expect(try #require(ledger.available(id)) >= .zero, "turn \(turn)")
            }
        }
        #expect(ledger.audit() == [])
        #expect(posted.count > 100)

        // And it drains: when all calls have ended nothing is held any more.
        for call in reference.held.keys.sorted() {
            _ = ledger.settle(call: call, used: Amount(micros: 1), at: 0)
        }
        #expect(ledger.reservationCount == 0)
        #expect(ledger.accounts.allSatisfy { ledger.reserved(account: $0.id) == .zero })
    }

    private func check(_ outcome: Ledger.Outcome, _ expected: Bool?, _ posted: inout Set<String>) {
        switch outcome {
        case .posted(let posting):
            #expect(expected == true)
            #expect(posted.insert(posting.id).inserted, "\(posting.id) came twice")
        case .alreadyDone(let posting):
            #expect(expected == false)
            #expect(posted.contains(posting.id))
        case .refused:
            #expect(expected == nil)
        }
    }
}
