import Charging
import Control
import Dispatch
import Foundation
import Logging
import SIP
import Store
import Streams
import Switching
import Transport

/// The running switch: sockets, store, control socket and the loop, around one `Switch`.
///
/// ```swift
/// let daemon = try Daemon(configuration: "/etc/tandem/tandem.yaml", log: DaemonLog())
/// daemon.run()
/// ```
public final class Daemon {
    private let loaded: LoadedConfiguration
    private let store: Store
    private let loop: Loop<Turns>
    private let streams: Streams?
    private let turns: Turns
    private let replies = ReplyDesk()
    private let control: ControlServer
    private let reload: Reload
    private let outlook: Outlook
    private let notifier: ServiceNotifier
    private let log: DaemonLog

    /// Reads and checks every file, opens the data folder, fills it at the first run, and binds all
    /// sockets. Nothing is answered before `run`.
    ///
    /// - Parameter path: of `tandem.yaml`.
    /// - Throws: `ConfigurationFailure`, `Store.Failure`, `TransportError` or `StartFailure`, each
    ///   with a text for people. Nothing stays open or locked then.
    public init(configuration path: String, log: DaemonLog) throws {
        let loaded = try ConfigurationLoader.loadInForce(path: path)
        for diagnostic in loaded.diagnostics { log.logger.warning("\(diagnostic.rendered)") }
        let hashes = try Hashes.libcrypto()
        let notifier = ServiceNotifier()
        let settings = loaded.configuration.settings
        // Before the data folder: two daemons are told apart by the port they fight for.
        let loop = try Loop<Turns>(
            listeningOn: settings.listeners.filter { $0.transport == .udp }.map(\.bound))
        let streams = try StreamSetup.open(
            settings, tls: loaded.tls, log: log.logger, posting: loop.mailbox)
        // A file that may not grow further is an error of the disk, and no reason to end.
        signal(SIGXFSZ, SIG_IGN)
        let (store, stored) = try Self.open(loaded, log)
        self.loaded = loaded
        self.store = store
        self.loop = loop
        self.streams = streams
        self.notifier = notifier
        self.log = log

        let now = MonotonicClock.now()
        var actions = ActionList()
        let clock = SiteClock(try SiteZones(loaded.configuration.plan), now: now)
        let requests = StoreRequests(store: store, tariffs: stored.tariffs)
        let theSwitch = try Switch(
            configuration: loaded.configuration, stored: stored, hashes: hashes,
            seed: SystemRandom.bytes(32), wallClock: clock.last, now: now, into: &actions)
        let mailbox = loop.mailbox
        outlook = Outlook(post: { mailbox.post($0) })
        turns = Turns(
            theSwitch: theSwitch, actions: actions, clock: clock, store: store,
            streams: streams, outlook: outlook, settings: settings, replies: replies,
            logger: log.logger, watchdog: Watchdog(notifier: notifier, now: now), now: now)
        reload = Reload(
            first: loaded, streams: streams, outlook: outlook, notifier: notifier,
            logger: log.logger,
            post: { mailbox.post($0) })
        reload.started()
        let desk = RequestDesk(
            requests: requests, replies: replies, reload: reload, post: { mailbox.post($0) })
        control = try ControlServer(path: loaded.controlSocket) { request, answer in
            desk.begin(request, answer: answer)
        }
        store.begin { mailbox.post(.event($0, then: nil)) }
    }

    private static func open(
        _ loaded: LoadedConfiguration, _ log: DaemonLog
    ) throws -> (Store, StoredState) {
        var options = Store.Options()
        options.boot = Boot.current
        let store = try Store.open(folder: loaded.dataFolder, role: .daemon, options: options) {
            log.logger.warning("\($0)")
        }
        var stored = try store.load()
        stored.boot = Boot.current
        for line in stored.unreadable { log.logger.error("\(store.folder): \(line)") }
        let isFirstRun =
            stored.extensions.isEmpty && loaded.extensionsCSV != nil
            || stored.tariff.isEmpty && loaded.tariffCSV != nil
        guard isFirstRun else { return (store, stored) }
        store.close()
        try FirstRun.fill(loaded, logger: log.logger)
        let filled = try Store.open(folder: loaded.dataFolder, role: .daemon, options: options)
        stored = try filled.load()
        stored.boot = Boot.current
        return (filled, stored)
    }

    /// The addresses as bound: those of UDP in the order of the configuration, then the others.
    public var bound: [Endpoint] {
        let others = streams.map { $0.bound.sorted { $0.key < $1.key }.map(\.value) } ?? []
        return loop.sockets.bound + others
    }

    /// Serves on the calling thread until SIGTERM, SIGINT or `stop`; SIGHUP reads the files again.
    /// Calls under way stay in the journal; commits under way are settled first.
    public func run() {
        let mailbox = loop.mailbox
        let signals = Signals([
            SIGTERM: { mailbox.post(.stop) },
            SIGINT: { mailbox.post(.stop) },
            SIGHUP: { [reload] in reload.begin(.signal, by: nil) { _ in } },
        ])
        // Whoever read the log or asked at the control socket may have gone away.
        signal(SIGPIPE, SIG_IGN)
        let settings = loaded.configuration.settings
        let addresses = zip(settings.listeners, bound).map { "\($0.transport.name) \($1)" }
            .joined(separator: ", ")
        log.logger.notice(
            """
            tandem serves \(addresses), dialplan \(loaded.configuration.plan.version), \
            start \(store.start)
            """)
        outlook.follow(settings)
        notifier.tell(.ready("running"))
        loop.run(turns)
        notifier.tell(.stopping)
        streams?.close()
        withExtendedLifetime(signals) { close() }
        log.logger.notice("tandem has stopped")
        log.close()
    }

    /// Ends `run`, from any thread.
    public var stop: @Sendable () -> Void {
        let mailbox = loop.mailbox
        return { mailbox.post(.stop) }
    }

    private func close() {
        store.close()
        replies.close()
        do throws(StartFailure) {
            try control.close()
        } catch {
            log.logger.error("\(error.description)")
        }
    }
}
