import Dialplan
import Foundation
import SIP
import Store
import Switching

/// A site whose daemon never ran: there are files and nothing stored. Its dialplan can be asked all
/// the same, which is what somebody wants who writes it.
public struct UnstoredSite: Sendable {
    private let loaded: LoadedConfiguration

    /// A site of which nothing is stored, whether there is a database or not.
    public init(_ loaded: LoadedConfiguration) { self.loaded = loaded }

    /// Whether there is a database, which has the say where it holds any extension.
    public static func hasDatabase(_ loaded: LoadedConfiguration) -> Bool {
        FileManager.default.fileExists(atPath: "\(loaded.dataFolder)/\(Store.fileName)")
    }

    /// Decides as the switch would, with the levels of the list that a first run imports.
    ///
    /// - Parameter now: microseconds since 1970 UTC.
    public func explain(_ question: Explanation.Question, now: Int64) -> ControlReply {
        let configuration = loaded.configuration
        let trunks = configuration.settings.trunks.map(\.name)
        let plan = configuration.plan
        for name in question.down
        where name != "line" && !trunks.contains(name) && !plan.hasLine(name) {
            let advice = Spelling.advice(for: name, among: trunks).map { "; \($0)" } ?? ""
            return .refused("there is no trunk \(name)\(advice)")
        }
        let caller: Caller
        do throws(ConfigurationFailure) {
            if trunks.contains(question.from) {
                caller = .trunk(question.from)
            } else if plan.hasLine(question.from) {
                caller = .line(question.from)
            } else {
                caller = try subscriber(question.from)
            }
        } catch {
            return .refused(error.description)
        }
        let at = question.at ?? now
        let clock: WallClock
        do throws(StartFailure) {
            let zones = try SiteZones(configuration.plan, around: at)
            clock = WallClock(
                instant: Instant(nanoseconds: 0), unixMicroseconds: at, zone: zones.main,
                otherZones: zones.others)
        } catch {
            return .refused(error.description)
        }
        var query = Query(
            caller: caller, dialled: question.dial, time: clock.civilTime(at),
            down: Set(question.down))
        query.timesElsewhere = clock.otherTimes(at)
        query.isThorough = true
        if caller.number == nil {
            query.callerNumber = question.presenting
        } else {
            query.wish = question.presenting
        }
        return .explanation(Explanation(plan.decide(query)))
    }

    private func subscriber(_ number: String) throws(ConfigurationFailure) -> Caller {
        guard let path = loaded.extensionsCSV else {
            throw failure("nothing is stored yet, and no list of extensions is named", loaded.path)
        }
        let text = try TextFile.read(path, called: "the list of extensions")
        let list = ExtensionFile(
            text: text, file: Paths.shown(path), plan: loaded.configuration.plan)
        guard list.diagnostics.isEmpty else {
            throw ConfigurationFailure(diagnostics: list.diagnostics)
        }
        guard let row = list.rows.first(where: { $0.number == number }), let level = row.level
        else { throw failure("no row with a level is for extension \(number)", path) }
        return .extension(number, level: level)
    }

    private func failure(_ message: String, _ path: String) -> ConfigurationFailure {
        ConfigurationFailure(diagnostics: [
            Diagnostic(
                severity: .error, file: Paths.shown(path), line: 1, column: 1, message: message,
                sourceLine: "")
        ])
    }
}
