import Charging
import Control
import Logging
import SIP
import Store
import Streams
import Switching
import Transport

/// The daemon's side of the loop: hands every input to the switch, and performs what it decided.
///
/// Within a turn datagrams leave before the store gets the commits: a process that is killed between
/// the two leaves a call in the journal, which goes on, and never a recorded end that one side was
/// not told of. The 200 of a paid call is not among those datagrams: the switch holds it until the
/// commit is settled.
final class Turns: LoopDriver {
    typealias Message = Mail

    /// How often clocks, the watchdog and the end of a stop are looked at.
    static let housekeepingInterval = Instant.Span.seconds(1)
    /// How long a stop waits for commits under way.
    static let stopPatience = Instant.Span.seconds(5)
    /// How long it waits for operators that we are registered at.
    static let leavePatience = Instant.Span.seconds(1)

    private var theSwitch: Switch
    private var actions: ActionList
    private var clock: SiteClock
    private let store: Store
    /// nil where no listener takes connections.
    private let streams: Streams?
    private let outlook: Outlook
    private var peerNames: PeerNames
    /// What goes by connections at the end of this turn.
    private var streamed: [(bytes: [UInt8], flow: Flow)] = []
    /// Flows that nothing can be sent on.
    private var strays: [Flow] = []
    private let replies: ReplyDesk
    private let logger: Logger
    private let watchdog: Watchdog
    private var limiter: LogLimiter
    private var delay: LoopDelay
    private var now: Instant
    private var nextHousekeeping: Instant
    private var stopsBefore: Instant?
    private var leavesBefore = Instant.distantFuture
    private var submitted = CommitTicket(rawValue: 0)
    private var settled = CommitTicket(rawValue: 0)

    /// - Parameter actions: what the switch decided when it was made.
    init(
        theSwitch: consuming Switch, actions: consuming ActionList, clock: SiteClock, store: Store,
        streams: Streams?, outlook: Outlook, settings: Settings, replies: ReplyDesk,
        logger: Logger, watchdog: Watchdog, now: Instant
    ) {
        self.theSwitch = theSwitch
        self.actions = actions
        self.clock = clock
        self.store = store
        self.streams = streams
        self.outlook = outlook
        peerNames = PeerNames(settings)
        streams?.expect(peerNames.all)
        self.replies = replies
        self.logger = logger
        self.watchdog = watchdog
        self.now = now
        delay = LoopDelay(now: now)
        limiter = LogLimiter(now: now)
        nextHousekeeping = now
    }

    // MARK: Inputs

    func turnBegan(now: Instant) {
        self.now = now
        delay.turnBegan(now: now)
    }

    func datagramReceived(_ bytes: consuming [UInt8], on flow: Flow) {
        // A stopping switch is silent, so that gateways that watch it take the direct lines back. What
        // answers its own last words is heard.
        guard stopsBefore == nil || bytes.starts(with: "SIP/2.0 ".utf8) else { return }
        theSwitch.handle(
            .datagramReceived(Datagram(flow: flow, bytes: bytes)), now: now, into: &actions)
    }

    func keepAliveReceived(on flow: Flow) {
        theSwitch.handle(.keepAliveReceived(flow), now: now, into: &actions)
    }

    func transportFailed(_ flow: Flow) {
        theSwitch.handle(.transportFailed(flow), now: now, into: &actions)
    }

    func undelivered(_ quote: consuming [UInt8], on flow: Flow) {
        theSwitch.handle(
            .undelivered(Datagram(flow: flow, bytes: quote)), now: now, into: &actions)
    }

    func messageReceived(_ message: consuming Mail) {
        switch message {
        case .event(let event, let then):
            noteSettled(event)
            if peerNames.follow(event) { streams?.expect(peerNames.all) }
            theSwitch.handle(event, now: now, into: &actions)
            then?()
        case .streams(let events):
            for event in events { happened(event) }
            streams?.heard(events)
        case .configured(let configuration, let zones, let then):
            let start = MonotonicClock.now()
            configure(configuration, zones)
            then(MonotonicClock.now() - start)
        case .stop:
            guard stopsBefore == nil else { return }
            stopsBefore = now + Self.stopPatience
            leavesBefore = now + Self.leavePatience
            theSwitch.handle(.stopping, now: now, into: &actions)
        }
    }

    private func happened(_ event: StreamEvent) {
        switch event {
        case .received(let bytes, let flow): datagramReceived(bytes, on: flow)
        case .certified(let flow, let names):
            theSwitch.handle(
                .connectionCertified(flow, names: names), now: now, into: &actions)
        case .closed(let flow, let wasAccepted):
            theSwitch.handle(
                .connectionClosed(ClosedConnection(flow: flow, wasAccepted: wasAccepted)),
                now: now, into: &actions)
        case .failed(let flow): transportFailed(flow)
        }
    }

    private func noteSettled(_ event: Event) {
        switch event {
        case .committed(let ticket), .commitFailed(let ticket, _): settled = max(settled, ticket)
        case .datagramReceived, .keepAliveReceived, .transportFailed, .undelivered,
            .connectionClosed, .connectionCertified, .loopMeasured, .deadlineReached, .requested,
            .configured, .tariffReplaced, .spanRead, .trunkResolved, .nextHopResolved, .stopping,
            .wallClockRead:
            break
        }
    }

    private func configure(_ configuration: Configuration, _ zones: SiteZones) {
        clock = SiteClock(zones, now: now)
        theSwitch.handle(.wallClockRead(clock.last), now: now, into: &actions)
        theSwitch.handle(.configured(configuration), now: now, into: &actions)
        peerNames.follow(configuration.settings)
        streams?.expect(peerNames.all)
    }

    // MARK: The end of a turn

    func turnEnded(sockets: DatagramSockets, isBehind: Bool) -> Instant? {
        if !strays.isEmpty {
            let flows = strays
            strays = []
            for flow in flows { transportFailed(flow) }
        }
        if now >= nextHousekeeping { keepHouse() }
        if theSwitch.nextDeadline <= now {
            theSwitch.handle(.deadlineReached, now: now, into: &actions)
        }
        perform(sockets)
        measureDelay(isBehind: isBehind)
        if let stopsBefore {
            let hasLeft = !theSwitch.isLeaving || now >= leavesBefore
            if now >= stopsBefore || submitted <= settled && hasLeft { return nil }
            return min(theSwitch.nextDeadline, nextHousekeeping, leavesBefore)
        }
        let next = min(theSwitch.nextDeadline, nextHousekeeping)
        return theSwitch.isMeasured ? min(next, delay.deadline) : next
    }

    /// Tells the switch how far the loop is behind. What it decides then is only a line for the log, and
    /// is performed with the next turn.
    private func measureDelay(isBehind: Bool) {
        let end = MonotonicClock.now()
        delay.turnEnded(now: end, isBehind: isBehind)
        if let longest = delay.report(every: Switch.overloadInterval, now: end) {
            theSwitch.handle(.loopMeasured(longest), now: now, into: &actions)
        }
    }

    private func keepHouse() {
        nextHousekeeping = now + Self.housekeepingInterval
        if let reading = clock.check(now: now) {
            theSwitch.handle(.wallClockRead(reading), now: now, into: &actions)
        }
        watchdog.loopTurned(now: now, health: store.health)
        if let count = limiter.takeWithheld() {
            logger.warning(
                "\(count) log lines were withheld: more than \(LogLimiter.rate) a second")
        }
    }

    private func perform(_ sockets: DatagramSockets) {
        guard !actions.isEmpty else { return }
        for outgoing in actions.sends {
            if outgoing.flow.transport == .udp {
                sockets.send(outgoing.bytes, on: outgoing.flow)
            } else {
                streamed.append((outgoing.bytes, outgoing.flow))
            }
        }
        if !streamed.isEmpty { sendStreamed() }
        if let streams, !actions.notices.isEmpty { tell(streams) }
        for query in actions.lookUps { outlook.look(up: query) }
        if let last = actions.commits.last {
            sockets.flush()
            submitted = max(submitted, last.ticket)
            var commits: [Commit] = []
            swap(&commits, &actions.commits)
            store.submit(commits)
        }
        for (token, reply) in actions.replies {
            replies.answer(token, with: counted(reply, sockets))
        }
        for entry in actions.logs { log(entry) }
        actions.removeAll()
    }

    /// Before anybody hears of it: whoever was unbanned connects at once.
    private func tell(_ streams: Streams) {
        // A ban of the same turn does not cut off who has proved who it is: first of all that is told.
        streams.prove(
            actions.notices.compactMap { notice -> Flow? in
                if case .proved(let flow) = notice { flow } else { nil }
            })
        for notice in actions.notices {
            switch notice {
            case .barred(let network, let end):
                streams.bar(network, for: .nanoseconds((end - now).nanoseconds))
            case .admitted(let network): streams.admit(network)
            case .proved: break
            }
        }
    }

    private func sendStreamed() {
        if let streams {
            streams.send(streamed)
        } else {
            // A flow of a listener that is no longer there, as a stored binding can have.
            for (_, flow) in streamed { strays.append(flow) }
        }
        streamed.removeAll(keepingCapacity: true)
    }

    /// The status speaks of the sockets too.
    private func counted(_ reply: ControlReply, _ sockets: DatagramSockets) -> ControlReply {
        guard case .status(var row) = reply else { return reply }
        let counters = sockets.counters
        row.counters["datagrams sent"] = counters.sent
        row.counters["keep-alives"] = counters.keepAlives
        row.counters["datagrams not sent: buffer full"] = counters.overflows
        row.counters["datagrams undelivered"] = counters.failures
        if let streams {
            let counters = streams.counters
            Self.add(counters, to: &row.counters)
            row.tables += StreamSetup.tables(counters, streams.limits)
        }
        return .status(row)
    }

    private static func add(_ counters: StreamCounters, to row: inout [String: UInt64]) {
        row["connections"] = counters.connections
        for (name, count) in [
            ("connections accepted", counters.accepted), ("connections made", counters.dialled),
            ("connections refused: too many", counters.refused),
            ("connections refused: banned", counters.barred),
            ("connections refused: too many handshakes", counters.hurried),
            ("connections not to be had", counters.unreachable),
            ("connections closed: silent", counters.idle),
            ("connections closed: not read", counters.slow),
            ("connections closed: nothing proved", counters.unproved),
            ("connections closed: nothing proved, for others", counters.displaced),
            ("connections closed: too much unfinished", counters.unfinished),
            ("messages not sent: no connection yet", counters.crowded),
            ("connections closed: no SIP", counters.malformed),
            ("TLS handshakes failed", counters.handshakes),
        ] where count > 0 { row[name] = count }
    }

    private func log(_ entry: LogEntry) {
        let level = Logger.Level(entry.level)
        guard level >= logger.logLevel, limiter.admits(now: now) else { return }
        logger.log(
            level: level, "\(entry.message)",
            metadata: entry.call.map { ["call": "\($0)"] })
    }
}

extension Logger.Level {
    fileprivate init(_ level: LogEntry.Level) {
        self =
            switch level {
            case .debug: .debug
            case .info: .info
            case .notice: .notice
            case .warning: .warning
            case .error: .error
            }
    }
}
