import Charging
import SIP
import Switching

/// A world of values around the real `Switch`: a clock that moves only here, a wire with real SIP on
/// it, a disk, phones and gateways, an auditor, and everything that can go wrong with them. One seed
/// is one world: what happens in it happens again, byte for byte, in every process.
///
/// ```swift
/// var simulation = Simulation(seed: 7, minutes: 2, faults: .all)
/// let outcome = simulation.run()
/// print(outcome.findings, outcome.digest)
/// ```
///
/// The model is TigerBeetle's simulator and FoundationDB's: faults from a seed, invariants at every
/// turn, then all faults off, and everything must drain.
public struct Simulation: ~Copyable, Sendable {
    /// What is going to happen, each at its instant.
    enum Happening: Sendable {
        /// A datagram arrives at the switch.
        case arrives(Datagram)
        /// A message arrives where an agent may be.
        case reaches(Endpoint, Message)
        case agent(Int, UserAgent.Timer)
        /// Its ICMP says that a host did not take a datagram.
        case undelivered(Datagram, process: Int)
        /// The kernel did not take it in the first place.
        case transportFailed(Flow, process: Int)
        case disk(Disk.Step, process: Int)
        /// The store's word reaches the loop.
        case settled(Event, process: Int)
        case call
        case restart
        case readsClock
        case fault(Fault)
        case relief(Fault)
        /// A top-up or adjustment is asked for, until it is answered.
        case money(Int)
        /// A voucher is redeemed, until it is answered.
        case redemption(Int)
        case hangsUpAll
        /// A name server has answered.
        case resolved(NextHopResolution, process: Int)
    }

    /// How long everything may take to drain: timer C, and what it leads to.
    static let drainSeconds = 320

    public let seed: UInt64
    public let minutes: Int
    public let faults: Faults

    var now = Instant(nanoseconds: 1_000_000_000)
    var queue = EventQueue<Happening>()
    var theSwitch: Switch?
    /// Counts the processes; what was meant for an earlier one is lost.
    var process = 0
    /// Of the switch's monotonic clock over the world's, in nanoseconds.
    var clockBase: Int64 = 0
    /// Of the wall clock over its start, in microseconds.
    var wallOffset: Int64 = 1_800_000_000_000_000
    /// How late the loop is for its next deadline.
    var lag = Instant.Span.zero
    var site: SimulatedSite
    var disk: Disk
    var network: Network
    var agents: [UserAgent] = []
    var agentOfEndpoint: [Endpoint: Int] = [:]
    var auditor: Auditor
    var actions = ActionList()
    var chance: Chance
    var work: Chance
    var digest = Digest()
    var isCalm = false
    var lastSerial = 0
    var moneyRequests: [MoneyRequest] = []
    var vouchers: [PrintedVoucher] = []
    var voucherBatches = 0
    var redemptions: [Redemption] = []
    /// Calls that may wait at a place, by its digits.
    var parkedPlaces: [String] = []
    /// Phones that have parked a call.
    var hasParked: Set<Int> = []
    /// What was dialled without a serial, by whom: the same again would not be told apart.
    var hasDialled: Set<String> = []
    /// Until when what was lost may be a dead process's or gateway's fault.
    var disturbed = Instant(nanoseconds: 0)
    /// Datagrams that were refused, of which every fourth is by the kernel.
    var refusals = 0
    private var isStopped = false
    /// Every datagram, process and log line, when it is wanted: to look at a seed that fails.
    public var isTraced = false
    public private(set) var trace: [String] = []

    public init(seed: UInt64, minutes: Int, faults: Faults) {
        self.init(seed: seed, minutes: minutes, faults: faults) { _ in }
    }

    /// - Parameter change: what a scenario wants of the site before anything begins.
    init(seed: UInt64, minutes: Int, faults: Faults, change: (inout SimulatedSite) -> Void) {
        self.seed = seed
        self.minutes = minutes
        self.faults = faults
        site = SimulatedSite(seed: seed, faults: faults)
        change(&site)
        var durable = Durable()
        for row in site.extensions { durable.extensions[row.number] = row }
        for account in site.accounts {
            durable.accounts[account.id] = account
            durable.balances[account.id] = account.balance.micros
        }
        durable.settings = site.userSettings
        disk = Disk(durable: durable, seed: seed)
        network = Network(seed: seed, faults: faults)
        auditor = Auditor(site: site)
        chance = Chance(seed: seed, stream: .faults)
        work = Chance(seed: seed, stream: .workload)
        for index in 0..<SimulatedSite.phones {
            add(
                UserAgent(
                    index: index, kind: .phone, number: SimulatedSite.number(index),
                    endpoint: SimulatedSite.phone(index), seed: seed, faults: faults))
        }
        for endpoint in [SimulatedSite.e1, SimulatedSite.pstn] {
            add(
                UserAgent(
                    index: agents.count, kind: .gateway, number: "gateway", endpoint: endpoint,
                    seed: seed, faults: faults))
        }
        for (place, name) in site.gatewayNames.enumerated() {
            let index = Self.gateway(place)
            agents[index].hostName = Array(name.host.utf8)
            agents[index].isRoutedByName = name.isRoute
            agentOfEndpoint[name.inner] = index
        }
    }

    private static func gateway(_ place: Int) -> Int { SimulatedSite.phones + place }

    private mutating func add(_ agent: UserAgent) {
        agentOfEndpoint[agent.endpoint] = agents.count
        agents.append(agent)
    }

    // MARK: The run

    /// Work and faults for the given minutes, then calm, until everything has drained.
    public mutating func run() -> Outcome {
        begin()
        beginWork()
        beginFaults()
        advance(to: now + .seconds(minutes * 60))
        drain()
        return outcome
    }

    public var outcome: Outcome {
        Outcome(
            seed: seed, minutes: minutes, faults: faults, findings: auditor.findings,
            digest: digest.value, figures: auditor.figures)
    }

    /// Starts the switch, and lets the phones register.
    mutating func begin() {
        start()
        queue.add(.readsClock, at: now + .seconds(60))
        for index in 0..<SimulatedSite.phones {
            queue.add(.agent(index, .register), at: now + .milliseconds(10 * index))
        }
    }

    /// No more faults; everybody hangs up; when all timers have had their time nothing may be left.
    mutating func drain() {
        isCalm = true
        network.isCalm = true
        disk.isFailing = false
        disk.isSlow = false
        for index in agents.indices {
            agents[index].isCalm = true
            agents[index].condition = .well
        }
        for place in site.settings.trunks.indices {
            site.settings.trunks[place].optionsInterval = .zero
        }
        if theSwitch != nil { reconfigure() }
        if theSwitch != nil { drainForUpgrade(false) }
        if site.settings.calls.aliveCheck == .zero { endDesertedCalls() }
        queue.add(.hangsUpAll, at: now)
        advance(to: now + .seconds(Self.drainSeconds))
        // What is done once a minute may be on the way to the disk in this very moment.
        if !disk.waiting.isEmpty { advance(to: now + .seconds(1)) }
        guard !isStopped, theSwitch != nil else { return }
        auditor.turnBegan(now: now, wallTime: wallTime)
        auditor.drained(
            theSwitch!, disk, isWithoutEnd: faults.contains(.endlessRetransmission))
        for agent in agents {
            for callID in agent.openSessions {
                auditor.find("an agent still talks", "\(agent.number) \(agent.shown(callID))")
            }
        }
        checkRinging()
        checkSessions()
        for request in moneyRequests where !request.isAnswered {
            auditor.find("money request not answered", request.change.id)
        }
        for request in redemptions where !request.isAnswered {
            auditor.find("redemption not answered", request.voucher.posting)
        }
    }

    /// Whoever rang was told that it is over, as far as CANCEL could reach it and its process lived.
    private mutating func checkRinging() {
        for fault in [Fault.nat, .trunkFailures, .bursts, .refusals] where faults.contains(fault) {
            return
        }
        // One that is overtaken by the answer is acknowledged by nobody.
        let losing: [Fault] = [
            .loss, .reordering, .crashes, .powerLoss, .smallTables, .impatience, .operators,
            // A dead place has its share of the time, and a caller that begins anew confirms nothing.
            .gatewayNames, .reboots,
        ]
        let loses = losing.contains(where: faults.contains)
        for agent in agents {
            for callID in agent.unacknowledgedSessions
            where !loses && !auditor.wasPickedUpElsewhere(callID) {
                auditor.find(
                    "a provisional response not acknowledged",
                    "\(agent.number) \(agent.shown(callID))")
            }
            // Of whom nothing was heard, nobody may take the INVITE back (RFC 3261 §9.1).
            for callID in agent.ringingSessions {
                guard let leg = auditor.legs[callID], !leg.isOrphaned, leg.isHeard else { continue }
                auditor.find("a phone rings on", "\(agent.number) \(agent.shown(callID))")
            }
        }
    }

    /// Whoever counts on its session being refreshed was not let down, as long as messages arrive.
    private mutating func checkSessions() {
        let losing: [Fault] = [
            .loss, .bursts, .reordering, .nat, .refusals, .crashes, .powerLoss, .lateLoop,
            .trunkFailures, .gatewayNames,
        ]
        guard !losing.contains(where: faults.contains) else { return }
        for agent in agents where agent.sessionsNotRefreshed > 0 {
            auditor.find("a session not refreshed", agent.number)
        }
    }

    /// Lets the world go on until an instant.
    mutating func advance(to end: Instant) {
        while !isStopped {
            let deadline = switchDeadline
            let next = queue.next ?? .distantFuture
            guard min(deadline, next) <= end else { break }
            if deadline <= next {
                now = max(now, deadline)
                turn(.deadlineReached)
                lag =
                    faults.contains(.lateLoop) && !isCalm
                    ? .milliseconds(chance.below(50)) : .zero
            } else if let (at, happening) = queue.popFirst() {
                now = max(now, at)
                happen(happening)
            }
        }
        now = max(now, end)
    }

    /// When the loop wakes for the switch's next deadline, by the world's clock.
    private var switchDeadline: Instant {
        guard nextDeadline != .distantFuture else { return .distantFuture }
        return Instant(nanoseconds: nextDeadline.nanoseconds - clockBase) + lag
    }

    /// By the clock of the switch.
    private var nextDeadline: Instant {
        switch theSwitch {
        case .some(let running): running.nextDeadline
        case nil: .distantFuture
        }
    }

    private mutating func happen(_ happening: Happening) {
        switch happening {
        case .arrives(let datagram):
            guard theSwitch != nil else { return }
            auditor.turnBegan(now: now, wallTime: wallTime)
            auditor.delivered(datagram.bytes)
            if isTraced { note("<- \(datagram.flow.remote) \(Self.shown(datagram.bytes))") }
            turn(.datagramReceived(datagram), isBegun: true)
        case .reaches(let endpoint, let message):
            guard let index = agentOfEndpoint[endpoint], !isDeaf(index, to: message, at: endpoint)
            else { return }
            agents[index].receive(message, now: now)
            flush(index)
        case .agent(let index, let timer):
            let lost = agents[index].answersUnacknowledged
            agents[index].timerReached(timer, now: now)
            if agents[index].answersUnacknowledged > lost { answerUnacknowledged(by: index) }
            flush(index)
        case .undelivered(let quote, let process):
            if process == self.process { turn(.undelivered(quote)) }
        case .transportFailed(let flow, let process):
            if process == self.process { turn(.transportFailed(flow)) }
        case .disk(let step, let process):
            if process == self.process { diskReached(step) }
        case .settled(let event, let process):
            if process == self.process { settled(event) }
        case .call: call()
        case .restart: start()
        case .readsClock:
            turn(.wallClockRead(wallClock))
            queue.add(.readsClock, at: now + .seconds(60))
        case .fault(let fault): strike(fault)
        case .relief(let fault): relieve(fault)
        case .money(let index): askForMoney(index)
        case .redemption(let index): askForRedemption(index)
        case .hangsUpAll: hangUpAll()
        case .resolved(let resolution, let process):
            if process == self.process { turn(.nextHopResolved(resolution)) }
        }
    }

    // MARK: The switch

    var switchNow: Instant { Instant(nanoseconds: now.nanoseconds + clockBase) }

    /// Microseconds since 1970.
    var wallTime: Int64 { wallOffset + now.nanoseconds / 1000 }

    var wallClock: WallClock {
        WallClock(instant: switchNow, unixMicroseconds: wallTime, utcOffset: 28_800)
    }

    /// A new process begins with what is durable.
    private mutating func start() {
        guard theSwitch == nil else { return }
        process += 1
        lag = .zero
        auditor.turnBegan(now: now, wallTime: wallTime)
        auditor.isDraining = false
        actions.removeAll()
        var tokens = Chance(seed: seed, stream: .tokens, index: process)
        do throws(Ledger.RestoreError) {
            let stored = disk.durable.load()
            theSwitch = try Switch(
                configuration: site.configuration, stored: stored, hashes: SimulatedSite.hashes,
                seed: tokens.bytes(32), wallClock: wallClock, now: switchNow, into: &actions)
        } catch {
            auditor.find("the switch does not start", "\(error)")
            isStopped = true
            return
        }
        auditor.restarted(start: disk.durable.start)
        perform()
    }

    /// The process is killed; it comes back after the outage.
    mutating func crash(outage: Instant.Span, losesPower: Bool = false) {
        guard theSwitch != nil else { return }
        theSwitch = nil
        process += 1
        disturbed = now + outage
        auditor.turnBegan(now: now, wallTime: wallTime)
        disk.crash { change, durable in
            auditor.becameDurable(change, on: durable)
            durable.apply(change)
        }
        auditor.crashed(disk.durable, losesPower: losesPower)
        if isTraced { note("   killed, back in \(outage.milliseconds) ms") }
        // The monotonic clock of a machine begins anew with it.
        if losesPower {
            disk.durable.boot += 1
            clockBase = 3_000_000_000 - (now + outage).nanoseconds
        }
        digest.add(UInt64(process))
        queue.add(.restart, at: now + outage)
    }

    /// One turn of the loop: an event, then the deadlines that are due, then what follows.
    mutating func turn(_ event: Event, isBegun: Bool = false) {
        guard theSwitch != nil else { return }
        if !isBegun { auditor.turnBegan(now: now, wallTime: wallTime) }
        actions.removeAll()
        theSwitch!.handle(event, now: switchNow, into: &actions)
        if nextDeadline <= switchNow {
            theSwitch!.handle(.deadlineReached, now: switchNow, into: &actions)
        }
        perform()
    }

    /// As the shell does it: first everything leaves, then the disk gets its commits.
    private mutating func perform() {
        var mayCrash = false
        if !actions.commits.isEmpty, faults.contains(.crashes), !isCalm {
            mayCrash = chance.happens(permille: 6)
            if mayCrash, chance.happens(permille: 300) {
                // Before anything left.
                crash(outage: drawnOutage())
                return
            }
        }
        for entry in actions.logs {
            if isTraced { note("   \(entry.call.map { "\($0): " } ?? "")\(entry.message)") }
        }
        let sends = actions.sends
        let sent = mayCrash ? chance.below(sends.count + 1) : sends.count
        // By what was decided, what is said is judged.
        for commit in actions.commits {
            auditor.decided(commit)
            digest.add(commit)
        }
        for outgoing in sends.prefix(sent) { carry(outgoing) }
        for query in actions.lookUps { lookUp(query) }
        if mayCrash, sent < sends.count || chance.happens(permille: 500) {
            // In the middle of it.
            crash(outage: drawnOutage())
            return
        }
        if !actions.commits.isEmpty, let (after, step) = disk.submit(actions.commits) {
            queue.add(.disk(step, process: process), at: now + after)
        }
        if mayCrash {
            crash(outage: drawnOutage())
            return
        }
        for (token, reply) in actions.replies { replied(reply, to: token) }
        auditor.turnEnded(theSwitch!)
    }

    mutating func drawnOutage() -> Instant.Span {
        chance.happens(permille: 500)
            ? .milliseconds(chance.number(in: 50...1500))
            : .milliseconds(chance.number(in: 1500...45_000))
    }

    // MARK: Looking

    mutating func note(_ line: String) {
        trace.append("\(now.nanoseconds / 1_000_000) ms \(line)")
    }

    /// The first line of a message, its Call-ID and CSeq.
    static func shown(_ bytes: [UInt8]) -> String {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
        let kept = lines.filter { $0.hasPrefix("Call-ID:") || $0.hasPrefix("CSeq:") }
        return ([lines.first ?? ""] + kept).joined(separator: "  ")
    }

    mutating func reconfigure() {
        auditor.settings = site.settings
        auditor.plan = site.plan
        turn(.configured(site.configuration))
    }
}
