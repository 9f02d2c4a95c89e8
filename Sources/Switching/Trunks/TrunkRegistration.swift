import SIP

/// Our registration at an operator (RFC 3261 §10.2), as the registering side.
///
///                 deadline             200
///     waiting -------------> asking ----------> registered
///        ^                   |  ^                   |
///        +-------------------+  +-------------------+
///          refused, unanswered     refresh is due; what stands, stands until it expires
///
///     any --- the process ends ---> leaving ---> left
///
/// Failures are tried again with a pause that doubles; what an operator refuses for good (403, 404)
/// starts at the longest pause, since repeating it soon gets a site banned.
struct TrunkRegistration: Sendable {
    private enum State: Sendable {
        /// Until the deadline.
        case waiting(until: Instant)
        /// A REGISTER is out.
        case asking
        /// Until the refresh.
        case registered(refresh: Instant)
        /// The last REGISTER is out, which takes our Contact away: the process ends.
        case leaving
        case left
    }

    static let firstPause = Instant.Span.seconds(5)
    static let longestPause = Instant.Span.seconds(300)
    /// In seconds. Whatever an operator grants beyond it, we ask again after a day.
    static let longestGrant = 86_400

    private var state: State
    /// When the operator forgets us; nil while we are not registered.
    private(set) var expiresAt: Instant?
    private var pause = firstPause
    /// What became of the last REGISTER; nil where it was granted.
    private var failure: String?
    /// What we ask for; the operator may want more (423).
    private(set) var seconds: Int
    private(set) var health: ProbeHealth
    let callID: [UInt8]
    let tag: UInt64
    /// In our Contact: a request that carries it comes from this operator (RFC 5626 has it as `ob`
    /// flows; a number nobody can guess does it for UDP).
    let line: UInt64
    private var cseq: UInt32 = 0

    /// - Parameter line: the same after a restart, so that the operator has one Contact of ours.
    init(seconds: Int, line: UInt64, tokens: inout TokenGenerator, now: Instant) {
        self.seconds = seconds
        self.line = line
        state = .waiting(until: now)
        health = ProbeHealth(now: now, reason: "not registered yet")
        callID = tokens.callID()
        tag = tokens.next()
    }

    var isDown: Bool { health.isDown }
    /// Why the last REGISTER was not granted; empty where it was.
    var lastFailure: String { failure ?? "" }

    /// When it is to be told `deadlineReached`.
    var deadline: Instant {
        switch state {
        case .waiting(let until): min(until, expiresAt ?? .distantFuture)
        case .asking: expiresAt ?? .distantFuture
        case .registered(let refresh): refresh
        case .leaving, .left: .distantFuture
        }
    }

    /// What the next REGISTER asks for.
    var expires: Int {
        switch state {
        case .leaving, .left: 0
        case .waiting, .asking, .registered: seconds
        }
    }

    var isLeaving: Bool {
        switch state {
        case .leaving: true
        case .left, .waiting, .asking, .registered: false
        }
    }

    /// The process ends: the operator sends calls elsewhere from now on (RFC 3261 §10.2.2).
    mutating func leave() -> Action {
        let isKnown = expiresAt != nil
        state = isKnown ? .leaving : .left
        return isKnown ? .register : .none
    }

    enum Action: Equatable {
        case none
        /// REGISTER goes out.
        case register
    }

    mutating func deadlineReached(now: Instant) -> Action {
        if let expiresAt, expiresAt <= now {
            self.expiresAt = nil
            let why = failure.map { "; \($0)" } ?? ""
            health.failed("the registration has expired\(why)", failuresToDown: 1, now: now)
        }
        switch state {
        case .waiting(let until):
            guard until <= now else { return .none }
            state = .asking
            return .register
        case .asking, .leaving, .left: return .none
        case .registered(let refresh):
            guard refresh <= now else { return .none }
            state = .asking
            return .register
        }
    }

    /// Numbers of REGISTER go up by one, whatever became of the last (§10.2).
    mutating func nextCSeq() -> UInt32 {
        cseq += 1
        return cseq
    }

    /// 2xx: registered for so many seconds. The refresh comes well before the end.
    mutating func accepted(seconds: Int, now: Instant) {
        guard !isOver else { return }
        let granted = min(max(seconds, 1), Self.longestGrant)
        let lifetime = Instant.Span.seconds(granted)
        expiresAt = now + lifetime
        let ahead = min(Instant.Span.seconds(30), Instant.Span.milliseconds(granted * 500))
        state = .registered(refresh: now + (lifetime - ahead))
        pause = Self.firstPause
        failure = nil
        let isUp = health.isUp
        health.answered(
            "registered for \(granted) s", again: "registered again for \(granted) s",
            answersToUp: 1, now: now)
        if isUp { health.noted("registered for \(granted) s") }
    }

    /// 423: the operator wants longer ones. Asked again at once, once.
    ///
    /// - Returns: false when it asked for no more than we did.
    mutating func tooBrief(minimum: Int, now: Instant) -> Bool {
        guard !isOver else { return true }
        guard minimum > seconds, minimum <= 86_400 else { return false }
        seconds = minimum
        state = .waiting(until: now)
        return true
    }

    /// Any other final response.
    ///
    /// - Parameter retryAfter: seconds, where the response names them.
    mutating func refused(status: Int, reason: String, retryAfter: Int?, now: Instant) {
        let isForGood = (400..<500).contains(status) && status != 408 && status != 480
        if isForGood { pause = Self.longestPause }
        failed("REGISTER is refused: \(status) \(reason)", retryAfter: retryAfter, now: now)
    }

    mutating func unanswered(_ why: String, now: Instant) {
        failed("REGISTER: \(why)", retryAfter: nil, now: now)
    }

    /// Whatever is answered to the last REGISTER, it was the last.
    private var isOver: Bool {
        mutating get {
            switch state {
            case .leaving, .left:
                state = .left
                return true
            case .waiting, .asking, .registered: return false
            }
        }
    }

    /// There is another address of the operator's: what waited to be asked again is asked there at once.
    mutating func goesElsewhere(now: Instant) {
        guard case .waiting = state else { return }
        state = .waiting(until: now)
    }

    /// In how long REGISTER is sent again; nil where it is not waited for.
    func wait(now: Instant) -> Instant.Span? {
        guard case .waiting(let until) = state else { return nil }
        return until - now
    }

    private mutating func failed(_ why: String, retryAfter: Int?, now: Instant) {
        guard !isOver else { return }
        let wait = retryAfter.map { Instant.Span.seconds(min(max($0, 1), 3600)) } ?? pause
        state = .waiting(until: now + wait)
        pause = min(pause * 2, Self.longestPause)
        failure = why
        // What the operator granted before stands until it expires.
        if expiresAt == nil {
            health.failed(why, failuresToDown: 1, now: now)
        } else {
            health.noted("registered until it expires; \(why)")
        }
    }
}
