/// Prices as the auditor computes them: from its own table, with its own arithmetic, in millionths.
///
/// Nothing here uses the code under test. It is slow and plain on purpose: a loop over begun steps.
struct PriceBook: Sendable {
    struct Row: Sendable, Equatable {
        var prefix: String
        var fee: Int64
        /// Seconds and price; the last one repeats. None: time is free.
        var steps: [(seconds: Int64, price: Int64)]

        static func == (a: Row, b: Row) -> Bool {
            a.prefix == b.prefix && a.fee == b.fee
                && a.steps.elementsEqual(b.steps) { $0 == $1 }
        }

        var isFree: Bool { fee == 0 && steps.allSatisfy { $0.price == 0 } }

        /// Fee and begun steps of a call this long; the first step begins with the answer.
        func price(milliseconds: Int64) -> Int64 {
            var sum = fee
            var begins: Int64 = 0
            for step in steps.dropLast() {
                guard begins == 0 || milliseconds > begins else { return sum }
                sum += step.price
                begins += step.seconds * 1000
            }
            guard let last = steps.last else { return sum }
            guard begins == 0 || milliseconds > begins else { return sum }
            let over = max(milliseconds - begins, 1)
            let length = last.seconds * 1000
            return sum + (over + length - 1) / length * last.price
        }

        /// How long a call may last on this sum, in milliseconds; nil when it never ends.
        func paidMilliseconds(for sum: Int64) -> Int64? {
            var rest = sum - fee
            var end: Int64 = 0
            guard rest >= 0 else { return 0 }
            for step in steps.dropLast() {
                guard rest >= step.price else { return end }
                rest -= step.price
                end += step.seconds * 1000
            }
            guard let last = steps.last, last.price > 0 else { return nil }
            return end + rest / last.price * last.seconds * 1000
        }
    }

    var rows: [Row]

    /// The row with the longest prefix of a number.
    func row(for number: String) -> Row? {
        var best: Row?
        for row in rows where number.hasPrefix(row.prefix) {
            if row.prefix.utf8.count > (best?.prefix.utf8.count ?? 0) { best = row }
        }
        return best
    }

    /// As a tariff file.
    var csv: String {
        var text = "prefix,name,connect_fee,steps\n"
        for row in rows {
            let steps = row.steps.map { "\(Self.decimal($0.price))/\($0.seconds)" }
            text += "\(row.prefix),to \(row.prefix),\(Self.decimal(row.fee)),"
            text += steps.joined(separator: " ") + "\n"
        }
        return text
    }

    private static func decimal(_ micros: Int64) -> String {
        let fraction = String(micros % 1_000_000)
        let zeros = String(repeating: "0", count: 6 - fraction.utf8.count)
        return "\(micros / 1_000_000).\(zeros)\(fraction)"
    }

    /// Every shape a row can have: one step, several, free at first, fee alone, free for ever.
    static let first = PriceBook(rows: [
        Row(prefix: "2", fee: 0, steps: [(180, 220_000), (60, 110_000)]),
        Row(prefix: "3", fee: 0, steps: [(60, 0)]),
        Row(prefix: "4", fee: 300_000, steps: []),
        Row(prefix: "5", fee: 0, steps: [(30, 0), (60, 500_000)]),
        Row(prefix: "6", fee: 50_000, steps: [(1, 1_000)]),
        Row(prefix: "0", fee: 0, steps: [(6, 70_000)]),
        Row(prefix: "00", fee: 1_000_000, steps: [(60, 3_600_000)]),
        Row(prefix: "0085", fee: 0, steps: [(30, 900_000), (15, 450_000), (6, 180_000)]),
        Row(prefix: "1", fee: 100_000, steps: [(6, 70_000)]),
    ])

    /// Tomorrow's prices.
    static let second = PriceBook(rows: [
        Row(prefix: "2", fee: 20_000, steps: [(60, 150_000)]),
        Row(prefix: "3", fee: 0, steps: [(60, 10_000)]),
        Row(prefix: "4", fee: 400_000, steps: []),
        Row(prefix: "5", fee: 0, steps: [(60, 250_000)]),
        Row(prefix: "6", fee: 0, steps: [(6, 9_000)]),
        Row(prefix: "0", fee: 10_000, steps: [(6, 50_000)]),
        Row(prefix: "00", fee: 0, steps: [(60, 2_400_000)]),
        Row(prefix: "1", fee: 0, steps: [(10, 90_000)]),
    ])
}
