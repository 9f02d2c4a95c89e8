import Charging
import Control
import Testing

/// The receipt of a call, and whether the record's own prices give it again.
@Suite struct ReceiptTextTests {
    private let clock = SiteClock(identifier: "UTC")

    private func record() throws -> CallRecord {
        let csv = """
            band,night,daily 21:00-07:00
            prefix,name,connect_fee,steps,band
            02,national,0.1,0.07/6,
            02,national,0,0.03/6,night
            """
        let tariff = try #require(Tariff.parse(csv: csv, file: "t.csv").tariff)
        let row = try #require(tariff.row(for: "02"))
        // 20:59:54 in Shanghai.
        let start: Int64 = (20_782 * 86_400 + 46_794) * 1_000_000
        let rating = Rating(
            row, calendar: tariff.calendar, from: start, offset: UTCOffset(seconds: 28_800))
        var record = CallRecord(
            callID: 3 << 32 | 7, direction: .outbound, caller: "8001", callerAccount: "8001",
            dialled: "02088886666", startedAt: start)
        record.answeredAt = start
        record.chargedExtension = "8001"
        record.billedMs = 13_000
        record.steps = 3
        record.charge = rating.cost(ofSteps: 3)
        record.receipt = rating.receipt(ofSteps: 3)
        record.tariffPrefix = "02"
        record.tariffName = "national"
        record.basis = rating.basis(plan: "gold", via: nil, currency: "USD")
        return record
    }

    @Test func theReceiptHoldsEveryPartAndComputesToTheSame() throws {
        let text = ReceiptText(try record(), currency: "CNY").card(clock)
        #expect(
            text == """
                call                  3-7
                from                  8001
                to                    02088886666
                answer                2026-11-25 12:59:54
                milliseconds          13000
                account               8001
                charged to            8001
                plan                  gold
                prefix                02
                tariff                national
                steps                 3
                charge                0.230000 USD
                computes to the same  yes
                made up of
                  connect fee 0.100000
                  1 x 6 s at 0.070000 = 0.070000
                  2 x 6 s at 0.030000 = 0.060000, night
                by these prices
                  band,night,daily 21:00-07:00
                  prefix,name,connect_fee,steps,band
                  02,national,0.1,0.07/6,
                  02,national,0,0.03/6,night

                """)
    }

    @Test func aRecordThatWasTamperedWithDoesNotComputeToTheSame() throws {
        var dearer = try record()
        dearer.charge = try #require(Amount("0.24"))
        #expect(ReceiptText(dearer, currency: "CNY").json.contains("no: its prices give 0.230000"))
        var other = try record()
        other.receipt[1].count = 2
        #expect(
            ReceiptText(other, currency: "CNY").json.contains("no: its prices give other lines"))
        var broken = try record()
        broken.basis?.tariff = "prefix"
        #expect(ReceiptText(broken, currency: "CNY").json.contains("no prices that can be read"))
    }

    @Test func aCallThatCostNothingSaysSo() throws {
        let free = CallRecord(
            callID: 1, direction: .internal, caller: "8001", dialled: "8002", startedAt: 0)
        #expect(ReceiptText(free, currency: "CNY").json.contains("it cost nothing"))
    }
}
