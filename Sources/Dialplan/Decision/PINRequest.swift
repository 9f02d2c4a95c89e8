/// A PIN that a call needs before it can be decided.
///
/// The switch compares the digits with what is stored, counts wrong ones, and asks the plan again with
/// the same query and the answer in `Query.pin`.
public struct PINRequest: Hashable, Sendable {
    /// Whose PIN: the caller's own, or that of the extension on whose rights the call is to be made.
    public var `extension`: String
    /// The PIN as it was dialled in one string with the number; nil when the digits are still to be
    /// collected from the caller.
    public var digits: String?
    /// The rule or the feature that asks.
    public var reason: String

    public init(extension: String, digits: String?, reason: String) {
        self.extension = `extension`
        self.digits = digits
        self.reason = reason
    }
}

/// What became of a PIN.
public enum PINAnswer: Hashable, Sendable {
    /// Nobody has been asked yet.
    case notAsked
    /// It was right.
    case verified(extension: String)
    case wrong(extension: String)
    /// Too many wrong ones: no PIN of this extension is looked at for a while.
    case lockedOut(extension: String)
}

/// The `pin` statement: how PINs are guarded.
public struct PINPolicy: Hashable, Sendable {
    /// How many digits a PIN has.
    public var digits: ClosedRange<Int> = 4...8
    /// Wrong PINs in a row that lock out.
    public var attempts = 3
    /// How long a lock-out lasts, in milliseconds.
    public var lockoutMilliseconds: Int64 = 900_000

    public init() {}
}
