import Dialplan
import Foundation
import Synchronization

/// The texts of a dialplan: its main file and the files it names, by the names it writes.
public struct DialplanTexts: Sendable, Hashable, Codable {
    public var main: String
    public var included: [String: String]

    public init(main: String, included: [String: String] = [:]) {
        self.main = main
        self.included = included
    }
}

/// A dialplan to be compiled: from its files, or from texts that were kept of them.
///
/// The plan speaks of its files by the names they are written with, so that an explanation reads the
/// same wherever the daemon was started; diagnostics get the paths an editor can open.
final class DialplanSource: Sendable {
    private let path: String
    private let kept: DialplanTexts?
    private let folder: String
    private let name: String
    private let read = Mutex(DialplanTexts(main: ""))
    /// Files that are there and cannot be used, by the names the plan writes: why.
    private let unreadable = Mutex<[String: String]>([:])

    /// - Parameter path: of the main file, absolute.
    init(path: String, kept: DialplanTexts?) {
        self.path = path
        self.kept = kept
        folder = Paths.folder(of: path)
        name = Paths.name(of: path)
    }

    /// What was compiled last.
    var texts: DialplanTexts { read.withLock { $0 } }

    func compiled(context: PlanContext) -> (plan: Plan?, diagnostics: [Diagnostic]) {
        let (plan, diagnostics) = withSources { Plan.compile($0, context: context) }
        return (plan ?? nil, diagnostics)
    }

    func tested(
        context: PlanContext
    ) -> (expectations: [ExpectationResult], diagnostics: [Diagnostic]) {
        let (expectations, diagnostics) = withSources { Plan.test($0, context: context) }
        return (expectations ?? [], diagnostics)
    }

    private func withSources<Result>(
        _ body: (PlanSources) -> (Result, [Diagnostic])
    ) -> (Result?, [Diagnostic]) {
        let main: String
        do throws(ConfigurationFailure) {
            if let kept {
                main = kept.main
            } else {
                main = try TextFile.read(path, called: "the dialplan")
            }
        } catch {
            return (nil, error.diagnostics)
        }
        read.withLock { $0 = DialplanTexts(main: main) }
        let sources = PlanSources(
            main: SourceFile(path: name, text: main),
            included: { [unowned self] in include($0) },
            unreadable: { [unowned self] name in unreadable.withLock { $0[name] } })
        var (result, diagnostics) = body(sources)
        for index in diagnostics.indices {
            let file = diagnostics[index].file
            diagnostics[index].file = Paths.shown(
                file == name ? path : Paths.resolve(file, in: folder))
        }
        return (result, diagnostics)
    }

    private func include(_ name: String) -> String? {
        let text: String
        if let kept {
            guard let known = kept.included[name] else { return nil }
            text = known
        } else {
            do throws(ConfigurationFailure) {
                text = try TextFile.read(place(of: name), called: name)
            } catch {
                // The compiler says at which line of the plan the file is named.
                let why = error.diagnostics.first.map {
                    "\($0.file):\($0.line):\($0.column): \($0.message)"
                }
                if FileManager.default.fileExists(atPath: place(of: name)) {
                    unreadable.withLock { $0[name] = why }
                }
                return nil
            }
        }
        read.withLock { $0.included[name] = text }
        return text
    }

    /// Where a file of the plan lies, by the name the plan writes.
    func place(of name: String) -> String { Paths.resolve(name, in: folder) }
}
