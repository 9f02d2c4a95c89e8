import Dialplan
import Foundation

/// Reads a whole file of text, with a limit, and says plainly why it cannot.
public enum TextFile {
    /// The longest dialplan, number list, extension list or tariff, in bytes.
    public static let limit = 256 << 20

    /// - Parameter name: what to call it in a diagnostic: `the dialplan`.
    /// - Throws: one diagnostic, about the file as a whole.
    public static func read(
        _ path: String, limit: Int = limit, called name: String
    ) throws(ConfigurationFailure) -> String {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch CocoaError.fileReadNoSuchFile, CocoaError.fileNoSuchFile {
            throw failure(path, "\(name) is not there")
        } catch CocoaError.fileReadNoPermission {
            throw failure(path, "\(name) may not be read by this user")
        } catch {
            throw failure(path, "\(name) cannot be read: \(error.localizedDescription)")
        }
        guard bytes.count <= limit else {
            throw failure(path, "\(name) is longer than \(limit) bytes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw failure(path, "\(name) is not UTF-8")
        }
        // Spreadsheets put a byte order mark first; it is no character of the text.
        return text.unicodeScalars.first == "\u{feff}"
            ? String(text.unicodeScalars.dropFirst()) : text
    }

    private static func failure(_ path: String, _ message: String) -> ConfigurationFailure {
        ConfigurationFailure(diagnostics: [
            Diagnostic(
                severity: .error, file: Paths.shown(path), line: 1, column: 1, message: message,
                sourceLine: "")
        ])
    }
}
