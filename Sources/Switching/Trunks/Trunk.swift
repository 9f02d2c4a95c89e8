import SIP

/// A way out at work: where it is, its channels, and whether it lives.
///
/// Health joins what is asked (OPTIONS, and the E1 span's own state where the gateway tells it), what
/// calls met (`Breaker`), and the registration where we have one. Each has its own hysteresis; the
/// trunk is down while any of them says so, and comes back when none does any more.
struct Trunk: Sendable {
    /// What a signal changed for calls.
    enum Change: Equatable {
        case none
        case wentDown
        case cameUp
    }

    /// What calls should know.
    private enum State: Sendable, Equatable {
        /// Not heard of since the start; calls are tried.
        case unknown
        case up
        case down
        /// One call at a time tries whether it is well again.
        case onTrial
    }

    let settings: TrunkSettings
    private(set) var options: ProbeHealth
    private(set) var breaker: Breaker
    /// nil where the span's state is not read.
    private(set) var span: ProbeHealth?
    /// nil where we do not register.
    var registration: TrunkRegistration?
    var channels: Channels
    var targets: TargetSet
    var rate: CallRate
    /// Answers its challenges; nil where we have no credentials.
    var digest: TrunkDigest?

    private var state = State.unknown
    /// When and why the joined state last changed.
    private(set) var since: Instant
    private(set) var reason = "not heard of yet"
    private(set) var attempts: UInt64 = 0
    private(set) var failures: UInt64 = 0
    /// Where the last REGISTER went.
    var registrar: NextHop?
    /// The OPTIONS that are out, by where they went.
    var probes: [NextHop: Handle] = [:]
    /// Somebody has answered this round of them.
    private var isRoundAnswered = false

    init(
        settings: TrunkSettings, hashes: HashFunctions, tokens: inout TokenGenerator, now: Instant
    ) {
        self.settings = settings
        since = now
        options = ProbeHealth(now: now)
        breaker = Breaker(settings: settings.breaker, now: now)
        span = settings.span.map { _ in ProbeHealth(now: now, reason: "not read yet") }
        registration = settings.registration.map {
            TrunkRegistration(
                seconds: $0.seconds,
                line: Self.contactNumber($0, settings.credentials, hashes, &tokens),
                tokens: &tokens, now: now)
        }
        channels = Channels(settings)
        let fixed = TrunkTarget(endpoint: settings.endpoint, transport: settings.transport)
        targets = TargetSet(settings.host == nil ? [fixed] : [])
        rate = CallRate(limit: settings.callsPerSecond)
        digest = settings.credentials.map { TrunkDigest($0, hashes: hashes) }
    }

    /// A number for our Contact that nobody can guess who does not know the password.
    private static func contactNumber(
        _ registration: TrunkRegistrationSettings, _ credentials: TrunkCredentials?,
        _ hashes: HashFunctions, _ tokens: inout TokenGenerator
    ) -> UInt64 {
        guard let credentials else { return tokens.next() }
        let secret =
            "tandem line:\(registration.user)@\(registration.domain):\(credentials.username):"
            + credentials.password
        return hashes.sha256(Array(secret.utf8)).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    var isProbed: Bool { settings.optionsInterval > .zero }
    var isDown: Bool { downReason != nil }
    /// Calls on it, both directions.
    var channelsInUse: Int { channels.inUse }

    /// Why calls have to take another way; nil when they need not.
    var downReason: String? {
        if options.isDown { return options.reason }
        if let span, span.isDown { return span.reason }
        if let registration, registration.isDown { return registration.health.reason }
        if targets.isEmpty { return unresolved ?? "its name is not looked up yet" }
        return breaker.isBlocking ? breaker.reason : nil
    }

    /// Why its name stands for no address.
    private var unresolved: String?

    var stateName: String {
        switch state {
        case .unknown: "unknown"
        case .up: "up"
        case .down: "down"
        case .onTrial: "trial"
        }
    }

    // MARK: Signals

    mutating func probesSent() { isRoundAnswered = false }

    /// A target answered an OPTIONS with anything but 503 and 408.
    mutating func probeAnswered(by target: NextHop, now: Instant) -> Change {
        probes[target] = nil
        targets.probeAnswered(target, answersToUp: settings.answersToUp, now: now)
        guard !isRoundAnswered else { return .none }
        isRoundAnswered = true
        options.answered(
            "answers OPTIONS", again: "answers OPTIONS again", answersToUp: settings.answersToUp,
            now: now)
        return join(options.reason, now: now)
    }

    /// The trunk itself has failed when none of its targets has answered.
    mutating func probeFailed(by target: NextHop, _ why: String, now: Instant) -> Change {
        probes[target] = nil
        targets.probeFailed(target, why, failuresToDown: settings.failuresToDown, now: now)
        guard probes.isEmpty, !isRoundAnswered else { return .none }
        options.failed(why, failuresToDown: settings.failuresToDown, now: now)
        return join(why, now: now)
    }

    mutating func spanRead(_ reading: SpanReading, now: Instant) -> Change {
        guard span != nil else { return .none }
        switch reading {
        case .status(let status):
            let alarms = status.alarms
            if alarms.isEmpty {
                span?.answered(
                    "the span has no alarm", again: "the span has no alarm any more",
                    answersToUp: settings.answersToUp, now: now)
            } else {
                span?.failed(
                    "the span has alarms: \(alarms.joined(separator: ", "))",
                    failuresToDown: settings.failuresToDown, now: now)
            }
        // An agent that is silent says nothing about the span.
        case .unreadable(let why): span?.lost(why, now: now)
        }
        return join(span?.reason ?? "", now: now)
    }

    /// Its name was looked up. No answer leaves the addresses of before as they are.
    mutating func resolved(_ resolution: TrunkResolution, now: Instant) -> Change {
        if let failure = resolution.failure {
            unresolved = failure
        } else {
            targets.replace(resolution.targets)
            unresolved = resolution.targets.isEmpty ? "its name stands for no address" : nil
        }
        return join(unresolved ?? "its name is looked up", now: now)
    }

    mutating func registrationChanged(now: Instant) -> Change {
        join(registration?.health.reason ?? "", now: now)
    }

    // MARK: Calls

    /// A call takes it.
    ///
    /// - Returns: whether that call is the breaker's trial.
    mutating func attemptStarted(now: Instant) -> Bool {
        attempts += 1
        let isTrial = breaker.attemptStarted(now: now)
        if isTrial { _ = join(breaker.reason, now: now) }
        return isTrial
    }

    /// A call met the trunk's own fault: silence, a transport error, or a cause of the network.
    mutating func attemptFailed(_ why: String, isTrial: Bool, now: Instant) -> Change {
        failures += 1
        breaker.attemptFailed(why, isTrial: isTrial, now: now)
        return join(breaker.reason, now: now)
    }

    /// A call got through to the far side, whatever the callee then did.
    mutating func attemptPassed(isTrial: Bool, now: Instant) -> Change {
        breaker.attemptPassed(isTrial: isTrial, now: now)
        return join(breaker.reason, now: now)
    }

    mutating func trialAbandoned(now: Instant) -> Change {
        breaker.trialAbandoned(now: now)
        return join(breaker.reason, now: now)
    }

    mutating func breakerDeadlineReached(now: Instant) -> Change {
        breaker.deadlineReached(now: now)
        return join(breaker.reason, now: now)
    }

    // MARK: Joining

    /// - Parameter why: what the signal that just came said.
    private mutating func join(_ why: String, now: Instant) -> Change {
        let before = state
        let downReason = downReason
        if breaker.isOnTrial, !isDownByOthers {
            // A call that tries it keeps the others away, and that is no news for the log.
            state = .onTrial
        } else if downReason != nil {
            state = .down
        } else if options.isUp || span?.isUp == true || registration?.health.isUp == true
            || before != .unknown
        {
            state = .up
        }
        guard state != before else {
            if let downReason, state == .down { reason = downReason }
            return .none
        }
        since = now
        reason = downReason ?? why
        switch (before, state) {
        case (_, .down): return .wentDown
        case (_, .up): return .cameUp
        case (_, .onTrial), (_, .unknown): return .none
        }
    }

    /// Whether anything but what calls met says that it is down.
    var isDownByOthers: Bool {
        options.isDown || span?.isDown == true || registration?.isDown == true || targets.isEmpty
    }

    /// Same name and address, new settings: what is known of it stays, but for its channels:
    /// see `Channels.reconfigured`.
    func reconfigured(
        _ settings: TrunkSettings, hashes: HashFunctions, tokens: inout TokenGenerator,
        now: Instant
    ) -> Trunk {
        var fresh = Trunk(settings: settings, hashes: hashes, tokens: &tokens, now: now)
        guard settings.endpoint == self.settings.endpoint, settings.host == self.settings.host,
            settings.transport == self.settings.transport, settings.ways == self.settings.ways,
            settings.isTransportOpen == self.settings.isTransportOpen
        else { return fresh }
        fresh.targets = targets
        fresh.unresolved = unresolved
        fresh.attempts = attempts
        fresh.failures = failures
        if settings.optionsInterval > .zero, isProbed { fresh.options = options }
        if settings.breaker == self.settings.breaker { fresh.breaker = breaker }
        if settings.span == self.settings.span { fresh.span = span }
        if settings.registration == self.settings.registration,
            settings.credentials == self.settings.credentials
        {
            fresh.registration = registration
            fresh.digest = digest
        }
        if settings.callsPerSecond == self.settings.callsPerSecond { fresh.rate = rate }
        fresh.state = state
        fresh.since = since
        fresh.reason = reason
        // What made it down may be asked no longer.
        _ = fresh.join("configured anew", now: now)
        return fresh
    }
}
