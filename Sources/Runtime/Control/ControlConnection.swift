import Control
import NIOCore

/// One client of the control socket.
///
/// Requests begin as they are read and may end in any order; answers leave in the order of the
/// requests. Nothing is read while the window is full or the client does not take its answers.
final class ControlConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let responder: ControlServer.Responder
    private let connections: ControlConnections
    private var splitter = LineSplitter(limit: Wire.requestLimit)
    /// The answer of each request under way, oldest first; nil while it is not there.
    private var window: [[UInt8]?] = []
    /// How many answers left the window since the beginning.
    private var answered = 0
    private var isCounted = false
    private var isLong = false
    private var isReadingOver = false

    init(responder: @escaping ControlServer.Responder, connections: ControlConnections) {
        self.responder = responder
        self.connections = connections
    }

    func channelActive(context: ChannelHandlerContext) {
        isCounted = connections.enter()
        guard isCounted else {
            refuse(
                "\(ControlServer.connectionLimit) commands are at work already; try again later",
                context)
            return
        }
        context.read()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if isCounted { connections.leave() }
        isCounted = false
        if isLong { connections.leaveLong() }
        isLong = false
        isReadingOver = true
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        splitter.append(unwrapInboundIn(data).readableBytesView)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        takeRequests(context)
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        takeRequests(context)
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The client went away in the middle; what it asked for is done all the same.
        context.close(promise: nil)
    }

    private func takeRequests(_ context: ChannelHandlerContext) {
        guard !isReadingOver else { return }
        do throws(WireError) {
            while window.count < ControlServer.windowLimit, context.channel.isWritable {
                guard let line = try splitter.next() else {
                    guard
                        isLong || splitter.held <= ControlServer.shortRequest
                            || enterLong()
                    else {
                        refuse(
                            "\(ControlServer.longRequestLimit) long requests are being read already; "
                                + "try again later", context)
                        return
                    }
                    context.read()
                    return
                }
                let request = try Wire.request(line)
                if isLong {
                    isLong = false
                    connections.leaveLong()
                }
                begin(request, context)
            }
        } catch {
            refuse(error.description, context)
        }
    }

    private func enterLong() -> Bool {
        isLong = connections.enterLong()
        return isLong
    }

    private func begin(_ request: Request, _ context: ChannelHandlerContext) {
        let place = answered + window.count
        window.append(nil)
        let loop = context.eventLoop
        let bound = NIOLoopBound((self, context), eventLoop: loop)
        responder(request) { response in
            // Written out on the responder's thread, the large ones take a while.
            let line = Self.line(response)
            loop.execute {
                let (connection, context) = bound.value
                connection.answer(place, line, context)
            }
        }
    }

    private func answer(_ place: Int, _ line: [UInt8], _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        window[place - answered] = line
        var ready = 0
        while ready < window.count, let line = window[ready] {
            context.write(wrapOutboundOut(ByteBuffer(bytes: line)), promise: nil)
            ready += 1
        }
        guard ready > 0 else { return }
        window.removeFirst(ready)
        answered += ready
        context.flush()
        takeRequests(context)
    }

    /// Says why, and reads no more from this client.
    private func refuse(_ reason: String, _ context: ChannelHandlerContext) {
        isReadingOver = true
        let line = Self.line(.refused([reason]))
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: line)))
            .assumeIsolated().whenComplete { _ in context.close(promise: nil) }
    }

    private static func line(_ response: Response) -> [UInt8] {
        do {
            let line = try Wire.line(response)
            guard line.count <= Wire.responseLimit else {
                return Self.line(.refused(["the answer is too long; ask for less at once"]))
            }
            return line
        } catch {
            return Array("{\"refused\":{\"_0\":[\"the answer cannot be written as JSON\"]}}\n".utf8)
        }
    }
}
