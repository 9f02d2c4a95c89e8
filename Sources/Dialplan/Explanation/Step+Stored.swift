// Steps as records keep them: the facts and not the sentence, so that a past call can be explained in
// every language. One line for each: the step's word and its facts, parted by tabs.

extension Step {
    /// The word of the step and its facts.
    public var facts: [String] {
        switch self {
        case .dialled(let number, let caller): [number] + caller.facts
        case .cleaned(let from, let to): [from, to]
        case .rewritten(let from, let to, let pattern, let place):
            [from, to, pattern] + place.facts
        case .shortCode(let code, let number, let place): [code, number] + place.facts
        case .unreadable(let dialled, let why): [dialled, why.rawValue]
        case .emergency(let number), .unclassified(let number), .pinMissing(let number),
            .forwardedTooOften(let number), .doNotDisturb(let number), .insideOnly(let number):
            [number]
        case .extension(let number, let place): [number] + place.facts
        case .line(let line, let rings, let place): [line, rings] + place.facts
        case .classified(let number, let numberClass, let pattern, let place):
            [number, numberClass, pattern] + place.facts
        case .levelAllows(let level, let numberClass, let through, let place):
            [level, numberClass, through] + place.facts
        case .levelRefuses(let level, let numberClass, let place):
            [level, numberClass] + place.facts
        case .levelUnknown(let level): [level]
        case .locked(let number, let level): [number, level.fact]
        case .incomingAllows(let number, let level, let place):
            [number, level.fact] + place.facts
        case .incomingRefuses(let number, let level, let place): [number, level] + place.facts
        case .incomingUnknown(let number, let level), .onRightsOf(let number, let level):
            [number, level]
        case .groupAllows(let number, let group, let place),
            .groupRefuses(let number, let group, let place):
            [number, group] + place.facts
        case .rulePassed(let rule, let why, let place): [rule] + why.facts + place.facts
        case .ruleRefuses(let rule, let text, let place): [rule, text.fact] + place.facts
        case .ruleLimits(let rule, let milliseconds, let place):
            [rule, String(milliseconds)] + place.facts
        case .ruleAllows(let rule, let place), .ruleAsksPIN(let rule, let place):
            [rule] + place.facts
        case .pin(let answer): answer.facts
        case .diverted(let target, let forwarder): target.facts + [forwarder.fact]
        case .forwardsAlways(let number, let target): [number, target]
        case .transferred(let number, let party): [number, party]
        case .feature(let feature, let action, let code, let place):
            [feature.rawValue, action.rawValue, code] + place.facts
        case .recalled(let feature, let entry, let number):
            [feature.rawValue, entry.fact, number.fact]
        case .pickup(let right, let number, let picker): [number, picker] + right.facts
        case .replaces(let taker, let number, let isRinging):
            [taker, number.fact, isRinging.fact]
        case .group(let name, let place): [name] + place.facts
        case .memberPassed(let number, let group, let why): [number, group] + why.facts
        case .inbound(let trunk, let pattern, let place): [trunk, pattern.fact] + place.facts
        case .target(let target, let passed, let place):
            target.facts + (passed?.facts ?? Pass.noFacts) + place.facts
        case .fallback(let number, let occasion, let target, let place):
            [number, occasion.rawValue] + target.facts + place.facts
        case .alternative(let choice, let place): choice.facts + place.facts
        case .withoutLine(let caller, let place): [caller] + place.facts
        case .wayForbidden(let way, let group, let place): [way, group] + place.facts
        case .wayClosed(let way, let hours, let isOpen, let place):
            [way, hours, isOpen.fact] + place.facts
        case .wish(let number, let isGranted, let group): [number, isGranted.fact, group.fact]
        case .wishGranted(let number, let extensionNumber, let place):
            [number, extensionNumber] + place.facts
        case .noRoute(let numberClass): [numberClass]
        }
    }

    /// As a record keeps it; `init(stored:)` reads it back.
    public var stored: String {
        let tab = UInt8(ascii: "\t")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(96)
        bytes.append(contentsOf: code.utf8)
        for fact in facts {
            bytes.append(tab)
            let first = bytes.count
            bytes.append(contentsOf: fact.utf8)
            for place in first..<bytes.count where bytes[place] == tab {
                bytes[place] = UInt8(ascii: " ")
            }
        }
        return String(decoding: bytes, as: UTF8.self)
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

extension String? {
    /// Empty for none, so what is there has a sign in front.
    fileprivate var fact: String { map { "=" + $0 } ?? "" }
}

extension Bool {
    fileprivate var fact: String { self ? "1" : "0" }
}

extension Place {
    fileprivate var facts: [String] { [file, String(line)] }
}

extension Place? {
    fileprivate var facts: [String] { self?.facts ?? ["", ""] }
}

extension PickupRight {
    fileprivate var facts: [String] {
        switch self {
        case .own: ["own", "", "", ""]
        case .common(let group, let place): ["common", group] + place.facts
        case .granted(let group, let place): ["granted", group] + place.facts
        case .none: ["none", "", "", ""]
        }
    }
}

extension Caller {
    fileprivate var facts: [String] {
        switch self {
        case .extension(let number, let level): ["extension", number, level]
        case .line(let number): ["line", number, ""]
        case .trunk(let name): ["trunk", name, ""]
        }
    }
}

extension Step.Pass {
    fileprivate static let noFacts = ["", "", ""]

    fileprivate var facts: [String] {
        switch self {
        case .caller: ["caller", "", ""]
        case .number: ["number", "", ""]
        case .excepted: ["excepted", "", ""]
        case .hours(let name, let isOpen): ["hours", name, isOpen.fact]
        case .pinGiven: ["pin-given", "", ""]
        case .doNotDisturb: ["do-not-disturb", "", ""]
        case .incoming(let level): ["incoming", level, ""]
        }
    }
}

extension PINAnswer {
    fileprivate var facts: [String] {
        switch self {
        case .notAsked: ["not-asked", ""]
        case .verified(let number): ["verified", number]
        case .wrong(let number): ["wrong", number]
        case .lockedOut(let number): ["locked-out", number]
        }
    }
}

extension Target {
    fileprivate var facts: [String] {
        switch self {
        case .extension(let number): ["extension", number, ""]
        case .group(let name): ["group", name, ""]
        case .number(let number, let payer): ["number", number, payer]
        case .trunk(let name): ["trunk", name, ""]
        case .busy: ["busy", "", ""]
        }
    }
}

extension RouteChoice {
    fileprivate var facts: [String] {
        let via =
            switch via {
            case .line(let number): ["line", number]
            case .lines(let name): ["lines", name]
            case .trunk(let name): ["trunk", name]
            }
        let selection =
            switch selection {
            case .inOrder: "order"
            case .leastCost: "cost"
            case .share(let weight): String(weight)
            }
        return via + [number, presented.fact, down.fact, String(stage), selection]
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
