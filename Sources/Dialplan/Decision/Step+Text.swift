// The sentences of an explanation in English.

extension Step {
    /// The sentence in English, without a full stop.
    public var text: String {
        switch self {
        case .dialled(let number, .extension(let caller, let level)):
            "\(caller) with level \(level) dialled \(number)"
        case .dialled(_, .line(let line)): "somebody outside calls in on line \(line)"
        case .dialled(let number, .trunk(let trunk)):
            "somebody outside calls \(number) over trunk \(trunk)"
        case .cleaned(let from, let to): "\(from) is read as \(to)"
        case .rewritten(let from, let to, let pattern, let place):
            "\(from) is brought to \(to) by the normalise rule \(pattern) (\(place))"
        case .shortCode(let code, let number, let place):
            "the short code \(code) stands for \(number) (\(place))"
        case .unreadable(let dialled, let why): "\"\(dialled)\" \(why.rawValue)"
        case .emergency(let number):
            "\(number) is an emergency number: it goes out whatever the level, time or balance"
        case .extension(let number, let place): "\(number) is an extension of this site (\(place))"
        case .line(let line, let rings, let place):
            "\(line) is a direct line of this site and rings \(rings) (\(place))"
        case .classified(let number, let numberClass, let pattern, let place):
            "\(number) is of class \(numberClass): the most specific pattern that covers it is "
                + "\(pattern) (\(place))"
        case .unclassified(let number): "no extension, line or class covers \(number)"
        case .levelAllows(let level, let numberClass, let through, let place):
            level == through
                ? "level \(level) may call \(numberClass) (\(place))"
                : "level \(level) may call \(numberClass), as level \(through) may (\(place))"
        case .levelRefuses(let level, let numberClass, let place):
            "level \(level) may not call \(numberClass) (\(place))"
        case .levelUnknown(let level): "there is no level \(level) in this plan"
        case .locked(let number, let level):
            "the phone \(number) is locked: it calls only "
                + (level.map { "what level \($0) may call too" } ?? "inside")
        case .incomingAllows(let number, let level, let place):
            level.map { "the incoming level \($0) of \(number) lets this caller ring" }
                .map { text in place.map { "\(text) (\($0))" } ?? text }
                ?? "\(number) has no incoming level: everybody may ring it"
        case .incomingRefuses(let number, let level, let place):
            "the incoming level \(level) of \(number) does not let this caller ring (\(place))"
        case .incomingUnknown(let number, let level):
            "\(number) has the incoming level \(level), and there is none such in this plan"
        case .groupAllows(let number, let group, let place):
            "group \(group) may call \(number) (\(place))"
        case .groupRefuses(let number, let group, let place):
            "group \(group) may not call \(number) (\(place))"
        case .rulePassed(let rule, let why, let place):
            "rule \(rule) does not apply: \(Self.text(why)) (\(place))"
        case .ruleRefuses(let rule, let text, let place):
            "rule \(rule) refuses the call" + (text.map { ": \($0)" } ?? "") + " (\(place))"
        case .ruleLimits(let rule, let milliseconds, let place):
            "rule \(rule) limits the call to \(milliseconds / 1000) s (\(place))"
        case .ruleAllows(let rule, let place):
            "rule \(rule) lets the call pass, whatever the level says (\(place))"
        case .ruleAsksPIN(let rule, let place): "rule \(rule) asks for the PIN (\(place))"
        case .pin(let answer): Self.text(answer)
        case .pinMissing(let number): "\(number) has no PIN"
        case .onRightsOf(let number, let level):
            "the call is made with the rights of \(number), level \(level), and on its account"
        case .diverted(let target, let forwarder):
            "\(forwarder ?? "the plan") sends the call on to \(target)"
        case .transferred(let number, let party):
            "\(number) transfers its call with \(party): the call is made in its name and on its "
                + "account"
        case .forwardsAlways(let number, let target): "\(number) forwards every call to \(target)"
        case .forwardedTooOften(let number):
            "the call was forwarded too often or in a circle, the last time by \(number)"
        case .doNotDisturb(let number): "\(number) does not want to be disturbed"
        case .feature(let feature, let action, let code, let place):
            "\(code) is the code for \(feature.rawValue)"
                + (action == .use ? "" : " \(action.rawValue)") + " (\(place))"
        case .recalled(let feature, let entry, let number):
            feature.rawValue + (entry.map { " \($0)" } ?? "")
                + (number.map { " stands for \($0)" } ?? " stands for no number yet")
        case .pickup(let right, let number, let picker):
            switch right {
            case .own: "\(picker) may pick up what rings at itself"
            case .common(let group, let place):
                "\(picker) may pick up what rings at \(number): both are in group \(group) (\(place))"
            case .granted(let group, let place):
                "\(picker) may pick up what rings at \(number): group \(group) picks it up (\(place))"
            case .none:
                "\(picker) may not pick up what rings at \(number): they have no group in common"
            }
        case .replaces(let taker, let number, let isRinging):
            if let number {
                "\(taker) asks by Replaces for the call "
                    + (isRinging ? "that rings at \(number)" : "that \(number) talks in")
            } else {
                "\(taker) asks by Replaces for a call that is not there"
            }
        case .group(let name, let place): "ring group \(name) (\(place))"
        case .memberPassed(let number, let group, let why):
            "\(number) of group \(group) is not rung: \(Self.text(why))"
        case .inbound(let trunk, let pattern, let place):
            "trunk \(trunk) has an inbound route for \(pattern ?? "all other numbers") (\(place))"
        case .target(let target, let passed, let place):
            "to \(target): "
                + (passed.map { "passed over, since \(Self.text($0))" } ?? "taken") + " (\(place))"
        case .fallback(let number, let occasion, let target, let place):
            "when \(number) is \(occasion.rawValue), the call goes to \(target)"
                + (place.map { " (\($0))" } ?? ", as its user has set")
        case .wayForbidden(let way, let group, let place):
            "group \(group) may not use \(way), so this way is passed over (\(place))"
        case .wayClosed(let way, let hours, let isOpen, let place):
            "it is \(isOpen ? "within" : "outside") the hours \(hours), so \(way) is passed over "
                + "(\(place))"
        case .wish(let number, let isGranted, let group):
            "the phone asks to present \(number), which "
                + (group.map { "group \($0)" } ?? "no group of it")
                + (isGranted ? " may" : group == nil ? " allows" : " may not")
        case .wishGranted(let number, let extensionNumber, let place):
            "the phone asks to present \(number), which \(extensionNumber) may"
                + (place.map { " (\($0))" } ?? ", as is set for it")
        case .alternative(let choice, let place): Self.text(choice, place)
        case .ordered(.cost, let ways): "the cheapest for three minutes goes first: \(ways)"
        case .ordered(.drawn, let ways): "drawn by share, they are tried in this order: \(ways)"
        case .ordered(.share, let ways): "each call draws by share which goes first: \(ways)"
        case .withoutLine(let caller, let place):
            "\(caller) has no direct line of its own, so this way is passed over (\(place))"
        case .noRoute(let numberClass): "no route carries class \(numberClass)"
        case .insideOnly(let number):
            "\(number) is no extension and no direct line, and a caller from outside reaches "
                + "nothing else"
        }
    }

    private static func text(_ why: Pass) -> String {
        switch why {
        case .caller: "it is about other callers"
        case .number: "it is about other numbers"
        case .excepted: "it leaves this number out"
        case .hours(let name, let isOpen):
            "it is \(isOpen ? "within" : "outside") the hours \(name)"
        case .pinGiven: "the PIN has been given"
        case .doNotDisturb: "it does not want to be disturbed"
        case .incoming(let level): "its incoming level \(level) does not let this caller ring"
        }
    }

    private static func text(_ answer: PINAnswer) -> String {
        switch answer {
        case .notAsked: "no PIN has been asked for"
        case .verified(let number): "the PIN of \(number) is right"
        case .wrong(let number): "the PIN of \(number) is wrong"
        case .lockedOut(let number):
            "no PIN of \(number) is looked at for a while: too many were wrong"
        }
    }

    private static func text(_ choice: RouteChoice, _ place: Place?) -> String {
        var text = "via \(choice.via): send \(choice.number)"
        if let presented = choice.presented { text += ", present \(presented)" }
        text += choice.down ? ", known to be down" : ", working as far as known"
        if let place { text += " (\(place))" }
        return text
    }
}
