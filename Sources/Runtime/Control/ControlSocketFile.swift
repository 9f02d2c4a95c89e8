import Foundation

/// The file of the control socket: who may use it, and what is done with one that was left behind.
enum ControlSocketFile {
    /// Owner and group; the group is who may run `tandem` commands.
    static let mode: mode_t = 0o660

    /// Makes room for a socket at a path.
    ///
    /// A socket that somebody answers on is never removed, nor is a file that is no socket.
    /// - Throws: `StartFailure` that names the path.
    static func prepare(_ path: String) throws(StartFailure) {
        let room = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1
        guard path.utf8.count <= room else {
            throw StartFailure(
                "the control socket's path has \(path.utf8.count) bytes, and the system takes"
                    + " \(room): \(path); set a shorter one with \"control\"")
        }
        var details = stat()
        guard lstat(path, &details) == 0 else {
            let number = errno
            guard number == ENOENT else {
                throw StartFailure("the control socket \(path): \(reason(number))")
            }
            try makeFolder(of: path)
            return
        }
        guard details.st_mode & S_IFMT == S_IFSOCK else {
            throw StartFailure(
                "\(path) is no socket; remove it or set another one with \"control\"")
        }
        guard !isAnswered(path) else {
            throw StartFailure("another daemon answers at \(path); is tandem running already?")
        }
        try remove(path)
    }

    /// Lets the group in, once the socket is there. Until then only the owner may write to it, as the
    /// process's umask has it; the umask itself belongs to every thread and is left alone.
    static func open(_ path: String) throws(StartFailure) {
        guard chmod(path, mode) == 0 else {
            throw StartFailure("the control socket \(path): \(reason(errno))")
        }
    }

    /// Removes the socket, as at the end of the daemon that made it.
    static func remove(_ path: String) throws(StartFailure) {
        guard unlink(path) == 0 || errno == ENOENT else {
            throw StartFailure("the old control socket \(path) stays: \(reason(errno))")
        }
    }

    private static func makeFolder(of path: String) throws(StartFailure) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard !FileManager.default.fileExists(atPath: folder) else { return }
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o750])
        } catch {
            throw StartFailure(
                "the control socket's folder \(folder) cannot be made:"
                    + " \(error.localizedDescription)")
        }
    }

    private static func isAnswered(_ path: String) -> Bool {
        let descriptor = socket(
            AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return true }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return result == 0 || errno != ECONNREFUSED
    }

    private static func reason(_ number: CInt) -> String { String(cString: strerror(number)) }
}
