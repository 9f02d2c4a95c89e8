import Control
import Foundation
import Logging
import Switching

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

    /// - Parameter first: what the sockets and the data folder were opened by; it takes a restart
    ///   to change that.
    init(
        first: LoadedConfiguration, outlook: Outlook, notifier: ServiceNotifier, logger: Logger,
        post: @escaping @Sendable (Mail) -> Void
    ) {
        path = first.path
        self.first = first
        self.notifier = notifier
        self.logger = logger
        self.post = post
        self.outlook = outlook
    }

    /// - Parameter answer: called when the new rules are in force, or were refused.
    func begin(answer: @escaping @Sendable (Response) -> Void) {
        queue.async { [self] in
            notifier.tell(.reloading)
            do throws(ConfigurationFailure) {
                let loaded = try ConfigurationLoader.load(path: path)
                var configuration = loaded.configuration
                configuration.settings.listeners = first.configuration.settings.listeners
                let remarks = loaded.diagnostics.map(\.rendered) + needsRestart(loaded)
                for remark in remarks { logger.warning("reload: \(remark)") }
                let settings = configuration.settings
                let text = "dialplan \(configuration.plan.version) is in force"
                post(
                    .configured(configuration) { [notifier, logger, outlook] in
                        // After the switch knows the trunks that are looked up.
                        outlook.follow(settings)
                        logger.notice("reload: \(text)")
                        notifier.tell(.ready("running"))
                        answer(.done(([text] + remarks).joined(separator: "\n")))
                    })
            } catch {
                let lines = error.diagnostics.map(\.rendered)
                logger.error("reload refused, the old rules stay: \(path)")
                for line in lines { logger.error("\(line)") }
                notifier.tell(.ready("running; the last reload was refused"))
                answer(.refused(lines + ["nothing was changed: the old rules stay"]))
            }
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
