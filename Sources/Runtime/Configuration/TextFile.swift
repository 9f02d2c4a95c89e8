import Dialplan
import Foundation

/// Reads a whole file of text, with a limit, and says plainly why it cannot.
public enum TextFile {
    /// The longest dialplan, number list, extension list or tariff, in bytes.
    public static let limit = 256 << 20

    /// - Parameter name: what to call it in a diagnostic: `the dialplan`.
    /// - Throws: one diagnostic, of the first line that cannot be read, or about the file as a whole.
    public static func read(
        _ path: String, limit: Int = limit, called name: String
    ) throws(ConfigurationFailure) -> String {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
        {
            throw failure(path, "\(name) is a folder, not a file")
        }
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
            let (line, column) = firstForeign(in: bytes)
            throw failure(
                path, "\(name) is not UTF-8 from here on", line: line, column: column,
                help: "save it as UTF-8; \"iconv -f GB18030 -t UTF-8\" converts a Chinese file")
        }
        // Spreadsheets put a byte order mark first; it is no character of the text.
        return text.unicodeScalars.first == "\u{feff}"
            ? String(text.unicodeScalars.dropFirst()) : text
    }

    /// Where the first byte stands that is not UTF-8, in lines and characters from 1.
    private static func firstForeign(in bytes: Data) -> (line: Int, column: Int) {
        var (line, column) = (1, 1)
        var reader = UTF8()
        var rest = bytes.makeIterator()
        while case .scalarValue(let scalar) = reader.decode(&rest) {
            if scalar == "\n" { (line, column) = (line + 1, 1) } else { column += 1 }
        }
        return (line, column)
    }

    private static func failure(
        _ path: String, _ message: String, line: Int = 1, column: Int = 1, help: String? = nil
    ) -> ConfigurationFailure {
        ConfigurationFailure(diagnostics: [
            Diagnostic(
                severity: .error, file: Paths.shown(path), line: line, column: column,
                message: message, suggestion: help, sourceLine: "")
        ])
    }
}
