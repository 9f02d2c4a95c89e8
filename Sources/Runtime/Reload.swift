import Control
import Dialplan
import Foundation
import Logging
import SIP
import Switching
import Synchronization
import Transport

/// Reads all files again beside the loop, and hands them to the switch when they are good.
///
/// One at a time, on a queue of its own. A file that is wrong changes nothing: the old rules stay,
/// and every diagnostic is logged and answered.
final class Reload: Sendable {
    private let path: String
    private let first: LoadedConfiguration
    private let post: @Sendable (Mail) -> Void
    private let outlook: Outlook
    private let notifier: ServiceNotifier
    private let logger: Logger
    private let queue = DispatchQueue(label: "tandem.reload")
    private let versions: DialplanVersions
    /// What the switch works by: kept here so that the switch, on its loop, is never the last to let
    /// go of a plan.
    private let inForce: Mutex<LoadedConfiguration>

    /// How long the loop may take to take new rules.
    private static let patience = DispatchTimeInterval.seconds(30)

    /// - Parameter first: what the sockets and the data folder were opened by; it takes a restart
    ///   to change that.
    init(
        first: LoadedConfiguration, outlook: Outlook, notifier: ServiceNotifier, logger: Logger,
        post: @escaping @Sendable (Mail) -> Void
    ) {
        path = first.path
        self.first = first
        versions = DialplanVersions(dataFolder: first.dataFolder)
        inForce = Mutex(first)
        self.notifier = notifier
        self.logger = logger
        self.post = post
        self.outlook = outlook
    }

    /// Keeps the version that the daemon was started with. Returns at once.
    func started() {
        queue.async { [self] in
            let loaded = inForce.withLock { $0 }
            if let remark = keep(loaded, .start, by: nil) { logger.warning("\(remark)") }
        }
    }

    /// - Parameter answer: called when the new rules are in force, or were refused.
    func begin(
        _ reason: DialplanVersions.Reason, by user: String?,
        answer: @escaping @Sendable (Response) -> Void
    ) {
        queue.async { [self] in
            swap(in: nil, answer) { loaded in
                let remark = keep(loaded, reason, by: user)
                do {
                    try versions.release()
                } catch {
                    return [remark, "a rollback is still noted: \(error)"].compactMap { $0 }
                }
                return [remark].compactMap { $0 }
            }
        }
    }

    /// Puts a kept version in force; the files stay as they are.
    func rollBack(
        to name: String?, by user: String?, answer: @escaping @Sendable (Response) -> Void
    ) {
        queue.async { [self] in
            let entry: DialplanVersions.Record
            switch versions.entry(named: name) {
            case .failure(let refusal):
                answer(.refused([refusal.text]))
                return
            case .success(let found): entry = found
            }
            guard let texts = versions.texts(of: entry.version) else {
                answer(.refused(["the texts of version \(entry.version) are not kept any more"]))
                return
            }
            swap(in: texts, answer) { loaded in
                var remarks = [keep(loaded, .rollback, by: user)].compactMap { $0 }
                guard let files = ConfigurationLoader.texts(path: path), files != texts else {
                    return remarks
                }
                do {
                    try versions.hold(.init(version: entry.version, files: files))
                    remarks.append(
                        "the files stay as they are; tandem reload takes them again")
                } catch {
                    remarks.append("a restart will take the files again: \(error)")
                }
                return remarks
            }
        }
    }

    func list(answer: @escaping @Sendable (Response) -> Void) {
        queue.async { [versions] in answer(.versions(versions.rows)) }
    }

    /// Loads, hands the result to the switch, and waits until it is in force.
    ///
    /// - Parameter done: what is to be noted then, beside the loop; returns remarks about it.
    private func swap(
        in texts: DialplanTexts?, _ answer: @escaping @Sendable (Response) -> Void,
        done: (LoadedConfiguration) -> [String]
    ) {
        notifier.tell(.reloading)
        let start = MonotonicClock.now()
        do throws(ConfigurationFailure) {
            let loaded = try ConfigurationLoader.load(path: path, dialplan: texts)
            var configuration = loaded.configuration
            configuration.settings.listeners = first.configuration.settings.listeners
            let remarks = loaded.diagnostics.map(\.rendered) + needsRestart(loaded)
            for remark in remarks { logger.warning("reload: \(remark)") }
            let settings = configuration.settings
            let zones = try Self.zones(configuration.plan, path)
            let checked = MonotonicClock.now() - start
            let version = configuration.plan.version
            let isTaken = DispatchSemaphore(value: 0)
            let report = Mutex("")
            post(
                .configured(configuration, zones) { [notifier, logger, outlook] held in
                    // After the switch knows the trunks that are looked up.
                    outlook.follow(settings)
                    let text = """
                        dialplan \(version) is in force; read and checked in \
                        \(checked.milliseconds) ms, the swap held calls up for \
                        \(held.nanoseconds / 1000) us
                        """
                    report.withLock { $0 = text }
                    logger.notice("reload: \(text)")
                    notifier.tell(.ready("running"))
                    isTaken.signal()
                })
            // A daemon that stops takes nothing any more, and nobody waits for this answer then.
            guard isTaken.wait(timeout: .now() + Self.patience) == .success else {
                answer(.refused(["the loop did not take the new rules; is the daemon stopping?"]))
                return
            }
            // The old plan is let go of here and not on the loop: with 100,000 numbers that takes
            // a while.
            inForce.withLock { $0 = loaded }
            let text = report.withLock { $0 }
            answer(.done(([text] + remarks + done(loaded)).joined(separator: "\n")))
        } catch {
            let lines = error.diagnostics.map(\.rendered)
            logger.error("reload refused, the old rules stay: \(path)")
            for line in lines { logger.error("\(line)") }
            notifier.tell(.ready("running; the last reload was refused"))
            answer(.refused(lines + ["nothing was changed: the old rules stay"]))
        }
    }

    /// The loader has looked the zones up already; between then and now one may be uninstalled.
    private static func zones(
        _ plan: Plan, _ path: String
    ) throws(ConfigurationFailure) -> SiteZones {
        do throws(StartFailure) {
            return try SiteZones(plan)
        } catch {
            throw ConfigurationFailure(diagnostics: [
                Diagnostic(
                    severity: .error, file: path, line: 1, column: 1, message: error.description,
                    sourceLine: "")
            ])
        }
    }

    /// Notes a version that is in force.
    /// - Returns: why it could not be kept, if it could not.
    private func keep(
        _ loaded: LoadedConfiguration, _ reason: DialplanVersions.Reason, by user: String?
    ) -> String? {
        do {
            try versions.keep(
                loaded.dialplan, version: loaded.configuration.plan.version, reason, by: user,
                at: Int64(Date().timeIntervalSince1970 * 1_000_000))
            return nil
        } catch {
            return "this version could not be kept to go back to: \(error)"
        }
    }

    /// What the files say differently about what was opened at the start.
    private func needsRestart(_ loaded: LoadedConfiguration) -> [String] {
        var remarks: [String] = []
        func compare(_ name: String, _ isSame: Bool) {
            if !isSame { remarks.append("\(name) changed: that takes a restart") }
        }
        compare(
            "listen",
            loaded.configuration.settings.listeners == first.configuration.settings.listeners)
        compare("data", loaded.dataFolder == first.dataFolder)
        compare("control", loaded.controlSocket == first.controlSocket)
        return remarks
    }
}
