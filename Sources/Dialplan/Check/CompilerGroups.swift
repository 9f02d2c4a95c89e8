// Groups of extensions: members, rights, and how they ring.

extension Compiler {
    /// How long a stage rings where the plan does not say.
    private static let usualRinging: Int64 = 30_000

    mutating func checkGroups() {
        // Every group has its members before another or a target refers to it.
        for syntax in groupWords {
            groups.append(
                GroupTable(
                    name: syntax.name.text, place: place(syntax.name.range),
                    members: syntax.members.compactMap { extensionRange($0) }))
        }
        for (index, syntax) in groupWords.enumerated() {
            checkRights(syntax, index)
            checkRinging(syntax, index)
        }
    }

    private mutating func checkRights(_ syntax: GroupSyntax, _ index: Int) {
        if let words = syntax.calls {
            groups[index].calls = words.compactMap { word in
                if let found = groupNumbers[word.text] { return found }
                _ = group(word)
                return nil
            }
        }
        for word in syntax.picksUp ?? [] { checkPicksUp(word, index) }
        if let words = syntax.uses {
            var ways: Set<String> = []
            for word in words {
                checkWayOut(word)
                // A group of trunks stands for each of them.
                if let trunks = trunkGroups[word.text] {
                    ways.formUnion(trunks.alternatives.map(\.name.text))
                }
                ways.insert(word.text)
            }
            groups[index].uses = ways
        }
        if let words = syntax.presents {
            groups[index].presents = words.compactMap { presentedRange($0) }
        }
    }

    /// A group, or extensions: of any site, since a call at another site can be picked up too.
    private mutating func checkPicksUp(_ word: Word, _ index: Int) {
        let isNumber = word.text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2d }
        if isNumber {
            if let range = numberRange(word, "an extension") { groups[index].picksUp.append(range) }
        } else if let found = groupNumbers[word.text] {
            groups[index].picksUp += groups[found].members
        } else {
            _ = group(word)
        }
    }

    mutating func checkPhones(_ syntax: PhonesSyntax, _ range: SourceRange) {
        let whose = syntax.whose.compactMap { extensionRange($0) }
        let presents = syntax.presents.compactMap { presentedRange($0) }
        phones.append(PhonesTable(presents: presents, place: place(range)))
        phoneRanges.append(whose)
    }

    /// Reads `+8631166778000-+8631166778099` into normalised numbers.
    private mutating func presentedRange(_ word: Word) -> NumberRange? {
        let ends = word.text.split(separator: "-", omittingEmptySubsequences: false)
            .map { normalised(String($0)) }
        if (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
            let range = NumberRange(first: first, last: last)
        {
            return range
        }
        remarks.error(
            "\"\(word.text)\" is no number that can be presented", at: word.range,
            help: "write a number or a range of them, as in +8631166778000-+8631166778099")
        return nil
    }

    /// The one form of a number by the normalise rules as far as they were right.
    func normalised(_ text: String) -> String? {
        guard var number = DialString.read(text) else { return nil }
        for _ in 0..<PlanLimits.rewrites {
            guard let rule = rewriteTable.match(number),
                let next = rewrites[rule].form.apply(to: number)
            else { break }
            number = next
        }
        return number.text
    }

    private mutating func checkRinging(_ syntax: GroupSyntax, _ index: Int) {
        groups[index].stages.append(
            StageTable(
                members: groups[index].members,
                strategy: syntax.ringing.strategy?.strategy ?? .together,
                milliseconds: milliseconds(syntax.ringing)))
        for (place, stage) in syntax.stages.enumerated() {
            // An extension of another site is rung by that one: the call goes on there.
            if place == syntax.stages.count - 1, stage.members.count == 1, syntax.overflow == nil,
                stage.ringing.strategy == nil, stage.ringing.time == nil,
                isElsewhere(stage.members[0].text)
            {
                let word = stage.members[0]
                groups[index].overflow = target(
                    TargetSyntax(kind: .word(word, as: nil), range: word.range))
                return
            }
            let members = stage.members.compactMap { extensionRange($0) }
            groups[index].stages.append(
                StageTable(
                    members: members, strategy: stage.ringing.strategy?.strategy ?? .together,
                    milliseconds: milliseconds(stage.ringing)))
        }
        groups[index].overflow = syntax.overflow.flatMap { target($0) }
    }

    private func milliseconds(_ ringing: GroupSyntax.RingingSyntax) -> Int64 {
        ringing.time.flatMap { lengthOfTime($0.text) } ?? Self.usualRinging
    }

    /// A group that overflows into itself would ring for ever.
    mutating func checkOverflows() {
        for (index, group) in groups.enumerated() {
            var seen: Set<Int> = [index]
            var next = group.overflow
            while case .group(let name)? = next?.target, let found = groupNumbers[name] {
                if found == index {
                    remarks.error(
                        "group \"\(group.name)\" overflows into itself",
                        at: groupWords[index].name.range)
                }
                guard seen.insert(found).inserted else { break }
                next = groups[found].overflow
            }
        }
    }
}
