import SIP

/// Digits that a caller keys in during a call, such as a PIN, until they are complete.
///
///     collecting --key--> collecting --enough, # or a pause--> collected
///         |                    |
///         +---- no first key, or too few ----> gaveUp
///
/// `#` ends the entry, `*` begins it anew. It hears nothing itself: keys come from INFO requests
/// (`KeyPress`) or from RFC 4733 events, whoever has them.
struct DigitCollection: Sendable {
    enum Action: Equatable, Sendable {
        /// Wait for more, until `deadline`.
        case wait
        case collected(String)
        case gaveUp(Reason)
    }

    enum Reason: Equatable, Sendable {
        case nothingKeyed
        case tooFew
    }

    private enum State: Sendable {
        case collecting
        case ended
    }

    struct Timing: Sendable {
        var firstKey: Instant.Span = .seconds(10)
        var nextKey: Instant.Span = .seconds(5)
        /// For the whole entry, however often it is begun anew.
        var whole: Instant.Span = .seconds(30)
    }

    private var state = State.collecting
    private let lengths: ClosedRange<Int>
    private let timing: Timing
    private let end: Instant
    private var digits = ""
    private(set) var deadline: Instant

    /// - Parameter lengths: how many digits it takes; the longest is complete at once.
    init(lengths: ClosedRange<Int>, timing: Timing = Timing(), now: Instant) {
        self.lengths = lengths
        self.timing = timing
        end = now + timing.whole
        deadline = min(now + timing.firstKey, end)
    }

    mutating func keyPressed(_ key: KeyPress, now: Instant) -> Action {
        switch state {
        // A key too many: the call goes on already.
        case .ended: return .wait
        case .collecting: break
        }
        switch key {
        case .digit(let digit): digits.append(Character(Unicode.Scalar(digit)))
        case .star: digits = ""
        case .hash: return finish()
        }
        if digits.utf8.count == lengths.upperBound { return finish() }
        deadline = min(now + (digits.isEmpty ? timing.firstKey : timing.nextKey), end)
        return .wait
    }

    mutating func deadlineReached(now: Instant) -> Action {
        switch state {
        case .ended: return .wait
        case .collecting: return now >= deadline ? finish() : .wait
        }
    }

    private mutating func finish() -> Action {
        state = .ended
        deadline = .distantFuture
        if digits.isEmpty { return .gaveUp(.nothingKeyed) }
        return lengths.contains(digits.utf8.count) ? .collected(digits) : .gaveUp(.tooFew)
    }
}
