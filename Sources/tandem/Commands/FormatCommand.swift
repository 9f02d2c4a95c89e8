import ArgumentParser
import Dialplan
import Foundation
import Runtime

struct FormatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fmt",
        abstract: "Write dialplans in their canonical form, with all comments.",
        discussion: """
            Without a file it is the dialplan of the configuration with every file that it includes. A \
            plan that cannot be read is left as it is, and the diagnostics say why. Exit code 1 when --check finds a file to format.
            """)

    @OptionGroup var options: GlobalOptions
    @Argument(help: "The dialplans to format, - for standard input.") var files: [String] = []
    @Flag(help: "Write nothing; name the files that are not in their form.") var check = false
    @Flag(help: "Print the form and leave the file as it is.") var stdout = false

    func validate() throws {
        if check, stdout { throw ValidationError("either --check or --stdout") }
    }

    func run() throws {
        var paths = files
        if paths.isEmpty { paths = try dialplans() }
        var isRefused = false
        var isFound = false
        for path in paths {
            let text = try read(path)
            let (formatted, diagnostics) = Plan.formatted(SourceFile(path: path, text: text))
            guard let formatted else {
                Output.diagnostics(diagnostics, options)
                isRefused = true
                continue
            }
            if stdout || path == "-" && !check {
                Output.file(formatted)
            } else if formatted != text {
                isFound = true
                Output.done(check ? "\(path) is not in its form" : "\(path): formatted", options)
                if !check { try write(formatted, to: path) }
            }
        }
        if isRefused || isFound && check { throw Refusal("") }
    }

    /// The dialplan of the configuration and all that it includes; to be printed the first alone.
    private func dialplans() throws -> [String] {
        let path = try options.path
        do throws(ConfigurationFailure) {
            let places = try ConfigurationLoader.places(path: path)
            return stdout ? [places.dialplan] : try ConfigurationLoader.dialplans(of: places)
        } catch {
            throw Refusal("\(error)")
        }
    }

    private func read(_ path: String) throws -> String {
        guard path != "-" else {
            return String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
        }
        do throws(ConfigurationFailure) {
            return try TextFile.read(path, called: "the dialplan")
        } catch {
            throw Refusal(error.description)
        }
    }

    /// Beside the file first, so that a full disk leaves the old text. A link stays one, and the file
    /// its owner's.
    private func write(_ text: String, to path: String) throws {
        let file = URL(fileURLWithPath: path).resolvingSymlinksInPath()
        do {
            let kept: [FileAttributeKey] = [
                .ownerAccountID, .groupOwnerAccountID, .posixPermissions,
            ]
            let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
                .filter { kept.contains($0.key) }
            try Data(text.utf8).write(to: file, options: .atomic)
            try FileManager.default.setAttributes(attributes, ofItemAtPath: file.path)
        } catch {
            throw Refusal("\(path) could not be written: \(error.localizedDescription)")
        }
    }
}
