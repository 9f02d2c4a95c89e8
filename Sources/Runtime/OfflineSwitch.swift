import Charging
import Control
import Foundation
import SIP
import Store
import Switching
import Synchronization
import Transport

/// The switch without sockets, for commands on data while the daemon does not run: the same switch
/// and the same store, so that no rule is written twice.
///
/// ```swift
/// let offline = try OfflineSwitch(loaded)
/// defer { offline.close() }
/// let response = offline.perform(.perform(.accounts))
/// ```
///
/// Calls that a crash interrupted keep their money held and are left to the daemon's next start,
/// which takes them up again.
public final class OfflineSwitch {
    private var theSwitch: Switch
    private var actions = ActionList()
    private let store: Store
    private let requests: StoreRequests
    private let versions: DialplanVersions
    private let settledEvents = SettledEvents()
    private var nextToken: UInt64 = 0
    private var submitted = CommitTicket(rawValue: 0)
    private var settled = CommitTicket(rawValue: 0)
    /// What was there when the folder was opened.
    let extensionNumbers: Set<String>
    let accountIDs: Set<String>
    let hasTariff: Bool
    /// Whether any extension was stored when the folder was opened.
    public var hasExtensions: Bool { !extensionNumbers.isEmpty }

    /// Opens the data folder under its lock.
    /// - Throws: `Store.Failure` when it is in use or cannot be opened; `StartFailure`.
    public init(_ loaded: LoadedConfiguration) throws {
        let hashes = try Hashes.libcrypto()
        versions = DialplanVersions(dataFolder: loaded.dataFolder)
        store = try Store.open(folder: loaded.dataFolder, role: .offline)
        let stored = try store.load()
        extensionNumbers = Set(stored.extensions.map(\.number))
        accountIDs = Set(stored.accounts.map(\.id))
        hasTariff = !stored.tariff.isEmpty
        requests = StoreRequests(store: store, tariffs: stored.tariffs)
        let now = MonotonicClock.now()
        let clock = SiteClock(try SiteZones(loaded.configuration.plan), now: now)
        theSwitch = try Switch(
            configuration: loaded.configuration, stored: stored, hashes: hashes,
            seed: SystemRandom.bytes(32), wallClock: clock.last, now: now, resumesCalls: false,
            into: &actions)
        store.begin { [settledEvents] in settledEvents.add($0) }
        if let last = actions.commits.last { submitted = last.ticket }
        store.submit(actions.commits)
        actions.removeAll()
    }

    /// Carries out requests in order; what they change is durable when this returns, the changes of
    /// neighbours together. Blocks on the disk.
    /// - Returns: an answer for each, in the order of the requests.
    public func perform(_ requests: [Request]) -> [Response] {
        var responses: [Response] = []
        // Asked, and not answered yet: by token, the place of the answer.
        var open: [ControlToken: Int] = [:]
        for request in requests {
            switch request {
            case .perform(let request):
                responses.append(perform(request, place: responses.count, &open))
            case .records, .statement, .tariffRows, .tariffImported, .tariffDecks,
                .tariffDeckRemoved, .postingsArchived, .backup, .audit, .versions,
                .rolledBack, .reload:
                settle(&open, &responses)
                responses.append(performByStore(request))
            }
        }
        settle(&open, &responses)
        return responses
    }

    /// Carries out one request; what it changes is durable when this returns.
    public func perform(_ request: Request) -> Response { perform([request])[0] }

    private func performByStore(_ request: Request) -> Response {
        switch request {
        case .perform: preconditionFailure("this is for the switch")
        case .records(let query): return requests.records(query)
        case .statement(let query): return requests.statement(query)
        case .backup(let file): return requests.backup(to: file)
        case .audit(let head): return requests.audit(head: head)
        case .tariffRows(let query): return requests.tariffRows(query)
        case .tariffDecks: return requests.tariffDecks()
        case .postingsArchived(let before): return requests.archivePostings(before: before)
        case .tariffImported(let order): return replaced(requests.importTariff(order))
        case .tariffDeckRemoved(let deck): return replaced(requests.removeDeck(deck))
        case .versions: return .versions(versions.rows)
        case .reload, .rolledBack:
            return .refused(["tandem is not running; it reads its files when it starts"])
        }
    }

    private func replaced(_ result: (tariffs: TariffBook?, response: Response)) -> Response {
        if let tariffs = result.tariffs { handle(.tariffReplaced(tariffs)) }
        return result.response
    }

    /// Asks the switch; what it answers later takes the place of what this returns.
    private func perform(
        _ request: ControlRequest, place: Int, _ open: inout [ControlToken: Int]
    ) -> Response {
        if let refusal = refusal(of: request) { return .refused([refusal]) }
        do {
            let completed = try requests.completed(request)
            nextToken += 1
            let token = ControlToken(rawValue: nextToken)
            open[token] = place
            handle(.requested(completed, by: token))
            return .refused(["the switch gave no answer; this is a mistake in tandem"])
        } catch {
            return .refused(["\(error)"])
        }
    }

    /// Waits until everything that was asked is answered, or can no longer be.
    private func settle(_ open: inout [ControlToken: Int], _ responses: inout [Response]) {
        while true {
            for (token, reply) in actions.replies {
                guard let place = open.removeValue(forKey: token) else { continue }
                responses[place] = .reply(reply)
            }
            if let last = actions.commits.last { submitted = max(submitted, last.ticket) }
            store.submit(actions.commits)
            actions.removeAll()
            guard !open.isEmpty, settled < submitted else { break }
            for event in settledEvents.wait() { handle(event) }
        }
        open.removeAll()
    }

    private func handle(_ event: Event) {
        switch event {
        case .committed(let ticket), .commitFailed(let ticket, _): settled = max(settled, ticket)
        case .datagramReceived, .keepAliveReceived, .transportFailed, .undelivered,
            .connectionClosed, .connectionCertified, .loopMeasured, .deadlineReached, .requested,
            .configured, .tariffReplaced, .spanRead, .trunkResolved, .nextHopResolved, .stopping,
            .wallClockRead:
            break
        }
        theSwitch.handle(event, now: MonotonicClock.now(), into: &actions)
    }

    /// What makes no sense without the daemon.
    private func refusal(of request: ControlRequest) -> String? {
        switch request {
        case .bans, .unbanned: return "tandem is not running; nobody is banned"
        case .status, .calls, .trunks, .registrations, .hungUp, .drainChanged,
            .callExplained:
            return "tandem is not running; there are no calls and no trunks to see"
        case .lines, .extensions, .extensionShown, .extensionsChanged, .extensionRemoved,
            .accounts, .accountShown, .accountOpened, .accountToppedUp, .accountAdjusted,
            .accountRefunded, .accountChanged, .spendingHeld, .spendingReleased, .vouchersMade,
            .voucherRedeemed, .voucherBatches, .explained, .priced:
            return nil
        }
    }

    /// Lets go of the data folder. Blocks on the disk.
    public func close() { store.close() }
}

/// What the store's thread has settled, for a thread that waits for it.
private final class SettledEvents: Sendable {
    private let events = Mutex<[Event]>([])
    private let there = DispatchSemaphore(value: 0)

    func add(_ event: Event) {
        events.withLock { $0.append(event) }
        there.signal()
    }

    /// Waits for an event; may return none when an earlier call took it along.
    func wait() -> [Event] {
        there.wait()
        return events.withLock { events in
            defer { events.removeAll() }
            return events
        }
    }
}
