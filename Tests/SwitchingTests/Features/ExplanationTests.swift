import Charging
import Dialplan
import SIP
import Testing

@testable import Switching

/// What explain says is what the call does.
@Suite struct ExplanationTests {
    private struct Dice: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }

    private static let numbers = [
        "8001", "8002", "8003", "8004", "8005", "8009", "8077", "66778002", "031166778004",
        "66770000", "66770001", "66770003", "86035566", "02088886666", "1790902088886666",
        "13812345678", "013812345678", "110", "99", "x", "*21*8002", "*21*02088886666", "#21",
        "*78", "*8", "*8*8004", "*100", "*66", "**1", "*75*1*8002", "*31*8001*4711*02088886666",
        "*31*8001*9999*8002", "*68*1", "#33*4711",
    ]
    private static let targets = ["8002", "8004", "02088886666", "13812345678", "110", "8003"]

    @Test(arguments: 0..<60)
    func whatExplainSaysIsWhatTheCallDoes(seed: Int) throws {
        var dice = Dice(state: UInt64(seed) &* 7919 &+ 1)
        var stored = try Site.stored(balance: Bool.random(using: &dice) ? "100" : "0")
        for number in ["8001", "8002", "8003", "8004", "8005", "8009"] {
            var settings = UserSettings()
            func target() -> String? {
                Int.random(in: 0..<4, using: &dice) == 0
                    ? Self.targets.randomElement(using: &dice) : nil
            }
            settings.forwardAlways = target()
            settings.forwardBusy = target()
            settings.forwardUnregistered = target()
            settings.doNotDisturb = Int.random(in: 0..<6, using: &dice) == 0
            settings.isLocked = Int.random(in: 0..<6, using: &dice) == 0
            settings.incomingLevel = Int.random(in: 0..<6, using: &dice) == 0 ? "inner" : nil
            settings.speedDial = ["1": Self.targets.randomElement(using: &dice) ?? "8002"]
            settings.lastDialled = target()
            settings.pin = Site.pin("4711", of: number)
            stored.userSettings[number] = settings
        }
        var settings = Site.settings()
        var trunk = TrunkSettings(
            name: "voicemail", kind: .sip, endpoint: Site.voicemail, channels: 10)
        trunk.optionsInterval = .zero
        settings.trunks.append(trunk)
        var site = try Site(stored: stored, settings: settings, plan: Site.featurePlan)
        _ = try site.registered("8001", "8002", "8003", "8004", "8005", "8009")

        for turn in 0..<12 {
            let caller = ["8001", "8004", "8005", "8009"].randomElement(using: &dice) ?? "8001"
            let dialled = Self.numbers.randomElement(using: &dice) ?? "8001"
            guard
                case .explanation(let explained) = site.request(
                    .explained(.init(from: caller, dial: dialled)))
            else { throw Unexpected(nil) }
            var phone = Party.phone(caller)
            site.inbox = [:]
            let before = site.records.count
            try phone.call(dialled, at: &site, id: "\(seed)-\(turn)")
            let sent = site.inbox
            try phone.cancel(at: &site)
            // Let whatever rang say that it is over.
            site.pass(.seconds(40))
            let record = try #require(site.records.dropFirst(before).first)
            let said = Self.said(explained)
            #expect(
                Self.done(record, sent, site, asked: explained) == said,
                "\(caller) dials \(dialled): \(explained) and \(record)")
            #expect(record.dialplanVersion == explained.planVersion)
            #expect(explained.numberClass == record.numberClass || !record.attempts.isEmpty)
        }
    }

    /// What explain promises, in one word or number.
    private static func said(_ explained: Explanation) -> String {
        if let status = explained.sipStatus { return "\(status)" }
        let words = explained.outcome.split(separator: " ")
        switch words.first {
        case "ring" where words.count > 2: return "group"
        case "ring": return "ring \(words.last ?? "")"
        case "ask": return "pin"
        case let word?: return String(word)
        case nil: return ""
        }
    }

    /// What the call did, in the same words.
    private static func done(
        _ record: CallRecord, _ sent: [Endpoint: [Message]], _ site: Site, asked: Explanation
    ) -> String {
        if asked.outcome.hasPrefix("ask pin") {
            // The PIN was looked at: the call went on with it, or was refused for it.
            let isAsked = record.words.contains { $0.contains("PIN") }
            let isUnlocked = record.endReason == "The phone is unlocked"
            return isAsked || isUnlocked || record.endReason.contains("PIN") ? "pin" : "no pin"
        }
        switch record.direction {
        case .feature: return "feature"
        case .emergency: return "emergency"
        case .internal, .outbound, .inbound: break
        }
        guard let first = record.attempts.first else { return "\(record.sipStatus ?? 0)" }
        // No way could be paid for.
        if record.sipStatus == 402 { return "402" }
        if asked.outcome.hasPrefix("ring group") {
            return record.words.contains { $0.contains("group") } ? "group" : "no group"
        }
        switch first.kind {
        case .extension: return "ring \(first.route)"
        case .line, .trunk: return "route"
        }
    }
}
