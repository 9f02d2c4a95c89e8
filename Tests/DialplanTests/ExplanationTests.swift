@testable import Dialplan
import Testing

/// Both catalogues, and steps as records keep them.
@Suite struct ExplanationTests {
    private static let place = Place(file: "p.dialplan", line: 12)

    /// The sample that follows one of its kind; a step that is added without one does not compile.
    private static func index(of step: Step) -> Int {
        switch step {
        case .dialled: 0
        case .cleaned: 1
        case .rewritten: 2
        case .shortCode: 3
        case .unreadable: 4
        case .emergency: 5
        case .extension: 6
        case .line: 7
        case .classified: 8
        case .unclassified: 9
        case .levelAllows: 10
        case .levelRefuses: 11
        case .levelUnknown: 12
        case .locked: 13
        case .incomingAllows: 14
        case .incomingRefuses: 15
        case .incomingUnknown: 16
        case .groupAllows: 17
        case .groupRefuses: 18
        case .rulePassed: 19
        case .ruleRefuses: 20
        case .ruleLimits: 21
        case .ruleAllows: 22
        case .ruleAsksPIN: 23
        case .pin: 24
        case .pinMissing: 25
        case .onRightsOf: 26
        case .diverted: 27
        case .forwardsAlways: 28
        case .forwardedTooOften: 29
        case .doNotDisturb: 30
        case .feature: 31
        case .recalled: 32
        case .group: 33
        case .memberPassed: 34
        case .inbound: 35
        case .target: 36
        case .fallback: 37
        case .alternative: 38
        case .withoutLine: 39
        case .wayForbidden: 40
        case .wayClosed: 41
        case .wish: 42
        case .noRoute: 43
        case .insideOnly: 44
        case .transferred: 45
        case .wishGranted: 46
        case .pickup: 47
        case .replaces: 48
        case .ordered: 49
        }
    }

    private static var choices: [RouteChoice] {
        var shared = RouteChoice(via: .lines("front"), number: "1", presented: nil, down: true)
        shared.stage = 2
        shared.selection = .share(weight: 3)
        var cheapest = RouteChoice(via: .trunk("ip-e1"), number: "+862", presented: "", down: false)
        cheapest.selection = .leastCost
        return [
            RouteChoice(via: .line("66778100"), number: "2", presented: "66778100", down: false),
            shared, cheapest,
        ]
    }

    private static let passes: [Step.Pass] = [
        .caller, .number, .excepted, .hours("office", isOpen: true),
        .hours("office", isOpen: false),
        .pinGiven, .doNotDisturb, .incoming(level: "house"),
    ]

    private static let targets: [Target] = [
        .extension("8003"), .group("reception"), .number("0208", as: "8000"), .trunk("voicemail"),
        .busy,
    ]

    static var samples: [Step] {
        var steps: [Step] = [
            .dialled("0208", by: .extension("8100", level: "city")),
            .dialled("66778100", by: .line("66778100")), .dialled("8100", by: .trunk("pstn")),
            .cleaned(from: "+86", to: "0086"),
            .rewritten(from: "0311", to: "1", pattern: "0311X.", place: place),
            .shortCode("*901", to: "0208", place: place), .emergency("110"),
            .extension("8100", place: place), .line("66778100", rings: "8100", place: place),
            .classified("0208", class: "national", pattern: "0[1-9]X.", place: place),
            .unclassified("9"),
            .levelAllows(level: "city", class: "local", through: "city", place: place),
            .levelAllows(level: "world", class: "local", through: "city", place: place),
            .levelRefuses(level: "city", class: "national", place: place),
            .levelUnknown(level: "none"), .locked("8100", level: nil),
            .locked("8100", level: "locked"), .incomingAllows("8100", level: nil, place: nil),
            .incomingAllows("8100", level: "open", place: place),
            .incomingRefuses("8100", level: "house", place: place),
            .incomingUnknown("8100", level: "gone"),
            .groupAllows("8100", group: "sales", place: place),
            .groupRefuses("8100", group: "sales", place: place),
            .ruleRefuses("canteen", text: nil, place: place),
            .ruleRefuses("canteen", text: "", place: place),
            .ruleRefuses("canteen", text: "far calls\tat night", place: place),
            .ruleLimits("lobby", milliseconds: 180_000, place: place),
            .ruleAllows("family", place: place), .ruleAsksPIN("front", place: place),
            .pin(.notAsked), .pin(.verified(extension: "8100")), .pin(.wrong(extension: "8100")),
            .pin(.lockedOut(extension: "8100")), .pinMissing("8100"),
            .onRightsOf("8100", level: "world"), .forwardsAlways("8100", to: "0208"),
            .transferred(by: "8100", party: "0208"),
            .forwardedTooOften(by: "8100"), .doNotDisturb("8100"),
            .recalled(.redial, entry: nil, number: nil),
            .recalled(.speedDial, entry: "3", number: "0208"), .group("reception", place: place),
            .pickup(.own, at: "8100", by: "8100"), .pickup(.none, at: "8100", by: "8101"),
            .pickup(.common(group: "sales", place: place), at: "8100", by: "8101"),
            .pickup(.granted(group: "sales", place: place), at: "8100", by: "8101"),
            .replaces(by: "8100", of: nil, isRinging: false),
            .replaces(by: "8100", of: "8101", isRinging: false),
            .replaces(by: "8100", of: "8101", isRinging: true),
            .inbound(trunk: "ip-e1", pattern: nil, place: place),
            .inbound(trunk: "ip-e1", pattern: "4001234567", place: place),
            .target(.busy, passed: nil, place: place), .withoutLine("8750", place: place),
            .wayForbidden("pstn", group: "sales", place: place),
            .wayClosed("pstn", hours: "night", isOpen: false, place: place),
            .wish("4001234567", isGranted: true, group: "sales"),
            .wish("4001234567", isGranted: false, group: nil), .noRoute(class: "service"),
            .wishGranted("4001234567", to: "8100", place: nil),
            .wishGranted("4001234567", to: "8100", place: place), .insideOnly("0208"),
        ]
        steps += Step.Ordering.allCases.map { .ordered($0, "pstn 0.30, ip-e1 0.90") }
        let whys: [Step.Unreadable] = [.empty, .tooLong, .unknownCharacter, .endless]
        steps += whys.map { .unreadable("a", $0) }
        steps += passes.map { .rulePassed("r", because: $0, place: place) }
        steps += passes.map { .memberPassed("8100", group: "sales", because: $0) }
        steps += passes.map { .target(.busy, passed: $0, place: place) }
        steps += targets.map { .diverted(to: $0, by: nil) }
        steps += targets.map { .diverted(to: $0, by: "8100") }
        steps += targets.flatMap { target in
            Step.Occasion.allCases.map { .fallback("8100", $0, target, place: place) }
        }
        steps += Feature.allCases.flatMap { feature in
            FeatureCall.Action.allCases.map { .feature(feature, $0, code: "*1", place: place) }
        }
        steps += choices.flatMap { choice in
            [Place?.none, place].map { .alternative(choice, place: $0) }
        }
        return steps
    }

    @Test func everyKindOfStepHasASample() {
        #expect(Set(Self.samples.map(Self.index)) == Set(0..<50))
        #expect(Set(Self.samples.map(\.code)).count == 50)
    }

    @Test("every step is told in every language", arguments: ExplanationLanguage.allCases)
    func complete(language: ExplanationLanguage) {
        for step in Self.samples {
            let text = step.text(language)
            #expect(!text.isEmpty && !text.contains("Optional"))
            #expect(!text.hasSuffix(".") && !text.hasSuffix("。"))
            let isChinese = text.unicodeScalars.contains { (0x4e00...0x9fff).contains($0.value) }
            #expect(isChinese == (language == .chinese), "\(text)")
        }
        for code in Refusal.Code.allCases { #expect(!code.text(language).isEmpty) }
    }

    @Test("different steps are told differently", arguments: ExplanationLanguage.allCases)
    func distinct(language: ExplanationLanguage) {
        let steps = Self.samples.filter { step in
            // Selection is not told, and an empty text is told as none.
            if case .ruleRefuses(_, "", _) = step { return false }
            return true
        }
        #expect(Set(steps.map { $0.text(language) }).count >= Set(steps).count - 2)
    }

    @Test func aStoredStepIsReadBack() {
        for step in Self.samples {
            if case .ruleRefuses(_, "far calls\tat night", _) = step {
                #expect(Step(stored: step.stored)?.text.contains("far calls at night") == true)
            } else {
                #expect(Step(stored: step.stored) == step, "\(step.stored)")
            }
            #expect(!step.stored.contains("\n"))
        }
    }

    @Test func whatIsNoStoredStepIsToldAsItStands() {
        for text in [
            "8100 dialled 0208", "", "dialled", "dialled\t", "unheard\tof",
            "rule-limits\tx\ty\tz\t1",
        ] {
            #expect(Step(stored: text) == nil)
            #expect(Step.text(stored: text, .chinese) == text)
        }
    }

    @Test("cut or changed anywhere, a stored step is read or refused, and nothing traps")
    func damaged() {
        for step in Self.samples {
            let bytes = Array(step.stored.utf8)
            for end in bytes.indices {
                let cut = String(decoding: bytes[..<end], as: UTF8.self)
                guard let read = Step(stored: cut) else { continue }
                #expect(Step(stored: read.stored) == read, "\(cut)")
            }
        }
    }

    @Test("a stored step takes less room than its sentence")
    func size() throws {
        let plan = try compiled(sample)
        var (stored, told) = (0, 0)
        for number in ["02088886666", "86035566", "8200", "17909031182291234"] {
            let steps = plan.dialled(number, level: "city").explanation
            stored += steps.reduce(0) { $0 + $1.stored.utf8.count }
            told += steps.reduce(0) { $0 + $1.text.utf8.count }
        }
        #expect(stored < told)
    }
}
