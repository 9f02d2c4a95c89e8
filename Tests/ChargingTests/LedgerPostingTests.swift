import Charging
import Testing

@Suite struct LedgerPostingTests {
    private func ledger() -> Ledger {
        var ledger = Ledger()
        let refusals = [
            ledger.open(Account(id: "pre", name: "")),
            ledger.open(
                Account(id: "post", name: "", kind: .postpaid, creditLimit: yuan("10"))),
            ledger.open(Account(id: "child", name: "", parent: "pre")),
        ]
        #expect(refusals == [nil, nil, nil])
        return ledger
    }

    @Test func aTopUpRaisesTheBalanceOfItsAccountAlone() {
        var ledger = ledger()
        let outcome = ledger.topUp(
            id: "bank-1", account: "child", amount: yuan("50"), at: 77, note: "cash")
        #expect(
            outcome
                == .posted(
                    Posting(
                        id: "topup:bank-1", account: "child", kind: .topUp, amount: yuan("50"),
                        balanceAfter: yuan("50"), at: 77, note: "cash")))
        #expect(ledger.account("child")?.balance == yuan("50"))
        #expect(ledger.account("pre")?.balance == .zero)
        // The parent has nothing, so the call cannot be paid by the chain.
        #expect(ledger.availableInChain("child") == .zero)
    }

    @Test func askingTwiceIsTheSameAsOnce() {
        var ledger = ledger()
        let first = ledger.topUp(id: "1", account: "pre", amount: yuan("5"), at: 1, note: "a")
        let again = ledger.topUp(id: "1", account: "pre", amount: yuan("5"), at: 9, note: "b")
        guard case .posted(let posting) = first else {
            Issue.record("the first top-up was \(first)")
            return
        }
        #expect(again == .alreadyDone(posting))
        #expect(ledger.account("pre")?.balance == yuan("5"))
    }

    @Test func anIDUsedForSomethingElseIsRefused() {
        var ledger = ledger()
        guard
            case .posted(let done) = ledger.topUp(
                id: "1", account: "pre", amount: yuan("5"), at: 1)
        else {
            Issue.record("the top-up was refused")
            return
        }
        #expect(
            ledger.topUp(id: "1", account: "pre", amount: yuan("6"), at: 1)
                == .refused(.postingIDReused(done)))
        #expect(
            ledger.topUp(id: "1", account: "post", amount: yuan("5"), at: 1)
                == .refused(.postingIDReused(done)))
        // Whoever asked learns what it was used for.
        #expect(
            "\(Ledger.Refusal.postingIDReused(done))"
                == "the id 1 was used before, for something else: it is a topup of 5.000000 on "
                + "account pre; nothing was moved now")
        #expect(ledger.account("pre")?.balance == yuan("5"))
        #expect(ledger.account("post")?.balance == .zero)
    }

    @Test func idsOfDifferentKindsAreApart() {
        var ledger = ledger()
        var ids: [String] = []
        for outcome in [
            ledger.topUp(id: "1", account: "pre", amount: yuan("5"), at: 1),
            ledger.refund(id: "1", account: "pre", amount: yuan("5"), at: 1),
            ledger.adjust(id: "1", account: "pre", amount: yuan("5"), at: 1),
        ] {
            if case .posted(let posting) = outcome { ids.append(posting.id) }
        }
        #expect(ids == ["topup:1", "refund:1", "adjustment:1"])
        #expect(ledger.account("pre")?.balance == yuan("15"))
    }

    @Test func anIDThatWasRefusedCanBeUsedAgain() {
        var ledger = ledger()
        #expect(
            ledger.adjust(id: "1", account: "pre", amount: yuan("-1"), at: 1)
                == .refused(.insufficient(account: "pre", available: .zero, needed: yuan("1"))))
        _ = ledger.topUp(id: "1", account: "pre", amount: yuan("1"), at: 1)
        guard case .posted = ledger.adjust(id: "1", account: "pre", amount: yuan("-1"), at: 1)
        else {
            Issue.record("the id is taken")
            return
        }
        #expect(ledger.account("pre")?.balance == .zero)
    }

    @Test(arguments: ["0", "-1", "1000000000000.000001"])
    func topUpsAndRefundsArePositiveAndWithinTheLargestBalance(amount: String) {
        var ledger = ledger()
        let amount = yuan(amount)
        #expect(
            ledger.topUp(id: "1", account: "pre", amount: amount, at: 1)
                == .refused(.amountOutOfRange(amount)))
        #expect(
            ledger.refund(id: "1", account: "pre", amount: amount, at: 1)
                == .refused(.amountOutOfRange(amount)))
    }

    /// Charges "pre" for a call, so that there is something to give back.
    private func charged(_ amount: String, call: UInt64, _ ledger: inout Ledger) -> Amount {
        _ = ledger.topUp(id: "call \(call)", account: "pre", amount: yuan(amount), at: 1)
        #expect(ledger.reserve(call: call, account: "pre", amount: yuan(amount)) == nil)
        return ledger.settle(call: call, used: yuan(amount), at: 1).charged
    }

    @Test func allRefundsOfACallTogetherAreNoMoreThanItsCharge() throws {
        var ledger = ledger()
        let paid = charged("1", call: 7, &ledger)
        func refund(_ id: String, _ amount: String, call: UInt64 = 7, _ charged: Amount?)
            -> Ledger.Outcome
        {
            ledger.refund(
                id: id, account: "pre", amount: yuan(amount), at: 2, call: call, charged: charged)
        }
        func tooLarge(_ refunded: String) -> Ledger.Outcome {
            .refused(.refundTooLarge(account: "pre", charged: paid, refunded: yuan(refunded)))
        }
        #expect(refund("1", "1.000001", paid) == tooLarge("0"))
        guard case .posted(let first) = refund("1", "0.6", paid) else {
            Issue.record("the first refund was refused")
            return
        }
        #expect(refund("2", "0.400001", paid) == tooLarge("0.6"))
        // The same id is the same refund, whatever is left.
        #expect(refund("1", "0.6", paid) == .alreadyDone(first))
        #expect(refund("1", "0.6", call: 8, paid) == .refused(.postingIDReused(first)))
        guard case .posted(let last) = refund("2", "0.4", paid) else {
            Issue.record("what was left could not be given back")
            return
        }
        #expect(refund("3", "0.000001", paid) == tooLarge("1"))
        #expect(refund("3", "0.1", call: 8, nil) == .refused(.notCharged(account: "pre")))
        #expect(refund("3", "0.1", call: 8, .zero) == .refused(.notCharged(account: "pre")))
        // Another call has its own charge, and what is for no call has no bound but its operator's.
        guard case .posted = refund("3", "0.1", call: 8, yuan("0.1")),
            case .posted = ledger.refund(id: "4", account: "pre", amount: yuan("5"), at: 2)
        else {
            Issue.record("a refund that is not of that call was refused")
            return
        }

        var after = try Ledger(accounts: ledger.accounts, postings: [first, last])
        #expect(after.refunded(call: 7, account: "pre") == yuan("1"))
        #expect(
            after.refund(
                id: "5", account: "pre", amount: yuan("0.1"), at: 3, call: 7, charged: paid)
                == tooLarge("1"))
    }

    @Test func noBalancePassesTheLargest() {
        var ledger = ledger()
        guard
            case .posted = ledger.topUp(
                id: "1", account: "pre", amount: Ledger.largestBalance, at: 1)
        else {
            Issue.record("the largest balance is refused")
            return
        }
        #expect(
            ledger.topUp(id: "2", account: "pre", amount: Amount(micros: 1), at: 1)
                == .refused(.balanceTooLarge(account: "pre")))
        #expect(
            ledger.adjust(id: "3", account: "pre", amount: Amount(micros: .min), at: 1)
                == .refused(.amountOutOfRange(Amount(micros: .min))))
        #expect(
            ledger.adjust(id: "3", account: "pre", amount: .zero, at: 1)
                == .refused(.amountOutOfRange(.zero)))
    }

    @Test func anAdjustmentTakesNothingThatARunningCallHolds() {
        var ledger = ledger()
        _ = ledger.topUp(id: "1", account: "pre", amount: yuan("5"), at: 1)
        #expect(ledger.reserve(call: 1, account: "pre", amount: yuan("2")) == nil)
        #expect(
            ledger.adjust(id: "1", account: "pre", amount: yuan("-3.000001"), at: 1)
                == .refused(
                    .insufficient(
                        account: "pre", available: yuan("3"), needed: yuan("3.000001"))))
        guard case .posted = ledger.adjust(id: "1", account: "pre", amount: yuan("-3"), at: 1)
        else {
            Issue.record("what is available could not be taken")
            return
        }
        #expect(ledger.available("pre") == .zero)
        #expect(ledger.settle(call: 1, used: yuan("2"), at: 2).charged == yuan("2"))
        #expect(ledger.account("pre")?.balance == .zero)
    }

    @Test func aPostpaidAccountCanBeAdjustedToItsLimit() {
        var ledger = ledger()
        guard case .posted = ledger.adjust(id: "1", account: "post", amount: yuan("-10"), at: 1)
        else {
            Issue.record("the credit could not be used")
            return
        }
        #expect(ledger.account("post")?.balance == yuan("-10"))
        #expect(ledger.available("post") == .zero)
    }

    @Test func aBlockedAccountCanStillBePaidInto() {
        var ledger = ledger()
        #expect(ledger.setBlocked(true, account: "pre") == nil)
        guard case .posted = ledger.topUp(id: "1", account: "pre", amount: yuan("1"), at: 1) else {
            Issue.record("the top-up was refused")
            return
        }
        #expect(ledger.available("pre") == yuan("1"))
    }

    @Test func unfitIDsNotesAndAccountsAreRefused() {
        var ledger = ledger()
        let long = String(repeating: "i", count: Posting.longestID)
        for id in ["", "a\nb", long + "i"] {
            #expect(
                ledger.topUp(id: id, account: "pre", amount: yuan("1"), at: 1)
                    == .refused(.invalidPostingID(id)))
        }
        #expect(
            ledger.topUp(id: "1", account: "nobody", amount: yuan("1"), at: 1)
                == .refused(.unknownAccount("nobody")))
        let note = String(repeating: "n", count: Posting.longestNote)
        #expect(
            ledger.topUp(id: "1", account: "pre", amount: yuan("1"), at: 1, note: note + "n")
                == .refused(.noteTooLong))
        guard
            case .posted = ledger.topUp(
                id: long, account: "pre", amount: yuan("1"), at: 1, note: note)
        else {
            Issue.record("the longest id and note are refused")
            return
        }
        #expect(ledger.account("pre")?.balance == yuan("1"))
    }

    @Test func theRememberedPostingsHaveALimitThatNeverForgets() {
        var limits = Ledger.Limits()
        limits.rememberedPostings = 1
        var ledger = Ledger(limits: limits)
        #expect(ledger.open(Account(id: "a", name: "")) == nil)
        _ = ledger.topUp(id: "1", account: "a", amount: yuan("1"), at: 1)
        #expect(
            ledger.topUp(id: "2", account: "a", amount: yuan("1"), at: 1)
                == .refused(.tableFull("rememberedPostings")))
        guard case .alreadyDone = ledger.topUp(id: "1", account: "a", amount: yuan("1"), at: 1)
        else {
            Issue.record("the first top-up is forgotten")
            return
        }
        #expect(ledger.account("a")?.balance == yuan("1"))
    }

    @Test func refusalsReadAsSentences() {
        #expect(
            Ledger.Refusal.insufficient(
                account: "8001", available: yuan("0.10"), needed: yuan("0.22")
            ).description == "account 8001 has 0.100000 available and 0.220000 is needed")
        #expect(Ledger.Refusal.blocked(account: "8001").description == "account 8001 is blocked")
    }
}
