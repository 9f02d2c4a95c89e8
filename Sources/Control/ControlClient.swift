import Foundation

import Glibc

/// One connection to the control socket of a running daemon, for the CLI.
///
/// Blocks its caller; an answer that takes longer than the patience is an error, since nobody should
/// sit before a terminal that says nothing.
public struct ControlClient: ~Copyable {
    /// The file of the socket.
    public let path: String
    private let descriptor: Int32
    private var splitter = LineSplitter(limit: Wire.responseLimit)

    /// Requests that may be under way at once; beyond it answers are read first.
    public static let windowLimit = 32

    /// Connects.
    ///
    /// - Parameter patience: how long one answer may take, in seconds.
    /// - Throws: `ControlFailure.notRunning` when nobody listens at the path.
    public init(path: String, patience: Int = 60) throws(ControlFailure) {
        self.path = path
        descriptor = try Self.connect(path: path, patience: patience)
    }

    deinit { close(descriptor) }

    /// Asks one thing and waits for its answer.
    public mutating func ask(_ request: Request) throws(ControlFailure) -> Response {
        try write(request)
        return try readResponse()
    }

    /// Asks many things; the answers come in the order of the requests.
    ///
    /// A window of them is under way at once, so that the daemon can make their changes durable
    /// together.
    public mutating func ask(_ requests: [Request]) throws(ControlFailure) -> [Response] {
        var responses: [Response] = []
        responses.reserveCapacity(requests.count)
        var written = 0
        while responses.count < requests.count {
            while written < requests.count && written - responses.count < Self.windowLimit {
                try write(requests[written])
                written += 1
            }
            responses.append(try readResponse())
        }
        return responses
    }

    private func write(_ request: Request) throws(ControlFailure) {
        let line: [UInt8]
        do {
            line = try Wire.line(request)
        } catch {
            throw .broken("the request cannot be written as JSON: \(error)")
        }
        guard line.count <= Wire.requestLimit else {
            throw .broken(
                "the request has \(line.count) bytes, and \(Wire.requestLimit) is the most: import "
                    + "in parts, or while the daemon is stopped")
        }
        var sent = 0
        while sent < line.count {
            let count = line.withUnsafeBytes { bytes in
                send(
                    descriptor, bytes.baseAddress! + sent, bytes.count - sent,
                    Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if errno != EINTR {
                throw .broken("the daemon at \(path) went away: \(Self.reason(errno))")
            }
        }
    }

    private mutating func readResponse() throws(ControlFailure) -> Response {
        do {
            while true {
                if let line = try splitter.next() { return try Wire.response(line) }
                try fill()
            }
        } catch let failure as ControlFailure {
            throw failure
        } catch {
            throw .broken("the daemon at \(path) and this command do not agree: \(error)")
        }
    }

    private mutating func fill() throws(ControlFailure) {
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        let count = piece.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress!, $0.count, 0) }
        if count > 0 {
            splitter.append(piece[..<count])
        } else if count == 0 {
            throw .broken(
                "the daemon at \(path) closed the connection without an answer; its log says why")
        } else if errno == EAGAIN || errno == EWOULDBLOCK {
            throw .broken("the daemon at \(path) gave no answer in time; its log may say why")
        } else if errno != EINTR {
            throw .broken("the daemon at \(path) went away: \(Self.reason(errno))")
        }
    }

    private static func connect(path: String, patience: Int) throws(ControlFailure) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else {
            throw .unreachable(
                "the control socket's path is longer than \(room - 1) bytes: \(path)")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }

        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else {
            throw .unreachable("no socket can be made: \(reason(errno))")
        }
        var wait = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            close(descriptor)
            switch code {
            case ENOENT, ECONNREFUSED, ENOTDIR: throw .notRunning(path: path)
            case EACCES, EPERM:
                throw .unreachable(
                    "you may not use the control socket \(path); join the group it belongs to")
            default: throw .unreachable("no connection to \(path): \(reason(code))")
            }
        }
        return descriptor
    }

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
