import Foundation
import Glibc

/// A file that holds some space of the data folder's disk, to be given up when the disk is full at the
/// start: SQLite cannot even read a database without room for the index of its log, and the switch
/// has to serve free calls and emergency calls on a full disk too.
struct DiskReserve {
    /// What opening a database takes, many times over.
    static let size = 1 << 20
    static let fileName = "reserve"

    let path: String

    init(folder: String) { path = folder + "/" + DiskReserve.fileName }

    /// Takes the space, where it is not taken already.
    ///
    /// - Throws: `Failure` when the disk has no room for it.
    func take() throws {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(errno) }
        defer { close(descriptor) }
        // Blocks that are there already cost nothing.
        let code = posix_fallocate(descriptor, 0, off_t(DiskReserve.size))
        guard code == 0 else {
            // Half a reserve would only take from what is left.
            unlink(path)
            throw failure(code)
        }
    }

    /// There was a database beside it once.
    var isThere: Bool { FileManager.default.fileExists(atPath: path) }

    /// Gives the space back.
    func giveUp() { unlink(path) }

    private func failure(_ code: Int32) -> Store.Failure {
        let reason = String(cString: strerror(code))
        return Store.Failure(
            .inaccessible,
            code == ENOSPC || code == EDQUOT
                ? "\(path): the disk is full; free some space (\(reason))" : "\(path): \(reason)")
    }
}
