// Hours and rules.

extension Parser {
    mutating func hours() throws(SyntaxError) -> HoursSyntax {
        var hours = HoursSyntax(name: try word("the name of the hours"), items: [])
        repeat {
            if take("except") {
                if take("dates") {
                    hours.items.append(.exceptFile(try string("the name of a file")))
                } else {
                    var dates = [try word("a date such as 2026-10-01")]
                    while token.kind == .word { dates.append(try word("a date")) }
                    hours.items.append(.exceptDates(dates))
                }
                continue
            }
            var days: [Word] = []
            var times: [Word] = []
            while token.kind == .word {
                let word = try word("a weekday or a time")
                // A time begins with a digit, a weekday with a letter.
                if word.text.utf8.first.map({ (0x30...0x39).contains($0) }) == true {
                    times.append(word)
                } else if times.isEmpty {
                    days.append(word)
                } else {
                    throw SyntaxError(
                        "\"\(word.text)\" was not expected behind a time", at: word.range,
                        help: "a comma parts days with different times")
                }
            }
            if times.isEmpty {
                throw SyntaxError(
                    "a time such as 08:00-18:00 is expected here, not \(described)", at: range)
            }
            hours.items.append(.week(days: days, times: times))
        } while take(.comma)
        return hours
    }

    private static let ruleWords = [
        "from", "to", "except", "during", "outside", "refuse", "limit", "allow", "ask",
    ]

    mutating func rule() throws(SyntaxError) -> RuleSyntax {
        var rule = RuleSyntax(name: try word("the rule's name"))
        let errors = remarks.errorCount
        try block { parser throws(SyntaxError) in try parser.clause(of: &rule) }
        rule.isWhole = remarks.errorCount == errors
        return rule
    }

    private mutating func clause(of rule: inout RuleSyntax) throws(SyntaxError) {
        let start = range
        let keyword = try word("a part of the rule such as from")
        switch keyword.text {
        case "from":
            repeat { rule.from.append(try callerItem()) } while takesListItem()
        case "to":
            repeat { rule.to.append(try numberItem()) } while takesListItem()
        case "except":
            repeat { rule.except.append(try numberItem()) } while takesListItem()
        case "during", "outside":
            if rule.time != nil {
                throw SyntaxError("the hours of the rule are given twice", at: start)
            }
            rule.time = TimeSyntax(
                isDuring: keyword.text == "during", hours: try word("the name of hours"))
        case "refuse":
            let text = token.kind == .string ? try string("a text") : nil
            rule.refuse = (keyword, text)
        case "limit":
            if rule.limit != nil {
                throw SyntaxError("the limit of the rule is given twice", at: start)
            }
            rule.limit = try word("a length of time such as 3m")
        case "allow": rule.allow = keyword
        case "ask":
            try require("pin")
            rule.ask = keyword
        default:
            throw SyntaxError(
                "a rule has no part \"\(keyword.text)\"", at: start,
                help: help(for: keyword.text, among: Self.ruleWords))
        }
    }

    /// Whether a list goes on: with a comma, or with a word that begins no other part of the rule.
    private mutating func takesListItem() -> Bool {
        if take(.comma) { return true }
        return token.kind == .string
            || token.kind == .word && !Self.ruleWords.contains(token.text)
    }

    private mutating func numberItem() throws(SyntaxError) -> RuleSyntax.NumberItem {
        if token.kind == .string { return .file(try string("the name of a file")) }
        if take("group") { return .group(try word("the name of a group")) }
        return .word(try word("a class, a pattern or a file of numbers"))
    }

    /// One item of `from`.
    mutating func callerItem() throws(SyntaxError) -> CallerItem {
        if token.kind == .string { return .file(try string("the name of a file")) }
        if take("group") { return .group(try word("the name of a group")) }
        if take("level") { return .level(try word("the name of a level")) }
        if take("trunk") { return .trunk(try word("the name of a trunk")) }
        if take("number") { return .number(try word("a pattern of numbers")) }
        if take("class") { return .numberClass(try word("the name of a class")) }
        if take("inside") { return .inside }
        if take("outside") { return .outside }
        return .word(try word("an extension, a range of them, or \"group\" or \"level\""))
    }
}
