import Charging
import Testing

@Suite struct LedgerCallTests {
    /// enterprise (postpaid, 100) <- sales (prepaid, 10) <- 8001 (prepaid, 5), 8002 (prepaid, 8);
    /// 9001 (prepaid, 1) stands alone.
    private func ledger() -> Ledger {
        var ledger = Ledger()
        let accounts = [
            Account(id: "enterprise", name: "", kind: .postpaid, creditLimit: yuan("100")),
            Account(id: "sales", name: "", parent: "enterprise"),
            Account(id: "8001", name: "", parent: "sales"),
            Account(id: "8002", name: "", parent: "sales"),
            Account(id: "9001", name: ""),
        ]
        for account in accounts { #expect(ledger.open(account) == nil) }
        for (id, amount) in [("sales", "10"), ("8001", "5"), ("8002", "8"), ("9001", "1")] {
            _ = ledger.topUp(id: id, account: id, amount: yuan(amount), at: 0)
        }
        return ledger
    }

    private enum Step {
        case reserve(UInt64, String, String)
        case extend(UInt64, String)
        case reprice(UInt64, String)
        case settle(UInt64, String)
        case release(UInt64)
        case block(String)
        case unblock(String)

        func apply(to ledger: inout Ledger) -> Ledger.Refusal? {
            switch self {
            case .reserve(let call, let account, let amount):
                return ledger.reserve(call: call, account: account, amount: yuan(amount))
            case .extend(let call, let amount):
                return ledger.extend(call: call, by: yuan(amount))
            case .reprice(let call, let amount):
                return ledger.reprice(call: call, to: yuan(amount))
            case .settle(let call, let used):
                _ = ledger.settle(call: call, used: yuan(used), at: 0)
                return nil
            case .release(let call):
                ledger.release(call: call)
                return nil
            case .block(let account): return ledger.setBlocked(true, account: account)
            case .unblock(let account): return ledger.setBlocked(false, account: account)
            }
        }
    }

    private static func short(_ account: String, _ available: String, _ needed: String)
        -> Ledger.Refusal
    {
        .insufficient(account: account, available: yuan(available), needed: yuan(needed))
    }

    /// One ledger, one step after the other; with each what is said, and what 8001, 8002, sales and
    /// the enterprise have available after it.
    private static let table: [(Step, Ledger.Refusal?, [String])] = [
        (.reserve(1, "8001", "5.000001"), short("8001", "5", "5.000001"), ["5", "8", "10", "100"]),
        (.reserve(1, "nobody", "1"), .unknownAccount("nobody"), ["5", "8", "10", "100"]),
        (.reserve(1, "8001", "4"), nil, ["1", "8", "6", "96"]),
        (.extend(1, "1.000001"), short("8001", "1", "1.000001"), ["1", "8", "6", "96"]),
        (.extend(1, "1"), nil, ["0", "8", "5", "95"]),
        (.extend(1, "0"), nil, ["0", "8", "5", "95"]),
        (.extend(1, "0.000001"), short("8001", "0", "0.000001"), ["0", "8", "5", "95"]),
        // 8002 has its own money, but not the department.
        (.reserve(2, "8002", "6"), short("sales", "5", "6"), ["0", "8", "5", "95"]),
        (.reserve(2, "8002", "5"), nil, ["0", "3", "0", "90"]),
        (.reserve(3, "8002", "0"), nil, ["0", "3", "0", "90"]),
        (.reserve(4, "8002", "0.000001"), short("sales", "0", "0.000001"), ["0", "3", "0", "90"]),
        // A cheaper route gives some back, a dearer one has to fit.
        (.reprice(2, "2"), nil, ["0", "6", "3", "93"]),
        (.reprice(2, "5.5"), short("sales", "3", "3.5"), ["0", "6", "3", "93"]),
        (.reprice(2, "5"), nil, ["0", "3", "0", "90"]),
        // A call that ends frees what it did not use for the others.
        (.settle(1, "0.22"), nil, ["4.78", "3", "4.78", "94.78"]),
        (.extend(2, "3"), nil, ["4.78", "0", "1.78", "91.78"]),
        // Blocking any account of the chain ends its calls' growth, not what they hold.
        (.block("sales"), nil, ["4.78", "0", "1.78", "91.78"]),
        (.reserve(5, "8001", "0.01"), .blocked(account: "sales"), ["4.78", "0", "1.78", "91.78"]),
        (.extend(2, "0.01"), short("8002", "0", "0.01"), ["4.78", "0", "1.78", "91.78"]),
        (.extend(3, "0"), .blocked(account: "sales"), ["4.78", "0", "1.78", "91.78"]),
        (.reprice(2, "9"), short("8002", "0", "1"), ["4.78", "0", "1.78", "91.78"]),
        (.reprice(2, "7"), nil, ["4.78", "1", "2.78", "92.78"]),
        (.reprice(2, "7.5"), .blocked(account: "sales"), ["4.78", "1", "2.78", "92.78"]),
        (.unblock("sales"), nil, ["4.78", "1", "2.78", "92.78"]),
        (.reprice(2, "8"), nil, ["4.78", "0", "1.78", "91.78"]),
        // More used than reserved: what is reserved is the most that is charged.
        (.settle(2, "1000"), nil, ["4.78", "0", "1.78", "91.78"]),
        (.release(3), nil, ["4.78", "0", "1.78", "91.78"]),
        (.release(3), nil, ["4.78", "0", "1.78", "91.78"]),
        (.reserve(6, "8001", "1.78"), nil, ["3", "0", "0", "90"]),
        (.release(6), nil, ["4.78", "0", "1.78", "91.78"]),
    ]

    @Test func everyAccountOfTheChainHoldsOrNone() {
        var ledger = ledger()
        for (number, (step, refusal, available)) in Self.table.enumerated() {
            #expect(step.apply(to: &ledger) == refusal, "step \(number): \(step)")
            let after = ["8001", "8002", "sales", "enterprise"].map { ledger.available($0) }
            #expect(after == available.map { yuan($0) }, "step \(number): \(step)")
            #expect(ledger.audit() == [], "step \(number): \(step)")
        }
        #expect(ledger.reservationCount == 0)
        #expect(ledger.account("enterprise")?.balance == yuan("-8.22"))
    }

    @Test func aSettlementPostsOnceForEachAccountOfTheChain() {
        var ledger = ledger()
        #expect(ledger.reserve(call: 77, account: "8001", amount: yuan("0.44")) == nil)
        let settlement = ledger.settle(call: 77, used: yuan("0.33"), at: 1_700_000_000_000_000)
        #expect(settlement.call == 77)
        #expect(settlement.charged == yuan("0.33"))
        #expect(settlement.released == yuan("0.11"))
        let expected = [("8001", "4.67"), ("sales", "9.67"), ("enterprise", "-0.33")]
        #expect(
            settlement.postings
                == expected.map { account, balance in
                    Posting(
                        id: "call:77:\(account)", account: account, kind: .charge,
                        amount: yuan("-0.33"), balanceAfter: yuan(balance),
                        at: 1_700_000_000_000_000, call: 77)
                })
        #expect(
            settlement.balances
                == expected.map { AccountBalance(account: $0.0, balance: yuan($0.1)) })
        #expect(ledger.reserved(call: 77) == nil)
        #expect(ledger.reserved(account: "sales") == .zero)
    }

    @Test func chargeIDsHoldAnyCallAndAnyAccount() {
        var ledger = Ledger()
        let id = String(repeating: "i", count: Account.longestID)
        #expect(ledger.open(Account(id: id, name: "")) == nil)
        _ = ledger.topUp(id: "1", account: id, amount: yuan("1"), at: 0)
        for call in [0, 7, 10, UInt64.max] {
            #expect(ledger.reserve(call: call, account: id, amount: yuan("0.1")) == nil)
            let settlement = ledger.settle(call: call, used: yuan("0.1"), at: 0)
            #expect(settlement.postings.map(\.id) == ["call:\(call):\(id)"])
        }
    }

    @Test func nothingUsedIsNothingPosted() {
        var ledger = ledger()
        #expect(ledger.reserve(call: 1, account: "8001", amount: yuan("1")) == nil)
        let settlement = ledger.settle(call: 1, used: .zero, at: 0)
        #expect(settlement.charged == .zero)
        #expect(settlement.released == yuan("1"))
        #expect(settlement.postings == [])
        #expect(
            settlement.balances.map(\.balance) == [yuan("5"), yuan("10"), .zero])
    }

    @Test func tenCallsOnOneAccountNeverHoldMoreThanItHas() {
        var ledger = ledger()
        let refusals = (1...10).map { call in
            ledger.reserve(call: call, account: "9001", amount: yuan("0.22"))
        }
        #expect(refusals.filter { $0 == nil }.count == 4)
        #expect(ledger.reserved(account: "9001") == yuan("0.88"))
        #expect(ledger.available("9001") == yuan("0.12"))
        for call in 1...4 { _ = ledger.settle(call: UInt64(call), used: yuan("9"), at: 0) }
        #expect(ledger.account("9001")?.balance == yuan("0.12"))
    }

    @Test func aTopUpDuringACallLengthensIt() {
        var ledger = ledger()
        #expect(ledger.reserve(call: 1, account: "9001", amount: yuan("1")) == nil)
        #expect(ledger.extend(call: 1, by: yuan("0.07")) == Self.short("9001", "0", "0.07"))
        _ = ledger.topUp(id: "2", account: "9001", amount: yuan("0.07"), at: 0)
        #expect(ledger.extend(call: 1, by: yuan("0.07")) == nil)
        #expect(ledger.settle(call: 1, used: yuan("1.07"), at: 0).charged == yuan("1.07"))
        #expect(ledger.account("9001")?.balance == .zero)
    }

    /// The way the switch charges: a step held before it begins, and cut when none can be had.
    @Test func aCallIsPaidToTheLastStepItsBalanceCovers() {
        var ledger = ledger()
        let rating = Rating(row("2", "0.22/180 0.11/60"))
        var steps = 1
        #expect(ledger.reserve(call: 1, account: "9001", amount: rating.cost(ofSteps: 1)) == nil)
        while ledger.extend(
            call: 1, by: rating.cost(ofSteps: steps + 1) - rating.cost(ofSteps: steps)) == nil
        {
            steps += 1
        }
        let end = rating.milliseconds(ofSteps: steps)
        #expect(end == rating.prepaidMilliseconds(for: yuan("1")))
        // The hang-up arrives a little after the paid second; the account pays no more for it.
        let settlement = ledger.settle(call: 1, used: rating.price(milliseconds: end + 40), at: 0)
        #expect(settlement.charged == yuan("0.99"))
        #expect(ledger.account("9001")?.balance == yuan("0.01"))
    }

    @Test func theReservationTableHasALimit() {
        var limits = Ledger.Limits()
        limits.reservations = 2
        var ledger = Ledger(limits: limits)
        #expect(ledger.open(Account(id: "a", name: "")) == nil)
        #expect(ledger.reserve(call: 1, account: "a", amount: .zero) == nil)
        #expect(ledger.reserve(call: 2, account: "a", amount: .zero) == nil)
        #expect(ledger.reserve(call: 3, account: "a", amount: .zero) == .tableFull("reservations"))
        ledger.release(call: 1)
        #expect(ledger.reserve(call: 3, account: "a", amount: .zero) == nil)
        #expect(ledger.reservations.map(\.call) == [2, 3])
    }

    @Test func amountsNoAccountCanHaveAreRefusedAndOverflowNothing() {
        var ledger = ledger()
        let huge = Amount(micros: .max)
        #expect(
            ledger.reserve(call: 1, account: "enterprise", amount: huge)
                == .insufficient(account: "enterprise", available: yuan("100"), needed: huge))
        #expect(ledger.reserve(call: 1, account: "enterprise", amount: yuan("100")) == nil)
        #expect(
            ledger.extend(call: 1, by: huge)
                == .insufficient(account: "enterprise", available: .zero, needed: huge))
        #expect(ledger.settle(call: 1, used: huge, at: 0).charged == yuan("100"))
        #expect(ledger.account("enterprise")?.balance == yuan("-100"))
    }

    // MARK: Bugs of the caller

    private static func withReservation() -> Ledger {
        var ledger = Ledger()
        _ = ledger.open(Account(id: "a", name: ""))
        _ = ledger.topUp(id: "1", account: "a", amount: Amount(micros: 1_000_000), at: 0)
        _ = ledger.reserve(call: 1, account: "a", amount: Amount(micros: 10))
        return ledger
    }

    @Test func settlingTwiceTraps() async {
        await #expect(processExitsWith: .failure) {
            var ledger = LedgerCallTests.withReservation()
            _ = ledger.settle(call: 1, used: Amount(micros: 5), at: 0)
            _ = ledger.settle(call: 1, used: Amount(micros: 5), at: 0)
        }
    }

    @Test func reservingTwiceTraps() async {
        await #expect(processExitsWith: .failure) {
            var ledger = LedgerCallTests.withReservation()
            _ = ledger.reserve(call: 1, account: "a", amount: Amount(micros: 10))
        }
    }

    @Test func extendingWhatHoldsNothingTraps() async {
        await #expect(processExitsWith: .failure) {
            var ledger = LedgerCallTests.withReservation()
            _ = ledger.extend(call: 2, by: Amount(micros: 10))
        }
    }

    @Test func negativeSumsTrap() async {
        await #expect(processExitsWith: .failure) {
            var ledger = LedgerCallTests.withReservation()
            _ = ledger.reserve(call: 2, account: "a", amount: Amount(micros: -1))
        }
        await #expect(processExitsWith: .failure) {
            var ledger = LedgerCallTests.withReservation()
            _ = ledger.extend(call: 1, by: Amount(micros: -1))
        }
        await #expect(processExitsWith: .failure) {
            var ledger = LedgerCallTests.withReservation()
            _ = ledger.settle(call: 1, used: Amount(micros: -1), at: 0)
        }
    }
}
