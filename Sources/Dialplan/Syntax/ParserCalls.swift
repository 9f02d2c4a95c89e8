// Where calls go that come in, that nobody takes, and that ask for a feature.

extension Parser {
    /// Reads `8003`, `group reception`, `02088886666 as 8000`, a trunk's name, or `busy`.
    mutating func target() throws(SyntaxError) -> TargetSyntax {
        let start = range
        if take("group") {
            let name = try word("the name of a group")
            return TargetSyntax(kind: .group(name), range: start.through(name.range))
        }
        if take("busy") { return TargetSyntax(kind: .busy, range: start) }
        let word = try word("an extension, a group, a trunk, a number or \"busy\"")
        guard take("as") else {
            return TargetSyntax(kind: .word(word, as: nil), range: word.range)
        }
        let payer = try self.word("the extension that pays")
        return TargetSyntax(kind: .word(word, as: payer), range: start.through(payer.range))
    }

    /// Reads `group reception during office, 8003`.
    mutating func timedTargets() throws(SyntaxError) -> [TimedTargetSyntax] {
        var targets: [TimedTargetSyntax] = []
        repeat {
            let target = try target()
            targets.append(TimedTargetSyntax(target: target, time: try time()))
        } while take(.comma)
        return targets
    }

    mutating func inbound() throws(SyntaxError) -> InboundSyntax {
        let trunk = try word("a trunk's name")
        var patterns: [Word] = []
        while token.kind == .word, token.text != "rings" {
            patterns.append(try word("a pattern"))
            _ = take(.comma)
        }
        try require("rings", help: "write: inbound \(trunk.text) rings group reception")
        return InboundSyntax(trunk: trunk, patterns: patterns, targets: try timedTargets())
    }

    mutating func forward() throws(SyntaxError) -> ForwardSyntax {
        var whose: [CallerItem] = []
        while token.kind == .word, token.text != "when" {
            whose.append(try callerItem())
            _ = take(.comma)
        }
        if whose.isEmpty {
            throw SyntaxError(
                "an extension, a range of them or a group is expected here, not \(described)",
                at: range)
        }
        try require("when", help: "write: forward 8000-8099 when busy to group reception")
        let occasion = try occasion()
        var after: Word?
        if occasion == .noAnswer, token.kind == .word, token.text != "to" {
            after = try word("a length of time such as 25s")
        }
        try require("to")
        return ForwardSyntax(whose: whose, occasion: occasion, after: after, target: try target())
    }

    private mutating func occasion() throws(SyntaxError) -> Step.Occasion {
        let word = try word("busy, unanswered or unregistered")
        guard let occasion = Step.Occasion(rawValue: word.text) else {
            throw SyntaxError(
                "a call is forwarded when an extension is busy, unanswered or unregistered, not "
                    + "when \"\(word.text)\"",
                at: word.range,
                help: help(for: word.text, among: Step.Occasion.allCases.map(\.rawValue)))
        }
        return occasion
    }

    mutating func trunks() throws(SyntaxError) -> TrunksSyntax {
        TrunksSyntax(
            name: try word("the name of the trunks"), alternatives: try alternatives(),
            options: try routeOptions())
    }

    mutating func lines() throws(SyntaxError) -> LinesSyntax {
        LinesSyntax(
            name: try word("the name of the lines"),
            members: try words("a line's number or a range of them"))
    }

    mutating func short() throws(SyntaxError) -> [ShortSyntax] {
        var codes: [ShortSyntax] = []
        if token.kind != .leftBrace { return [try shortCode()] }
        try block { parser throws(SyntaxError) in
            codes.append(try parser.shortCode())
            _ = parser.take(.comma)
        }
        return codes
    }

    private mutating func shortCode() throws(SyntaxError) -> ShortSyntax {
        let code = try word("a short code")
        try require(.arrow, "->")
        return ShortSyntax(code: code, number: try word("the number it stands for"))
    }

    mutating func feature() throws(SyntaxError) -> FeatureSyntax {
        var feature = FeatureSyntax(name: try word("the name of a feature"), codes: [])
        while token.kind == .word {
            let action: FeatureCall.Action = take("on") ? .on : take("off") ? .off : .use
            feature.codes.append((action, try word("the code that is dialled")))
            _ = take(.comma)
        }
        if feature.codes.isEmpty {
            throw SyntaxError(
                "the code that is dialled is expected here, not \(described)", at: range)
        }
        return feature
    }

    mutating func pin() throws(SyntaxError) -> PINSyntax {
        PINSyntax(settings: try settings("a setting such as attempts"))
    }

    mutating func phones() throws(SyntaxError) -> PhonesSyntax {
        var whose: [Word] = []
        while token.kind == .word, token.text != "presents" {
            whose.append(try word("an extension or a range of them"))
            _ = take(.comma)
        }
        if whose.isEmpty {
            throw SyntaxError(
                "an extension or a range of them is expected here, not \(described)", at: range)
        }
        try require("presents", help: "write: phones 8001, 8010-8019 presents 4001234567")
        return PhonesSyntax(whose: whose, presents: try words("a number or a range of them"))
    }

    mutating func incoming() throws(SyntaxError) -> IncomingSyntax {
        let name = try word("the incoming level's name")
        try require("from", help: "write: incoming \(name.text) from inside + outside")
        var from: [CallerItem] = []
        while token.kind == .word || token.kind == .comma || token.kind == .string {
            if take(.comma) || take("+") { continue }
            if take("nobody") { from.append(.nobody) } else { from.append(try callerItem()) }
        }
        if from.isEmpty {
            throw SyntaxError("who may ring is expected here, not \(described)", at: range)
        }
        return IncomingSyntax(name: name, from: from)
    }
}

// MARK: - Groups

extension Parser {
    private static let groupWords = ["calls", "picks-up", "uses", "presents", "then"]

    mutating func group() throws(SyntaxError) -> GroupSyntax {
        var group = GroupSyntax(name: try word("the group's name"))
        if token.kind == .leftBrace {
            try block { parser throws(SyntaxError) in
                try parser.groupPart(of: &group)
                _ = parser.take(.comma)
            }
        } else {
            while token.kind == .word || token.kind == .comma {
                if take(.comma) { continue }
                try groupPart(of: &group)
            }
        }
        if group.members.isEmpty {
            throw SyntaxError(
                "group \"\(group.name.text)\" has no members", at: group.name.range,
                help: "write: group \(group.name.text) 8600-8619")
        }
        return group
    }

    private mutating func groupPart(of group: inout GroupSyntax) throws(SyntaxError) {
        let start = range
        if take("calls") {
            guard group.calls == nil else { throw twice("calls", start) }
            group.calls = try groupList("the name of a group")
        } else if take("picks-up") {
            guard group.picksUp == nil else { throw twice("picks-up", start) }
            group.picksUp = try groupList("a group, or extensions")
        } else if take("uses") {
            guard group.uses == nil else { throw twice("uses", start) }
            group.uses = try groupList("\"line\", a trunk or lines")
        } else if take("presents") {
            guard group.presents == nil else { throw twice("presents", start) }
            group.presents = try groupList("a number or a range of them")
        } else if take("then") {
            try stage(of: &group)
        } else if try !ringing(of: &group) {
            let word = try word("an extension or a range of them")
            guard group.stages.isEmpty, group.overflow == nil else {
                throw SyntaxError(
                    "\"\(word.text)\" was not expected here", at: word.range,
                    help: "members stand in front; what rings next is written behind \"then\"")
            }
            group.members.append(word)
        }
    }

    private func twice(_ word: String, _ range: SourceRange) -> SyntaxError {
        SyntaxError("\"\(word)\" is given twice in this group", at: range)
    }

    private mutating func groupList(_ what: String) throws(SyntaxError) -> [Word] {
        var words = [try word(what)]
        while true {
            let isComma = token.kind == .comma
            let next = isComma ? following : token
            guard next.kind == .word, !Self.groupWords.contains(next.text),
                RingGroup.Strategy(rawValue: next.text) == nil
            else { return words }
            _ = take(.comma)
            words.append(try word(what))
        }
    }

    /// One stage behind `then`: extensions that ring, or the target the call goes on to.
    private mutating func stage(of group: inout GroupSyntax) throws(SyntaxError) {
        if group.overflow != nil {
            throw SyntaxError(
                "nothing rings any more once the call has gone on to another target", at: range)
        }
        let target = try target()
        guard case .word(let word, as: nil) = target.kind,
            word.text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2d })
        else {
            group.overflow = target
            return
        }
        var stage = GroupSyntax.StageSyntax(members: [word])
        while token.kind == .word, token.text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            stage.members.append(try self.word("an extension"))
        }
        group.stages.append(stage)
    }

    /// Takes `together`, `round-robin` and the like, or a length of time.
    private mutating func ringing(of group: inout GroupSyntax) throws(SyntaxError) -> Bool {
        let word = Word(text: token.text, range: range)
        var ringing = group.stages.last?.ringing ?? group.ringing
        if token.kind == .word, let strategy = RingGroup.Strategy(rawValue: token.text) {
            if ringing.strategy != nil {
                throw SyntaxError("how the group rings is given twice", at: range)
            }
            ringing.strategy = (strategy, word)
        } else if token.kind == .word, lengthOfTime(token.text) != nil {
            if ringing.time != nil {
                throw SyntaxError("how long it rings is given twice", at: range)
            }
            ringing.time = word
        } else {
            return false
        }
        advance()
        if group.stages.isEmpty {
            group.ringing = ringing
        } else {
            group.stages[group.stages.count - 1].ringing = ringing
        }
        return true
    }
}
