import Charging
import Testing

@Suite struct LedgerRestoreTests {
    private static let accounts = [
        Account(id: "8001", name: "Ann", parent: "sales", balance: yuan("5"), version: 9),
        Account(id: "sales", name: "", parent: "enterprise", balance: yuan("10"), version: 4),
        Account(
            id: "enterprise", name: "", kind: .postpaid, creditLimit: yuan("100"),
            balance: yuan("-30"), version: 2),
    ]

    @Test func aLedgerComesBackAsItWasWhateverTheOrder() throws {
        var before = Ledger()
        for account in [
            Account(id: "enterprise", name: "E", kind: .postpaid, creditLimit: yuan("100")),
            Account(id: "8001", name: "Ann", parent: "enterprise"),
        ] { #expect(before.open(account) == nil) }
        var postings: [Posting] = []
        if case .posted(let posting) = before.topUp(
            id: "1", account: "8001", amount: yuan("5"), at: 3)
        {
            postings.append(posting)
        }
        #expect(before.reserve(call: 1, account: "8001", amount: yuan("1")) == nil)
        postings += before.settle(call: 1, used: yuan("0.5"), at: 4).postings
        #expect(before.reserve(call: 2, account: "8001", amount: yuan("2")) == nil)
        #expect(before.setBlocked(true, account: "8001") == nil)

        var after = try Ledger(
            accounts: before.accounts.reversed(), postings: postings,
            reservations: before.reservations)
        #expect(after.accounts == before.accounts)
        #expect(after.reservations == before.reservations)
        #expect(after.description == before.description)
        #expect(after.chain(of: "8001").map(\.id) == ["8001", "enterprise"])
        #expect(
            after.topUp(id: "1", account: "8001", amount: yuan("5"), at: 9)
                == .alreadyDone(postings[0]))
        #expect(after.settle(call: 2, used: yuan("2"), at: 9).charged == yuan("2"))
        #expect(after.audit() == [])
    }

    @Test func parentsMayComeAfterTheirChildren() throws {
        let ledger = try Ledger(accounts: Self.accounts)
        #expect(ledger.chain(of: "8001").map(\.id) == ["8001", "sales", "enterprise"])
        #expect(ledger.availableInChain("8001") == yuan("5"))
        #expect(ledger.account("8001")?.version == 9)
    }

    @Test func whatNoSoundStoreHoldsIsRefused() {
        let lonely = Account(id: "x", name: "", parent: "nobody")
        let below = Account(id: "x", name: "", balance: yuan("-0.000001"))
        let foreign = Account(id: "x", name: "", parent: "sales", currency: "USD")
        let loop = [
            Account(id: "a", name: "", parent: "b"), Account(id: "b", name: "", parent: "a"),
        ]
        let table: [([Account], Ledger.RestoreError)] = [
            (Self.accounts + [lonely], .refused(.unknownParent("nobody"))),
            (Self.accounts + [below], .limitPassed(account: "x")),
            (Self.accounts + [Self.accounts[0]], .refused(.accountExists("8001"))),
            (
                Self.accounts + [foreign],
                .refused(.currencyDiffers(account: "x", parent: "sales"))
            ),
            (loop, .refused(.chainTooLong(account: "a"))),
            ([Account(id: "", name: "")], .refused(.invalidAccountID(""))),
            (
                [Account(id: "x", name: "", balance: Amount(micros: .max))],
                .limitPassed(account: "x")
            ),
        ]
        for (accounts, error) in table {
            #expect(throws: error) { try Ledger(accounts: accounts) }
        }
    }

    @Test func reservationsThatDoNotFitAreRefused() {
        let fitting = Reservation(call: 1, account: "8001", amount: yuan("3"))
        let table: [(Reservation, Ledger.RestoreError)] = [
            (
                Reservation(call: 2, account: "8001", amount: yuan("2.000001")),
                .limitPassed(account: "8001")
            ),
            (fitting, .invalidReservation(call: 1)),
            (
                Reservation(call: 2, account: "8001", amount: yuan("-1")),
                .invalidReservation(call: 2)
            ),
            (
                Reservation(call: 2, account: "nobody", amount: yuan("1")),
                .refused(.unknownAccount("nobody"))
            ),
        ]
        for (reservation, error) in table {
            #expect(throws: error) {
                try Ledger(accounts: Self.accounts, reservations: [fitting, reservation])
            }
        }
    }

    @Test func aPostingCannotBeThereTwice() {
        let posting = Posting(
            id: "topup:1", account: "8001", kind: .topUp, amount: yuan("5"),
            balanceAfter: yuan("5"), at: 0)
        #expect(throws: Ledger.RestoreError.duplicatePosting("topup:1")) {
            try Ledger(accounts: Self.accounts, postings: [posting, posting])
        }
    }
}
