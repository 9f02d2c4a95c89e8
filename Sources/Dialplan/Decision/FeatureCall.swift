/// What a feature code does.
public enum Feature: String, Hashable, Sendable, CaseIterable {
    case forwardAlways = "forward-always"
    case forwardBusy = "forward-busy"
    case forwardNoAnswer = "forward-no-answer"
    case forwardUnregistered = "forward-unregistered"
    case doNotDisturb = "do-not-disturb"
    /// Locks the phone, and unlocks it by its PIN.
    case lock
    /// Answers a call that rings in one of the caller's groups.
    case pickup
    /// Answers a call that rings at one extension.
    case pickupExtension = "pickup-extension"
    /// Calls with the rights and on the account of whose PIN it is.
    case callByPIN = "call-by-pin"
    case balance
    case redeem
    case park
    case retrieve
    case redial
    case speedDial = "speed-dial"
    /// Whether a second call knocks while the phone is in a first.
    case callWaiting = "call-waiting"
}

/// A feature that a caller asked for by its code.
///
/// Calls by PIN, redial and speed dial are calls like any other and are decided as such; storing and
/// erasing a speed dial entry is a feature.
public struct FeatureCall: Hashable, Sendable {
    public var feature: Feature
    public var action: Action
    /// Who asked: whose settings change, whose balance is read.
    public var `extension`: String
    /// The forwarding's or the entry's number as it was dialled; the extension to pick up.
    public var number: String?
    /// The voucher, the place to park, the speed dial entry.
    public var code: String?
    /// For a pickup: the groups whose ringing calls may be answered, in the order of the plan.
    public var groups: [String]

    public enum Action: String, Hashable, Sendable, CaseIterable {
        case on, off
        /// For features that are used and not switched.
        case use
    }

    public init(
        feature: Feature, action: Action, extension: String, number: String? = nil,
        code: String? = nil, groups: [String] = []
    ) {
        self.feature = feature
        self.action = action
        self.extension = `extension`
        self.number = number
        self.code = code
        self.groups = groups
    }
}
