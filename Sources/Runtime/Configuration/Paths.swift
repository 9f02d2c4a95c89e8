import Foundation

/// Paths as files write them and as people read them.
enum Paths {
    /// Absolute, without `.` and `..`.
    static func resolve(_ path: String, in folder: String) -> String {
        let whole = path.hasPrefix("/") ? path : "\(folder)/\(path)"
        return URL(fileURLWithPath: whole).standardizedFileURL.path
    }

    /// The folder of a file, links followed, so that `..` in a path beside it means what it says.
    static func folder(of path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent().path
    }

    /// Shorter where it lies under the current folder.
    static func shown(_ path: String) -> String {
        let current = FileManager.default.currentDirectoryPath
        guard current != "/", path.hasPrefix(current + "/") else { return path }
        return String(path.dropFirst(current.count + 1))
    }

    /// The last part of a path.
    static func name(of path: String) -> String { URL(fileURLWithPath: path).lastPathComponent }
}
