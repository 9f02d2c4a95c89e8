// Site, extensions, normalise rules and number classes.

extension Compiler {
    mutating func checkSite(_ tree: SyntaxTree) {
        var first: SourceRange?
        for statement in tree.statements {
            guard case .site(let syntax) = statement.kind else { continue }
            if let first {
                remarks.error(
                    "the site is already described in \(reference(first, from: statement.range))",
                    at: syntax.name.range)
                continue
            }
            first = statement.range
            site = siteSettings(syntax)
        }
        if first == nil, isWhole {
            remarks.error(
                "the plan has no site", at: SourceRange(file: 0, start: 0, end: 0),
                help: "write: site NAME { country 86  area 0311  timezone Asia/Shanghai }")
        }
    }

    private mutating func siteSettings(_ syntax: SiteSyntax) -> Plan.Site {
        var site = Plan.Site(name: syntax.name.text, country: "", area: "", timezone: "")
        var seen: Set<String> = []
        for (key, value) in syntax.settings {
            if !seen.insert(key.text).inserted {
                remarks.error("\"\(key.text)\" is given twice", at: key.range)
            }
            switch key.text {
            case "country":
                site.country = value.text
                checkDigits(value, 1...3, "a country code has one to three digits", "as in 86")
            case "area":
                site.area = value.text
                checkDigits(value, 1...8, "an area code has digits only", "as in 0311")
            case "timezone":
                site.timezone = value.text
                if !context.knowsTimezone(value.text) {
                    remarks.error(
                        "this machine knows no time zone \"\(value.text)\"", at: value.range,
                        help: "write it as the tz database does, as in Asia/Shanghai; the package "
                            + "tzdata must be installed")
                }
            default:
                remarks.error(
                    "a site has no setting \"\(key.text)\"", at: key.range,
                    help: help(for: key.text, among: ["country", "area", "timezone"]))
            }
        }
        for key in ["country", "area", "timezone"] where !seen.contains(key) {
            remarks.error("the site has no \(key)", at: syntax.name.range)
        }
        return site
    }

    private mutating func checkDigits(
        _ word: Word, _ count: ClosedRange<Int>, _ message: String, _ help: String
    ) {
        let isDigits = word.text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        if !isDigits || !count.contains(word.text.utf8.count) {
            remarks.error(message, at: word.range, help: help)
        }
    }

    mutating func checkNumbers(_ tree: SyntaxTree) {
        for statement in tree.statements {
            switch statement.kind {
            case .extensions(let words): words.forEach { checkExtensions($0) }
            case .normalise(let rules): rules.forEach { checkRewrite($0) }
            case .short(let codes): codes.forEach { checkShortCode($0) }
            case .numberClass(let syntax): checkClass(syntax)
            case .site, .level, .route, .line, .group, .hours, .rule, .expect, .include,
                .incoming, .trunks, .lines, .inbound, .forward, .feature, .pin, .phones:
                break
            }
        }
        reportOverlaps(extensions, extensionRanges, "numbers")
    }

    private mutating func checkExtensions(_ word: Word) {
        guard let range = numberRange(word, "extensions") else { return }
        extensions.append(range)
        extensionRanges.append(word.range)
    }

    /// Reports every two ranges that have numbers in common, at the one that is written later.
    mutating func reportOverlaps(
        _ ranges: [NumberRange], _ places: [SourceRange], _ what: String
    ) {
        // There may be 10,000 of them: each is looked at with each other in a broken plan alone.
        guard RangeIndex(ranges).overlaps else { return }
        let order = ranges.indices.sorted {
            (places[$0].file, places[$0].start) < (places[$1].file, places[$1].start)
        }
        for (place, later) in order.enumerated() {
            for earlier in order[..<place] where ranges[earlier].overlaps(ranges[later]) {
                remarks.error(
                    "\(ranges[later]) and \(ranges[earlier]) of "
                        + "\(reference(places[earlier], from: places[later])) have \(what) in common",
                    at: places[later])
            }
        }
    }

    /// Reads `8000-8799` or one number.
    mutating func numberRange(_ word: Word, _ what: String) -> NumberRange? {
        let parts = word.text.split(
            separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let first = String(parts[0])
        let last = parts.count > 1 ? String(parts[1]) : first
        if let range = NumberRange(first: first, last: last) { return range }
        for (text, offset) in [(first, 0), (last, parts.count > 1 ? first.utf8.count + 1 : 0)] {
            let isDigits = text.utf8.allSatisfy { (0x30...0x39).contains($0) }
            if !isDigits || text.isEmpty || text.utf8.count > 18 {
                remarks.error(
                    text.isEmpty
                        ? "a number is missing in this range"
                        : "\"\(text)\" is no number for \(what)",
                    at: text.isEmpty ? word.range : word.range.part(offset, text.utf8.count),
                    help: "write digits, as in 8000 or 8000-8799")
                return nil
            }
        }
        if first.utf8.count != last.utf8.count {
            remarks.error(
                "\(first) and \(last) have different lengths", at: word.range,
                help: "write a range for each length")
        } else {
            remarks.error(
                "this range runs backwards", at: word.range, help: "write \(last)-\(first)")
        }
        return nil
    }

    /// Reads a pattern; reports what is wrong with it.
    mutating func pattern(_ word: Word) -> Pattern? {
        do throws(PatternError) {
            return try Pattern(parsing: word.text)
        } catch {
            remarks.error(
                error.message, at: word.range.part(error.offset, error.length), help: error.help)
            return nil
        }
    }

    // MARK: Normalise

    private mutating func checkRewrite(_ syntax: RewriteSyntax) {
        let pattern = pattern(syntax.pattern)
        guard let form = digitsForm(syntax.form), let pattern else { return }
        let shortest = pattern.minimumCount
        if form.drop > shortest || form.drop == shortest && form.prefix.count == 0 {
            remarks.error(
                "\(syntax.pattern.text) covers a number of \(shortest) digits, of which dropping "
                    + "\(form.drop) leaves nothing",
                at: syntax.form.range)
            return
        }
        rewrites.append(
            RewriteRule(
                pattern: syntax.pattern.text, form: form, place: place(syntax.pattern.range)))
        rewritePatterns.append(pattern)
        rewriteRanges.append(syntax.pattern.range)
    }

    /// Reads `drop N prefix D`.
    mutating func digitsForm(_ syntax: DigitsFormSyntax) -> DigitsForm? {
        var form = DigitsForm(drop: 0, prefix: DialString())
        if let word = syntax.drop {
            guard let count = Int(word.text), count > 0, count <= PlanLimits.dialledKeys else {
                remarks.error(
                    "\"\(word.text)\" is no number of digits to drop", at: word.range,
                    help: "write a number from 1 to \(PlanLimits.dialledKeys), as in drop 4")
                return nil
            }
            form.drop = count
        }
        if let word = syntax.prefix {
            guard let prefix = DialString(word.text) else {
                remarks.error(
                    "\"\(word.text)\" cannot be put in front of a number", at: word.range,
                    help: "write digits, as in prefix 00")
                return nil
            }
            form.prefix = prefix
        }
        return form
    }

    /// A short code is a normalise rule for one number.
    private mutating func checkShortCode(_ syntax: ShortSyntax) {
        guard let code = DialString(syntax.code.text) else {
            remarks.error(
                "\"\(syntax.code.text)\" is no short code", at: syntax.code.range,
                help: "write digits, * and #, as in *701")
            return
        }
        let number: DialString
        do throws(DialString.Mistake) {
            number = try DialString(cleaning: syntax.number.text)
        } catch {
            remarks.error(
                "\"\(syntax.number.text)\" is no number", at: syntax.number.range,
                help: "write the number as it is dialled")
            return
        }
        if code.isEmergency {
            remarks.error(
                "\(syntax.code.text) is an emergency number and no short code",
                at: syntax.code.range)
            return
        }
        rewrites.append(
            RewriteRule(
                pattern: syntax.code.text, form: DigitsForm(drop: code.count, prefix: number),
                place: place(syntax.code.range), isShortCode: true))
        rewritePatterns.append(Pattern(exactly: code))
        rewriteRanges.append(syntax.code.range)
    }

    // MARK: Classes

    private mutating func checkClass(_ syntax: ClassSyntax) {
        guard let numberClass = classNumbers[syntax.name.text],
            numberClass != PlanTables.internalClass
        else {
            // The name was refused; what is wrong with its patterns is still worth knowing.
            for case .pattern(let word) in syntax.items { _ = pattern(word) }
            return
        }
        if syntax.items.isEmpty {
            remarks.error(
                "class \"\(syntax.name.text)\" has no patterns", at: syntax.name.range,
                help: "write: class \(syntax.name.text) [2-8]XXXXXXX")
        }
        for item in syntax.items {
            switch item {
            case .pattern(let word): addPattern(word, to: numberClass)
            case .file(let word): addFile(word, to: numberClass)
            }
        }
    }

    private mutating func addPattern(_ word: Word, to numberClass: Int) {
        if isRange(word) {
            guard let range = numberRange(word, "a class") else { return }
            for pattern in Pattern.covering(range) {
                patterns.append(pattern)
                patternWords.append(PatternWord(numberClass: numberClass, range: word.range))
            }
            return
        }
        guard let pattern = pattern(word) else { return }
        patterns.append(pattern)
        patternWords.append(PatternWord(numberClass: numberClass, range: word.range))
    }

    /// `82290000-82294999`: plain digits on both sides.
    func isRange(_ word: Word) -> Bool {
        let bytes = word.text.utf8
        return bytes.contains(0x2d) && bytes.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2d }
    }

    private mutating func addFile(_ word: Word, to numberClass: Int) {
        for word in fileWords(word) { addPattern(word, to: numberClass) }
    }

    /// The patterns of a file of numbers.
    mutating func fileWords(_ word: Word) -> [Word] {
        guard let text = sources.included(word.text) else {
            reportMissing(word)
            return []
        }
        let index = texts.count
        guard add(SourceFile(path: pathBesideMain(word.text), text: text)) else { return [] }
        let lexer = Lexer(texts[index], file: index, remarks: remarks)
        remarks = lexer.remarks
        var words: [Word] = []
        for token in lexer.tokens {
            switch token.kind {
            case .word: words.append(Word(text: token.text, range: token.range))
            case .newline, .comma, .end: break
            case .string, .leftBrace, .rightBrace, .leftParenthesis, .rightParenthesis, .arrow:
                remarks.error(
                    "a file of numbers holds patterns and // comments only", at: token.range)
            }
        }
        if words.isEmpty { remarks.warning("this file holds no pattern", at: word.range) }
        return words
    }

    /// The name of a file as diagnostics show it: in the main file's folder.
    func pathBesideMain(_ name: String) -> String {
        guard !name.hasPrefix("/"), let slash = sources.main.path.lastIndex(of: "/") else {
            return name
        }
        return sources.main.path[...slash] + name
    }
}
