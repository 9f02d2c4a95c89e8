import Switching

extension Explanation {
    /// For people: the outcome in a sentence, then every step, numbered.
    public var text: String {
        var text = "\(dialled): \(outcomeText)\n"
        if let presented { text += "presents \(presented)\n" }
        if normalised != dialled { text += "brought to the form \(normalised)\n" }
        if let numberClass { text += "number class \(numberClass)\n" }
        let width = String(steps.count).count
        for (index, step) in steps.enumerated() {
            let number = String(index + 1)
            text += String(repeating: " ", count: width - number.count) + "\(number)  \(step)\n"
        }
        return text + "dialplan \(planVersion)\n"
    }

    private var outcomeText: String {
        if let refusal {
            return "refused: \(refusal)" + (sipStatus.map { " (\($0))" } ?? "")
        }
        return routes.isEmpty ? outcome : "\(outcome) via \(routes.joined(separator: ", then "))"
    }

    /// For programs: one object.
    public var cell: Cell {
        .object([
            .init("outcome", .text(outcome)), .init("dialled", .text(dialled)),
            .init("normalised", .text(normalised)), .init("class", .text(numberClass)),
            .init("routes", .texts(routes)), .init("presented", .text(presented)),
            .init("refusal", .text(refusal)), .init("sip_status", .number(sipStatus)),
            .init("steps", .texts(steps)), .init("dialplan", .text(planVersion)),
        ])
    }
}
