/// The table: a line for each case.
enum Report {
    private static let width = 46

    static func printHeader() {
        print(
            pad("", width), right("min ns", 10), right("median ns", 10), right("allocs", 8),
            right("bytes", 9), "  budget")
    }

    static func printGroup(_ name: String) { print("\n\(name)") }

    static func print(_ name: String, _ figures: Figures, budget: Double?) {
        var verdict = ""
        if let budget {
            verdict = "  \(whole(budget)) ns"
            verdict += figures.median <= budget ? "" : ", passed by \(two(figures.median / budget))"
        }
        print(
            pad("  " + name, width), right(short(figures.least), 10),
            right(short(figures.median), 10), right(short(figures.allocations), 8),
            right(whole(figures.bytes), 9), verdict)
    }

    /// A line of one number.
    static func print(_ name: String, _ value: String, budget: String? = nil) {
        print(pad("  " + name, width), right(value, 21), budget.map { pad("", 20) + $0 } ?? "")
    }

    private static func print(_ pieces: String...) { Swift.print(pieces.joined(separator: " ")) }

    // MARK: Numbers

    static func whole(_ value: Double) -> String {
        let digits = String(Int(value.rounded()))
        var text = ""
        for (place, digit) in digits.enumerated() {
            if place > 0, (digits.count - place) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }

    static func two(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// Small numbers with one decimal.
    private static func short(_ value: Double) -> String {
        guard value < 100 else { return whole(value) }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
