import Control
import Runtime
import Switching

/// Answers from the data folder itself, for commands on data while no daemon runs.
enum Offline {
    /// - Parameter path: of the configuration.
    /// - Returns: the answers in the order of the requests; what they changed is durable.
    static func answer(_ requests: [Request], path: String) throws -> [Response] {
        let loaded: LoadedConfiguration
        do throws(ConfigurationFailure) {
            loaded = try ConfigurationLoader.loadInForce(path: path)
        } catch {
            throw Refusal(error.description)
        }
        if case .perform(.explained(let question)) = requests.first,
            !UnstoredSite.hasDatabase(loaded)
        {
            return [.reply(UnstoredSite(loaded).explain(question, now: Wall.now))]
        }
        let offline: OfflineSwitch
        do {
            offline = try OfflineSwitch(loaded)
        } catch {
            throw Refusal("\(error)")
        }
        defer { offline.close() }
        // A database that some command has made holds nobody before the first run.
        if case .perform(.explained(let question)) = requests.first, !offline.hasExtensions {
            return [.reply(UnstoredSite(loaded).explain(question, now: Wall.now))]
        }
        return offline.perform(requests)
    }
}
