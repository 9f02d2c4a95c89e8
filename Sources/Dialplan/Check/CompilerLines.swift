// Lines and what they ring.

extension Compiler {
    mutating func checkLines(_ tree: SyntaxTree) {
        for statement in tree.statements {
            guard case .line(let syntax) = statement.kind else { continue }
            let lines = numberRange(syntax.lines, "a line")
            switch syntax.rings {
            case .range(let word)
            where isElsewhere(word.text) || context.trunks.contains { $0.name == word.text }:
                let target = TargetSyntax(kind: .word(word, as: nil), range: word.range)
                checkLineTargets(syntax, lines, [TimedTargetSyntax(target: target)])
            case .range(let word):
                guard let rings = numberRange(word, "an extension"), let lines else { continue }
                guard lines.count == rings.count else {
                    remarks.error(
                        "\(lines.count) lines cannot ring \(rings.count) extensions one to one",
                        at: word.range, help: matchingEnd(lines, rings))
                    continue
                }
                checkTargets(rings, word.range)
                self.lines.append(Plan.LineMapping(lines: lines, extensions: rings))
                lineRanges.append(syntax.lines.range)
            case .targets(let targets): checkLineTargets(syntax, lines, targets)
            }
        }
        reportOverlaps(
            self.lines.map(\.lines) + lineTargets.map(\.lines), lineRanges + lineTargetRanges,
            "lines")
    }

    private mutating func checkLineTargets(
        _ syntax: LineSyntax, _ lines: NumberRange?, _ targets: [TimedTargetSyntax]
    ) {
        let targets = timedTargets(targets)
        guard let lines else { return }
        lineTargets.append(
            LineTargets(lines: lines, targets: targets, place: place(syntax.lines.range)))
        lineTargetRanges.append(syntax.lines.range)
    }

    /// The range of extensions that would fit, if the first one is right.
    private func matchingEnd(_ lines: NumberRange, _ rings: NumberRange) -> String? {
        guard let first = Int(rings.first) else { return nil }
        let last = String(first + lines.count - 1)
        guard last.utf8.count <= rings.first.utf8.count else { return nil }
        let zeros = String(repeating: "0", count: rings.first.utf8.count - last.utf8.count)
        return "\(lines.count) extensions are \(rings.first)-\(zeros + last)"
    }

    /// What extensions there are; nil for none.
    static func listing(_ extensions: [NumberRange]) -> String? {
        guard !extensions.isEmpty else { return nil }
        let shown = extensions.prefix(8).map(\.description).joined(separator: ", ")
        return "the extensions are \(shown)\(extensions.count > 8 ? " and others" : "")"
    }

    mutating func checkTargets(_ rings: NumberRange, _ range: SourceRange) {
        var offset = 0
        while offset < rings.count {
            let number = rings[offset]
            if let packed = PackedNumber(number), let found = extensionIndex.find(packed) {
                offset += Int(min(extensions[found].high, rings.high) - packed.value) + 1
                continue
            }
            remarks.error(
                isElsewhere(number)
                    ? "\(number) is an extension of another site, and only those of this one may "
                        + "stand here" : "\(number) is no extension of this site", at: range,
                help: Self.listing(extensions) ?? "write: extensions 8000-8799")
            return
        }
    }
}
