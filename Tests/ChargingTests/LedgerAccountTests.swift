import Charging
import Testing

@Suite struct LedgerAccountTests {
    private static func account(
        _ id: String, parent: String? = nil, kind: Account.Kind = .prepaid, limit: String = "0",
        balance: String = "0", currency: String = "CNY", name: String = ""
    ) -> Account {
        Account(
            id: id, name: name, parent: parent, kind: kind, creditLimit: yuan(limit),
            balance: yuan(balance), currency: currency)
    }

    /// Opened in this order in one ledger, each with what becomes of it.
    private static let openings: [(Account, Ledger.Refusal?)] = [
        (account("enterprise", kind: .postpaid, limit: "1000"), nil),
        (account("sales", parent: "enterprise"), nil),
        (account("8001", parent: "sales"), nil),
        (account("8001-sub", parent: "8001"), nil),
        (account("deep", parent: "8001-sub"), .chainTooLong(account: "deep")),
        (account("sales"), .accountExists("sales")),
        (account("x", parent: "nobody"), .unknownParent("nobody")),
        (account("x", parent: "x"), .unknownParent("x")),
        (
            account("x", parent: "sales", currency: "USD"),
            .currencyDiffers(account: "x", parent: "sales")
        ),
        (account(""), .invalidAccountID("")),
        (account("a b"), .invalidAccountID("a b")),
        (account("a,b"), .invalidAccountID("a,b")),
        (account("账户"), .invalidAccountID("账户")),
        (
            account(String(repeating: "i", count: 65)),
            .invalidAccountID(String(repeating: "i", count: 65))
        ),
        (account(String(repeating: "i", count: 64)), nil),
        (account("x", currency: "yuan"), .invalidCurrency("yuan")),
        (account("x", currency: "cny"), .invalidCurrency("cny")),
        (account("x", limit: "1"), .creditLimitOfPrepaid(account: "x")),
        (account("x", kind: .postpaid, limit: "-1"), .amountOutOfRange(yuan("-1"))),
        (
            account("x", kind: .postpaid, limit: "1000000000000.000001"),
            .amountOutOfRange(yuan("1000000000000.000001"))
        ),
        (account("x", balance: "1"), .balanceAtOpening(account: "x")),
        (account("x", name: String(repeating: "n", count: 129)), .invalidName(account: "x")),
        (account("x", name: String(repeating: "n", count: 128)), nil),
        (account("y", kind: .postpaid, limit: "1000000000000"), nil),
    ]

    @Test func anAccountIsOpenedOrRefusedWithTheReason() {
        var ledger = Ledger()
        var opened = 0
        for (account, refusal) in Self.openings {
            #expect(ledger.open(account) == refusal, "\(account.id)")
            opened += refusal == nil ? 1 : 0
            #expect(ledger.accountCount == opened)
        }
        #expect(ledger.accounts.map(\.id) == ledger.accounts.map(\.id).sorted())
        #expect(
            ledger.chain(of: "8001-sub").map(\.id) == ["8001-sub", "8001", "sales", "enterprise"])
        #expect(ledger.audit() == [])
    }

    @Test func whatIsNotThereIsNil() {
        let ledger = Ledger()
        #expect(ledger.account("8001") == nil)
        #expect(ledger.available("8001") == nil)
        #expect(ledger.availableInChain("8001") == nil)
        #expect(ledger.reserved(account: "8001") == nil)
        #expect(ledger.reserved(call: 1) == nil)
        #expect(ledger.chain(of: "8001") == [])
    }

    @Test func theAccountTableHasALimit() {
        var limits = Ledger.Limits()
        limits.accounts = 2
        var ledger = Ledger(limits: limits)
        #expect(ledger.open(Self.account("1")) == nil)
        #expect(ledger.open(Self.account("2")) == nil)
        #expect(ledger.open(Self.account("3")) == .tableFull("accounts"))
    }

    @Test func aCreditLimitCannotBeTakenBelowWhatIsOwedAndHeld() {
        var ledger = Ledger()
        #expect(ledger.open(Self.account("post", kind: .postpaid, limit: "10")) == nil)
        #expect(ledger.open(Self.account("pre")) == nil)
        #expect(ledger.reserve(call: 1, account: "post", amount: yuan("3")) == nil)
        #expect(ledger.settle(call: 1, used: yuan("3"), at: 0).charged == yuan("3"))
        #expect(ledger.reserve(call: 2, account: "post", amount: yuan("2")) == nil)

        #expect(
            ledger.setCreditLimit(yuan("4.999999"), account: "post")
                == .limitBelowOwed(account: "post", least: yuan("5")))
        #expect(ledger.setCreditLimit(yuan("5"), account: "post") == nil)
        #expect(ledger.available("post") == .zero)
        #expect(ledger.setCreditLimit(yuan("20"), account: "post") == nil)
        #expect(ledger.available("post") == yuan("15"))
        #expect(
            ledger.setCreditLimit(yuan("1"), account: "pre")
                == .creditLimitOfPrepaid(account: "pre"))
        #expect(
            ledger.setCreditLimit(yuan("-1"), account: "post") == .amountOutOfRange(yuan("-1")))
        #expect(ledger.setCreditLimit(yuan("1"), account: "nobody") == .unknownAccount("nobody"))
        #expect(ledger.audit() == [])
    }

    @Test func theVersionCountsWhatTheStoreHasToKeepAndNothingElse() {
        var ledger = Ledger()
        #expect(ledger.open(Self.account("a")) == nil)
        var versions = [ledger.account("a")?.version]
        func note() { versions.append(ledger.account("a")?.version) }
        _ = ledger.topUp(id: "1", account: "a", amount: yuan("5"), at: 0)
        note()
        _ = ledger.topUp(id: "1", account: "a", amount: yuan("5"), at: 0)
        note()
        #expect(ledger.reserve(call: 1, account: "a", amount: yuan("1")) == nil)
        note()
        _ = ledger.settle(call: 1, used: yuan("1"), at: 0)
        note()
        #expect(ledger.setName("Ann", account: "a") == nil)
        note()
        #expect(ledger.setName("Ann", account: "a") == nil)
        note()
        #expect(ledger.setBlocked(true, account: "a") == nil)
        note()
        #expect(ledger.setBlocked(true, account: "a") == nil)
        note()
        #expect(versions == [1, 2, 2, 2, 3, 4, 4, 5, 5])
    }

    @Test func namesAreChangedWithinTheirLimit() {
        var ledger = Ledger()
        #expect(ledger.open(Self.account("a")) == nil)
        #expect(ledger.setName("财务部", account: "a") == nil)
        #expect(ledger.account("a")?.name == "财务部")
        #expect(
            ledger.setName(String(repeating: "n", count: 129), account: "a")
                == .invalidName(account: "a"))
        #expect(ledger.setName("b", account: "b") == .unknownAccount("b"))
        #expect(ledger.setBlocked(true, account: "b") == .unknownAccount("b"))
    }

    @Test func theLedgerPrintsALineForEachAccount() {
        var ledger = Ledger()
        #expect(ledger.open(Self.account("b")) == nil)
        #expect(ledger.open(Self.account("a")) == nil)
        _ = ledger.topUp(id: "1", account: "b", amount: yuan("5"), at: 0)
        #expect(ledger.reserve(call: 1, account: "b", amount: yuan("1.5")) == nil)
        #expect(ledger.setBlocked(true, account: "a") == nil)
        #expect(
            ledger.description == """
                a balance 0.000000 reserved 0.000000 available 0.000000 blocked
                b balance 5.000000 reserved 1.500000 available 3.500000
                """)
    }
}
