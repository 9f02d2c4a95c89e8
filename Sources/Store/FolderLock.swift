import Foundation
import Glibc

/// The data folder and the lock on it: one process at a time.
///
/// The lock is a `flock` on `FOLDER/lock`, which the kernel lets go when the process ends, however it
/// ends. The file names who holds it, for the message to whoever comes second.
struct FolderLock: ~Copyable {
    private let descriptor: Int32

    /// Makes the folder (mode 0700) when there is none, and takes the lock without waiting.
    init(folder: String, role: Store.Role) throws {
        try FolderLock.makeFolder(folder)
        let path = folder + "/lock"
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let code = errno
            throw Store.Failure(
                .inaccessible,
                "\(path) cannot be opened: \(FolderLock.reason(code)). \(FolderLock.advice(code))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            let holder = FolderLock.holder(descriptor)
            close(descriptor)
            guard code == EWOULDBLOCK else {
                throw Store.Failure(
                    .inaccessible, "\(path) cannot be locked: \(FolderLock.reason(code))")
            }
            throw Store.Failure(
                .inUse,
                "the data folder \(folder) is in use: \(holder). "
                    + "Ask the running daemon instead, or stop it first")
        }
        let text = "\(role.holder), pid \(getpid())\n"
        let written =
            ftruncate(descriptor, 0) == 0
            && text.withCString { pwrite(descriptor, $0, strlen($0), 0) == strlen($0) }
        // On a full disk the lock holds all the same, and only does not say whose it is.
        let code = errno
        guard written || [ENOSPC, EDQUOT, EFBIG].contains(code) else {
            close(descriptor)
            throw Store.Failure(
                .inaccessible, "\(path) cannot be written: \(FolderLock.reason(code))")
        }
        self.descriptor = descriptor
    }

    deinit {
        // Closing the last descriptor lets the lock go.
        close(descriptor)
    }

    private static func makeFolder(_ folder: String) throws {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) {
            guard isFolder.boolValue else {
                throw Store.Failure(
                    .inaccessible, "the data folder \(folder) is a file; name another one")
            }
            return
        }
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw Store.Failure(
                .inaccessible,
                "the data folder \(folder) cannot be made: \(error.localizedDescription)")
        }
    }

    /// What the holder wrote about itself.
    private static func holder(_ descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 128)
        let count = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count > 0 else { return "another process holds its lock" }
        let line = buffer[..<count].prefix { $0 != UInt8(ascii: "\n") }
        return String(decoding: line, as: UTF8.self)
    }

    private static func advice(_ code: Int32) -> String {
        switch code {
        case EROFS: "Mount it so that it can be written; dmesg(1) says why it is not"
        case ENOSPC, EDQUOT: "Free some space"
        default: "The data folder and all in it must belong to the user that runs tandem"
        }
    }

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}

extension Store.Role {
    /// How the lock file names the holder.
    fileprivate var holder: String {
        switch self {
        case .daemon: "the daemon is running"
        case .offline: "another tandem command is at work"
        }
    }
}
