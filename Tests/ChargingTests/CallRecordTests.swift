import Charging
import Foundation
import Testing

@Suite struct CallRecordTests {
    private var record: CallRecord {
        var record = CallRecord(
            callID: .max, direction: .outbound, caller: "8001", callerAccount: "8001",
            dialled: "1790902088886666", normalised: "02088886666", numberClass: "national",
            startedAt: 1_700_000_000_000_000)
        record.attempts = [
            CallRecord.Attempt(
                route: "ip-e1", kind: .trunk, startedAt: 1_700_000_000_000_001, outcome: .failed,
                sipStatus: 503, q850: 34, reason: "no circuit"),
            CallRecord.Attempt(
                route: "66778001", kind: .line, startedAt: 1_700_000_000_100_000,
                outcome: .answered, sipStatus: 200, ringMs: 3200),
        ]
        record.answeredAt = 1_700_000_005_000_000
        record.disposition = .answered
        record.releasedBy = .switch
        record.steps = 3
        record.charge = yuan("0.44")
        record.receipt = Rating(row("2", "0.22/180 0.11/60")).receipt(ofSteps: 3)
        record.accountBalances = [AccountBalance(account: "8001", balance: .zero)]
        record.explanation = ["dialled 1790902088886666"]
        return record
    }

    @Test func aRecordIsReadAsItWasWritten() throws {
        let data = try JSONEncoder().encode(record)
        #expect(try JSONDecoder().decode(CallRecord.self, from: data) == record)
    }

    @Test func dispositionsAreSpelledAsAsteriskSpellsThem() {
        #expect(
            CallRecord.Disposition.allCases.map(\.rawValue)
                == ["ANSWERED", "NO ANSWER", "BUSY", "FAILED"])
    }

    @Test func anOpenedRecordClaimsNothing() {
        let record = CallRecord(
            callID: 1, direction: .internal, caller: "8001", dialled: "8002", startedAt: 5)
        #expect(record.normalised == "8002")
        #expect(record.sequence == 0)
        #expect(record.disposition == nil)
        #expect(record.charge == .zero)
        #expect(record.answeredAt == nil)
    }

    @Test func theReceiptAddsUpToTheCharge() {
        #expect(record.receipt.reduce(.zero) { $0 + $1.sum } == record.charge)
    }

    @Test func postingsAndAccountsAreReadAsTheyWereWritten() throws {
        let posting = Posting(
            id: "call:1:8001", account: "8001", kind: .charge, amount: yuan("-0.22"),
            balanceAfter: yuan("0.78"), at: 1, call: 1)
        let account = Account(
            id: "8001", name: "Ann", parent: "sales", kind: .postpaid, creditLimit: yuan("5"),
            balance: yuan("-1"), isBlocked: true, version: 3)
        let decoder = JSONDecoder()
        let encoder = JSONEncoder()
        #expect(try decoder.decode(Posting.self, from: encoder.encode(posting)) == posting)
        #expect(try decoder.decode(Account.self, from: encoder.encode(account)) == account)
    }
}
