import Control
import Foundation
import NIOCore
import NIOPosix

/// The control socket: a line of JSON in, a line of JSON out, in the order of the requests.
///
/// Lives on a SwiftNIO loop of its own, so that however large a request or an answer is, no call
/// waits for it.
final class ControlServer: Sendable {
    /// Clients at once; the next one is told and sent away.
    static let connectionLimit = 64
    /// A request up to so many bytes is read beside any number of others.
    static let shortRequest = 8 << 20
    /// How many longer ones are read at once: each may be as long as the longest file.
    static let longRequestLimit = 2
    /// Requests of one client under way at once; more are read when some are answered.
    static let windowLimit = 32

    /// Answers a request, from any thread, once. Must not block.
    typealias Responder = @Sendable (Request, @escaping @Sendable (Response) -> Void) -> Void

    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let path: String

    /// Binds the socket, mode 0660. Blocks until it is there.
    /// - Throws: `StartFailure` that names the path.
    init(path: String, responder: @escaping Responder) throws(StartFailure) {
        try ControlSocketFile.prepare(path)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let connections = ControlConnections(limit: Self.connectionLimit)
        let bootstrap = ServerBootstrap(group: group)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 1024, initial: 4096, maximum: 1 << 18)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        ControlConnection(responder: responder, connections: connections))
                }
            }
        do {
            channel = try bootstrap.bind(unixDomainSocketPath: path).wait()
            try ControlSocketFile.open(path)
        } catch {
            group.shutdownGracefully { _ in }
            throw StartFailure("cannot listen on the control socket \(path): \(error)")
        }
        self.group = group
        self.path = path
    }

    /// Ends every connection and removes the file. Blocks for a moment.
    /// - Throws: `StartFailure` when the file cannot be removed.
    func close() throws(StartFailure) {
        let closed = DispatchSemaphore(value: 0)
        group.shutdownGracefully { _ in closed.signal() }
        closed.wait()
        try ControlSocketFile.remove(path)
    }
}

/// Counts clients; used on the server's loop alone.
final class ControlConnections: @unchecked Sendable {
    private let limit: Int
    private var count = 0
    /// How many read a request that is longer than `ControlServer.shortRequest`.
    private var longRequests = 0

    init(limit: Int) { self.limit = limit }

    /// Whether one more may read a long request: a file that is imported, of which two fill enough memory.
    func enterLong() -> Bool {
        guard longRequests < ControlServer.longRequestLimit else { return false }
        longRequests += 1
        return true
    }

    func leaveLong() { longRequests -= 1 }

    func enter() -> Bool {
        guard count < limit else { return false }
        count += 1
        return true
    }

    func leave() { count -= 1 }
}
