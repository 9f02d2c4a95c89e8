// What an `expect` line says.

extension Parser {
    mutating func expect() throws(SyntaxError) -> ExpectSyntax {
        let caller: ExpectSyntax.CallerSyntax
        if take("line") {
            caller = .line(try word("a line's number"))
        } else if take("trunk") {
            caller = .trunk(try word("a trunk's name"))
        } else {
            let number = try word("an extension, or \"line\" or \"trunk\"")
            var level: Word?
            if take(.leftParenthesis) {
                level = try word("a level")
                try require(.rightParenthesis, ")")
            }
            caller = .extension(number, level: level)
        }
        var expect = ExpectSyntax(caller: caller)
        if take("from") { expect.number = try word("the caller's number") }
        switch caller {
        case .line:
            if take("dials") { expect.dialled = try word("a number") }
        case .extension, .trunk:
            try require("dials")
            expect.dialled = try word("a number")
        }
        if take(.leftParenthesis) {
            expect.incoming = try word("an incoming level")
            try require(.rightParenthesis, ")")
        }
        try conditions(of: &expect)
        try require(.arrow, "->")
        repeat {
            expect.results.append(try result())
            _ = take(.comma)
        } while token.kind == .word
        return expect
    }

    private mutating func conditions(of expect: inout ExpectSyntax) throws(SyntaxError) {
        while token.kind == .word {
            if take("at") {
                expect.time = try string("a time such as \"mon 10:00\"")
            } else if take("when") {
                repeat {
                    expect.down.append(try word("a trunk or \"line\""))
                    if token.text != "and", token.kind != .comma, !take("busy") {
                        try require("down")
                    }
                } while take(.comma) || take("and")
            } else if take("with") {
                repeat { try given(to: &expect) } while take(.comma) || take("and")
            } else {
                throw SyntaxError(
                    "\"at\", \"when\" or -> is expected here, not \(described)", at: range,
                    help: help(for: token.text, among: ["at", "when", "with"])
                        .flatMap { $0.hasPrefix("did") ? $0 : nil })
            }
        }
    }

    /// Reads `pin`, `wrong pin`, `lock` or `balance 0.50`.
    private mutating func given(to expect: inout ExpectSyntax) throws(SyntaxError) {
        if take("pin") {
            expect.pin = .right
            if take(.leftParenthesis) {
                expect.pinLevel = try word("the level of whose PIN it is")
                try require(.rightParenthesis, ")")
            }
        } else if take("wrong") {
            try require("pin")
            expect.pin = .wrong
        } else if take("lock") {
            expect.isLocked = true
        } else if take("balance") {
            expect.balance = try word("an amount such as 0.50")
        } else {
            throw SyntaxError(
                "what the call is made with is expected here, not \(described)", at: range,
                help: help(for: token.text, among: ["pin", "wrong pin", "lock", "balance"]))
        }
    }

    private mutating func result() throws(SyntaxError) -> ExpectSyntax.ResultSyntax {
        let start = Word(text: token.text, range: range)
        if take("via") {
            var ways: [Word] = []
            repeat { ways.append(try word("\"line\" or a trunk's name")) } while take("then")
            return .via(ways)
        }
        if take("presents") { return .presents(try word("the number presented")) }
        if take("sends") { return .sends(try word("the number sent")) }
        if take("rings") {
            if take("group") { return .ringsGroup(try word("the name of a group")) }
            return .rings(try word("an extension or \"group\""))
        }
        if take("class") { return .numberClass(try word("a class")) }
        if take("limit") { return .limit(try word("a length of time, or none")) }
        if take("emergency") { return .emergency(start) }
        if take("refused") { return .refused(start, by: try refusal()) }
        if take("as") { return .rights(try word("an extension")) }
        if take("asks") {
            try require("pin")
            return .asksPIN(start)
        }
        if take("feature") {
            let name = try word("a feature such as do-not-disturb")
            let action: FeatureCall.Action? = take("on") ? .on : take("off") ? .off : nil
            return .feature(name, action)
        }
        if take("costs") {
            _ = take("up") && take("to")
            let amount = try word("an amount such as 0.22")
            return .costs(
                amount, duration: take("for") ? try word("a length of time such as 3m") : nil)
        }
        let known = [
            "via", "presents", "sends", "rings", "class", "limit", "emergency", "refused", "as",
            "asks", "feature", "costs",
        ]
        throw SyntaxError(
            "what is expected of the call comes here, not \(described)", at: range,
            help: token.kind == .word ? help(for: token.text, among: known) : nil)
    }

    private mutating func refusal() throws(SyntaxError) -> Refusal.Code? {
        if take("by") {
            let word = try word("what refuses, such as level")
            let codes: [String: Refusal.Code] = [
                "level": .level, "rule": .rule, "group": .group, "incoming": .incoming,
                "pin": .pin, "balance": .balance,
            ]
            guard let code = codes[word.text] else {
                throw SyntaxError(
                    "a call is refused by a level, a rule and the like, not by \"\(word.text)\"",
                    at: word.range, help: help(for: word.text, among: codes.keys.sorted()))
            }
            return code
        }
        if take("as") {
            let word = try word("how it is refused, such as unknown")
            let codes: [String: Refusal.Code] = [
                "unknown": .unknownNumber, "invalid": .invalid, "busy": .busy,
                "forwarded": .forwarding,
            ]
            guard let code = codes[word.text] else {
                throw SyntaxError(
                    "a call is refused as unknown and the like, not as \"\(word.text)\"",
                    at: word.range, help: help(for: word.text, among: codes.keys.sorted()))
            }
            return code
        }
        if take("without") {
            try require("route")
            return .noRoute
        }
        return nil
    }
}
