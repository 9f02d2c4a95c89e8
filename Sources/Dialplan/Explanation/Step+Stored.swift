// Steps as records keep them: the facts and not the sentence, so that a past call can be explained in
// every language. One line for each: the step's word and its facts, parted by tabs.

extension Step {
    /// The facts of the step, as `stored` has them behind its word.
    public var facts: [String] {
        stored.split(separator: "\t", omittingEmptySubsequences: false).dropFirst().map(String.init)
    }

    private func write(to out: inout FactText) {
        switch self {
        case .dialled(let number, let caller): out.add(number, caller)
        case .cleaned(let from, let to): out.add(from, to)
        case .rewritten(let from, let to, let pattern, let place):
            out.add(from, to, pattern, place)
        case .shortCode(let code, let number, let place): out.add(code, number, place)
        case .unreadable(let dialled, let why): out.add(dialled, why.rawValue)
        case .emergency(let number), .unclassified(let number), .pinMissing(let number),
            .forwardedTooOften(let number), .doNotDisturb(let number), .insideOnly(let number):
            out.add(number)
        case .extension(let number, let place): out.add(number, place)
        case .line(let line, let rings, let place): out.add(line, rings, place)
        case .classified(let number, let numberClass, let pattern, let place):
            out.add(number, numberClass, pattern, place)
        case .levelAllows(let level, let numberClass, let through, let place):
            out.add(level, numberClass, through, place)
        case .levelRefuses(let level, let numberClass, let place):
            out.add(level, numberClass, place)
        case .levelUnknown(let level): out.add(level)
        case .locked(let number, let level): out.add(number, level)
        case .incomingAllows(let number, let level, let place): out.add(number, level, place)
        case .incomingRefuses(let number, let level, let place): out.add(number, level, place)
        case .incomingUnknown(let number, let level), .onRightsOf(let number, let level):
            out.add(number, level)
        case .groupAllows(let number, let group, let place),
            .groupRefuses(let number, let group, let place):
            out.add(number, group, place)
        case .rulePassed(let rule, let why, let place): out.add(rule, why, place)
        case .ruleRefuses(let rule, let text, let place): out.add(rule, text, place)
        case .ruleLimits(let rule, let milliseconds, let place): out.add(rule, milliseconds, place)
        case .ruleAllows(let rule, let place), .ruleAsksPIN(let rule, let place):
            out.add(rule, place)
        case .pin(let answer): out.add(answer)
        case .diverted(let target, let forwarder): out.add(target, forwarder)
        case .forwardsAlways(let number, let target): out.add(number, target)
        case .transferred(let number, let party): out.add(number, party)
        case .feature(let feature, let action, let code, let place):
            out.add(feature.rawValue, action.rawValue, code, place)
        case .recalled(let feature, let entry, let number):
            out.add(feature.rawValue, entry, number)
        case .pickup(let right, let number, let picker): out.add(number, picker, right)
        case .replaces(let taker, let number, let isRinging): out.add(taker, number, isRinging)
        case .group(let name, let place): out.add(name, place)
        case .memberPassed(let number, let group, let why): out.add(number, group, why)
        case .inbound(let trunk, let pattern, let place): out.add(trunk, pattern, place)
        case .target(let target, let passed, let place): out.add(target, passed, place)
        case .fallback(let number, let occasion, let target, let place):
            out.add(number, occasion.rawValue, target, place)
        case .alternative(let choice, let place): out.add(choice, place)
        case .ordered(let ordering, let ways): out.add(ordering.rawValue, ways)
        case .withoutLine(let caller, let place): out.add(caller, place)
        case .wayForbidden(let way, let group, let place): out.add(way, group, place)
        case .wayClosed(let way, let hours, let isOpen, let place):
            out.add(way, hours, isOpen, place)
        case .wish(let number, let isGranted, let group): out.add(number, isGranted, group)
        case .wishGranted(let number, let extensionNumber, let place):
            out.add(number, extensionNumber, place)
        case .noRoute(let numberClass): out.add(numberClass)
        }
    }

    /// As a record keeps it; `init(stored:)` reads it back.
    public var stored: String {
        var text = FactText(code)
        write(to: &text)
        return String(decoding: text.bytes, as: UTF8.self)
    }

    /// Nil for what is no step of this version, such as a sentence.
    public init?(stored: String) {
        let parts = stored.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        guard parts.count > 1 else { return nil }
        var facts = Facts(parts[1...])
        guard let step = Step(code: parts[0], &facts), facts.isAtEnd else { return nil }
        self = step
    }

    private init?(code: String, _ facts: inout Facts) {
        switch code {
        case "dialled": self = .dialled(facts.text(), by: facts.caller())
        case "cleaned": self = .cleaned(from: facts.text(), to: facts.text())
        case "rewritten":
            self = .rewritten(
                from: facts.text(), to: facts.text(), pattern: facts.text(), place: facts.place())
        case "short-code":
            self = .shortCode(facts.text(), to: facts.text(), place: facts.place())
        case "unreadable": self = .unreadable(facts.text(), facts.value(or: .empty))
        case "emergency": self = .emergency(facts.text())
        case "extension": self = .extension(facts.text(), place: facts.place())
        case "line": self = .line(facts.text(), rings: facts.text(), place: facts.place())
        case "classified":
            self = .classified(
                facts.text(), class: facts.text(), pattern: facts.text(), place: facts.place())
        case "unclassified": self = .unclassified(facts.text())
        case "level-allows":
            self = .levelAllows(
                level: facts.text(), class: facts.text(), through: facts.text(),
                place: facts.place())
        case "level-refuses":
            self = .levelRefuses(level: facts.text(), class: facts.text(), place: facts.place())
        case "level-unknown": self = .levelUnknown(level: facts.text())
        case "locked": self = .locked(facts.text(), level: facts.optional())
        case "incoming-allows":
            self = .incomingAllows(
                facts.text(), level: facts.optional(), place: facts.optionalPlace())
        case "incoming-refuses":
            self = .incomingRefuses(facts.text(), level: facts.text(), place: facts.place())
        case "incoming-unknown": self = .incomingUnknown(facts.text(), level: facts.text())
        case "group-allows":
            self = .groupAllows(facts.text(), group: facts.text(), place: facts.place())
        case "group-refuses":
            self = .groupRefuses(facts.text(), group: facts.text(), place: facts.place())
        case "rule-passed":
            self = .rulePassed(
                facts.text(), because: facts.pass() ?? .number, place: facts.place())
        case "rule-refuses":
            self = .ruleRefuses(facts.text(), text: facts.optional(), place: facts.place())
        case "rule-limits":
            self = .ruleLimits(facts.text(), milliseconds: facts.number(), place: facts.place())
        case "rule-allows": self = .ruleAllows(facts.text(), place: facts.place())
        case "rule-asks-pin": self = .ruleAsksPIN(facts.text(), place: facts.place())
        case "pin": self = .pin(facts.pinAnswer())
        case "pin-missing": self = .pinMissing(facts.text())
        case "on-rights-of": self = .onRightsOf(facts.text(), level: facts.text())
        case "diverted": self = .diverted(to: facts.target(), by: facts.optional())
        case "transferred": self = .transferred(by: facts.text(), party: facts.text())
        case "forwards-always": self = .forwardsAlways(facts.text(), to: facts.text())
        case "forwarded-too-often": self = .forwardedTooOften(by: facts.text())
        case "do-not-disturb": self = .doNotDisturb(facts.text())
        case "feature":
            self = .feature(
                facts.value(or: .balance), facts.value(or: .use), code: facts.text(),
                place: facts.place())
        case "recalled":
            self = .recalled(
                facts.value(or: .redial), entry: facts.optional(), number: facts.optional())
        case "pickup":
            let (number, picker) = (facts.text(), facts.text())
            self = .pickup(facts.right(), at: number, by: picker)
        case "replaces":
            self = .replaces(
                by: facts.text(), of: facts.optional(), isRinging: facts.flag())
        case "group": self = .group(facts.text(), place: facts.place())
        case "member-passed":
            self = .memberPassed(
                facts.text(), group: facts.text(), because: facts.pass() ?? .doNotDisturb)
        case "inbound":
            self = .inbound(trunk: facts.text(), pattern: facts.optional(), place: facts.place())
        case "target":
            self = .target(facts.target(), passed: facts.pass(), place: facts.place())
        case "fallback":
            self = .fallback(
                facts.text(), facts.value(or: .busy), facts.target(),
                place: facts.optionalPlace())
        case "alternative":
            self = .alternative(facts.choice(), place: facts.optionalPlace())
        case "ordered":
            guard let ordering = Ordering(rawValue: facts.text()) else { return nil }
            self = .ordered(ordering, facts.text())
        case "without-line": self = .withoutLine(facts.text(), place: facts.place())
        case "way-forbidden":
            self = .wayForbidden(facts.text(), group: facts.text(), place: facts.place())
        case "way-closed":
            self = .wayClosed(
                facts.text(), hours: facts.text(), isOpen: facts.flag(), place: facts.place())
        case "wish":
            self = .wish(facts.text(), isGranted: facts.flag(), group: facts.optional())
        case "wish-granted":
            self = .wishGranted(facts.text(), to: facts.text(), place: facts.optionalPlace())
        case "no-route": self = .noRoute(class: facts.text())
        case "inside-only": self = .insideOnly(facts.text())
        default: return nil
        }
    }
}

// MARK: - Writing

/// A step's word and its facts, a tab before each: written for every call, so in one buffer.
private struct FactText {
    private(set) var bytes: [UInt8] = []

    init(_ code: String) {
        bytes.reserveCapacity(96)
        bytes.append(contentsOf: code.utf8)
    }

    // Not one function of any number of facts: those are not specialised, which takes twice the time.
    @inline(__always)
    mutating func add<A: Fact>(_ a: A) { a.write(to: &self) }

    @inline(__always)
    mutating func add<A: Fact, B: Fact>(_ a: A, _ b: B) {
        a.write(to: &self)
        b.write(to: &self)
    }

    @inline(__always)
    mutating func add<A: Fact, B: Fact, C: Fact>(_ a: A, _ b: B, _ c: C) {
        add(a, b)
        c.write(to: &self)
    }

    @inline(__always)
    mutating func add<A: Fact, B: Fact, C: Fact, D: Fact>(_ a: A, _ b: B, _ c: C, _ d: D) {
        add(a, b, c)
        d.write(to: &self)
    }

    /// - Parameter isOptional: a sign goes in front, since an empty text would be none.
    mutating func add(text: String, isOptional: Bool = false) {
        let tab = UInt8(ascii: "\t")
        bytes.append(tab)
        if isOptional { bytes.append(UInt8(ascii: "=")) }
        let first = bytes.count
        var text = text
        text.withUTF8 { bytes.append(contentsOf: $0) }
        for place in first..<bytes.count where bytes[place] == tab {
            bytes[place] = UInt8(ascii: " ")
        }
    }
}

/// What a step says, as a fixed number of fields.
private protocol Fact {
    func write(to out: inout FactText)
}

/// What a step may say nothing of; then its fields are empty.
private protocol OptionalFact: Fact {
    static var fieldCount: Int { get }
    func writePresent(to out: inout FactText)
}

extension OptionalFact {
    func writePresent(to out: inout FactText) { write(to: &out) }
}

extension Optional: Fact where Wrapped: OptionalFact {
    fileprivate func write(to out: inout FactText) {
        guard let self else {
            for _ in 0..<Wrapped.fieldCount { out.add(text: "") }
            return
        }
        self.writePresent(to: &out)
    }
}

extension String: OptionalFact {
    fileprivate static var fieldCount: Int { 1 }
    fileprivate func write(to out: inout FactText) { out.add(text: self) }
    fileprivate func writePresent(to out: inout FactText) {
        out.add(text: self, isOptional: true)
    }
}

extension Int64: Fact {
    fileprivate func write(to out: inout FactText) { out.add(text: String(self)) }
}

extension Bool: Fact {
    fileprivate func write(to out: inout FactText) { out.add(text: self ? "1" : "0") }
}

extension Place: OptionalFact {
    fileprivate static var fieldCount: Int { 2 }
    fileprivate func write(to out: inout FactText) { out.add(file, Int64(line)) }
}

extension PickupRight: Fact {
    fileprivate func write(to out: inout FactText) {
        switch self {
        case .own: out.add("own", "", Place?.none)
        case .common(let group, let place): out.add("common", group, place)
        case .granted(let group, let place): out.add("granted", group, place)
        case .none: out.add("none", "", Place?.none)
        }
    }
}

extension Caller: Fact {
    fileprivate func write(to out: inout FactText) {
        switch self {
        case .extension(let number, let level): out.add("extension", number, level)
        case .line(let number): out.add("line", number, "")
        case .trunk(let name): out.add("trunk", name, "")
        }
    }
}

extension Step.Pass: OptionalFact {
    fileprivate static var fieldCount: Int { 3 }
    fileprivate func write(to out: inout FactText) {
        switch self {
        case .caller: out.add("caller", "", "")
        case .number: out.add("number", "", "")
        case .excepted: out.add("excepted", "", "")
        case .hours(let name, let isOpen): out.add("hours", name, isOpen)
        case .pinGiven: out.add("pin-given", "", "")
        case .doNotDisturb: out.add("do-not-disturb", "", "")
        case .incoming(let level): out.add("incoming", level, "")
        }
    }
}

extension PINAnswer: Fact {
    fileprivate func write(to out: inout FactText) {
        switch self {
        case .notAsked: out.add("not-asked", "")
        case .verified(let number): out.add("verified", number)
        case .wrong(let number): out.add("wrong", number)
        case .lockedOut(let number): out.add("locked-out", number)
        }
    }
}

extension Target: Fact {
    fileprivate func write(to out: inout FactText) {
        switch self {
        case .extension(let number): out.add("extension", number, "")
        case .group(let name): out.add("group", name, "")
        case .number(let number, let payer): out.add("number", number, payer)
        case .trunk(let name): out.add("trunk", name, "")
        case .busy: out.add("busy", "", "")
        }
    }
}

extension RouteChoice: Fact {
    fileprivate func write(to out: inout FactText) {
        switch via {
        case .line(let number): out.add("line", number)
        case .lines(let name): out.add("lines", name)
        case .trunk(let name): out.add("trunk", name)
        }
        out.add(number, presented, down, Int64(stage))
        switch selection {
        case .inOrder: out.add("order")
        case .leastCost: out.add("cost")
        case .share(let weight): out.add(Int64(weight))
        }
    }
}

// MARK: - Reading

/// The facts of a step one after the other. What is missing or wrong makes the whole unreadable.
private struct Facts {
    private var rest: ArraySlice<String>
    private var isWrong = false

    init(_ facts: ArraySlice<String>) { rest = facts }

    var isAtEnd: Bool { rest.isEmpty && !isWrong }

    mutating func text() -> String {
        guard let first = rest.popFirst() else {
            isWrong = true
            return ""
        }
        return first
    }

    mutating func optional() -> String? {
        let text = text()
        if text.isEmpty { return nil }
        if !text.hasPrefix("=") { isWrong = true }
        return String(text.dropFirst())
    }

    mutating func number() -> Int64 {
        guard let number = Int64(text()) else {
            isWrong = true
            return 0
        }
        return number
    }

    mutating func flag() -> Bool {
        let text = text()
        if text != "0", text != "1" { isWrong = true }
        return text == "1"
    }

    mutating func value<Value: RawRepresentable<String>>(or other: Value) -> Value {
        guard let value = Value(rawValue: text()) else {
            isWrong = true
            return other
        }
        return value
    }

    mutating func place() -> Place { Place(file: text(), line: Int(clamping: number())) }

    mutating func right() -> PickupRight {
        let (kind, group, place) = (text(), text(), optionalPlace())
        switch (kind, place) {
        case ("own", nil): return .own
        case ("none", nil): return .none
        case ("common", let place?): return .common(group: group, place: place)
        case ("granted", let place?): return .granted(group: group, place: place)
        default:
            isWrong = true
            return .none
        }
    }

    mutating func optionalPlace() -> Place? {
        let (file, line) = (text(), text())
        if file.isEmpty, line.isEmpty { return nil }
        guard let line = Int(line) else {
            isWrong = true
            return nil
        }
        return Place(file: file, line: line)
    }

    mutating func caller() -> Caller {
        let (kind, name, level) = (text(), text(), text())
        switch kind {
        case "extension": return .extension(name, level: level)
        case "line": return .line(name)
        case "trunk": return .trunk(name)
        default:
            isWrong = true
            return .line(name)
        }
    }

    mutating func pass() -> Step.Pass? {
        let (kind, name, flag) = (text(), text(), text())
        switch kind {
        case "": return nil
        case "caller": return .caller
        case "number": return .number
        case "excepted": return .excepted
        case "hours": return .hours(name, isOpen: flag == "1")
        case "pin-given": return .pinGiven
        case "do-not-disturb": return .doNotDisturb
        case "incoming": return .incoming(level: name)
        default:
            isWrong = true
            return nil
        }
    }

    mutating func pinAnswer() -> PINAnswer {
        let (kind, number) = (text(), text())
        switch kind {
        case "not-asked": return .notAsked
        case "verified": return .verified(extension: number)
        case "wrong": return .wrong(extension: number)
        case "locked-out": return .lockedOut(extension: number)
        default:
            isWrong = true
            return .notAsked
        }
    }

    mutating func target() -> Target {
        let (kind, name, payer) = (text(), text(), text())
        switch kind {
        case "extension": return .extension(name)
        case "group": return .group(name)
        case "number": return .number(name, as: payer)
        case "trunk": return .trunk(name)
        case "busy": return .busy
        default:
            isWrong = true
            return .busy
        }
    }

    mutating func choice() -> RouteChoice {
        let (kind, name) = (text(), text())
        let via: RouteChoice.Via
        switch kind {
        case "line": via = .line(name)
        case "lines": via = .lines(name)
        case "trunk": via = .trunk(name)
        default:
            isWrong = true
            via = .trunk(name)
        }
        var choice = RouteChoice(via: via, number: text(), presented: optional(), down: flag())
        choice.stage = Int(clamping: number())
        let selection = text()
        switch selection {
        case "order": choice.selection = .inOrder
        case "cost": choice.selection = .leastCost
        default:
            guard let weight = Int(selection) else {
                isWrong = true
                return choice
            }
            choice.selection = .share(weight: weight)
        }
        return choice
    }
}
