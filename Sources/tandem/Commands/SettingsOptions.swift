import ArgumentParser
import Switching

/// What a subscriber can set for itself from the phone, as options of `tandem extension set`.
struct SettingsOptions: ParsableArguments {
    enum Toggle: String, ExpressibleByArgument, CaseIterable { case on, off }

    @Option(help: "Its PIN; ends a lock-out.") var pin: String?
    @Option(help: "Who may ring it: an incoming level of the dialplan.")
    var incomingLevel: String?
    @Option(help: "Where every call goes.") var forwardAlways: String?
    @Option(help: "Where a call goes when it is busy.") var forwardBusy: String?
    @Option(help: "Where a call goes when nobody answers.") var forwardNoAnswer: String?
    @Option(help: "Where a call goes when no phone is registered.")
    var forwardUnregistered: String?
    @Option(help: "Numbers and ranges that its phone may ask to present, with commas between them.")
    var presents: String?
    @Option(help: "Refuse every call.") var doNotDisturb: Toggle?
    @Option(help: "Let a second call knock while it is in a first.") var callWaiting: Toggle?
    @Option(help: "Lock the phone.") var lock: Toggle?
    @Option(
        help: ArgumentHelp(
            "Store a speed dial entry; may be repeated. An entry without a number is erased.",
            valueName: "entry=number"))
    var speedDial: [String] = []

    var isEmpty: Bool {
        let texts = [
            pin, incomingLevel, forwardAlways, forwardBusy, forwardNoAnswer, forwardUnregistered,
            presents,
        ]
        return texts.allSatisfy { $0 == nil } && doNotDisturb == nil && lock == nil
            && callWaiting == nil && speedDial.isEmpty
    }

    func change() throws -> SettingsChange {
        var change = SettingsChange()
        change.pin = Self.value(pin)
        change.incomingLevel = Self.value(incomingLevel)
        change.forwardAlways = Self.value(forwardAlways)
        change.forwardBusy = Self.value(forwardBusy)
        change.forwardNoAnswer = Self.value(forwardNoAnswer)
        change.forwardUnregistered = Self.value(forwardUnregistered)
        change.presents = Self.value(presents)
        change.doNotDisturb = doNotDisturb.map { $0 == .on }
        change.callWaiting = callWaiting.map { $0 == .on }
        change.isLocked = lock.map { $0 == .on }
        for text in speedDial {
            let parts = text.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                throw ValidationError("--speed-dial is entry=number, such as 1=02088886666")
            }
            change.speedDial = change.speedDial ?? [:]
            change.speedDial?[String(parts[0])] = String(parts[1])
        }
        return change
    }

    /// `-` takes a value away.
    private static func value(_ text: String?) -> String? { text == "-" ? "" : text }
}

/// A limit of calls one way: a number, or `-` to take it away.
struct CallLimitOption: ExpressibleByArgument {
    let setting: Setting<Int>

    init?(argument: String) {
        if argument == "-" {
            setting = .cleared
            return
        }
        guard let limit = Int(argument) else { return nil }
        setting = .set(limit)
    }
}
