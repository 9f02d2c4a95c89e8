import NIOCore
import NIOSSL
import NIOTLS
import SIP

/// One connection: cuts what comes into messages, and answers keep-alives (RFC 5626 §3.5.1).
///
/// It is read on only when the loop keeps up, and closed when its peer does not read, says nothing for
/// too long, or sends what cannot be read.
final class StreamConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let flow: Flow
    let wasAccepted: Bool
    private let table: StreamTable
    private var framer = MessageFramer()
    private var events: [StreamEvent] = []
    private var context: ChannelHandlerContext?
    private var isActive = false
    /// Its handshake is over.
    private var isSecure = false
    private var isClosing = false
    /// It is read to its end, and nothing of that matters.
    private var isOver = false
    /// Whether somebody who is known speaks by it: it is ours, or `StreamTable.prove` was told so.
    private(set) var isProved: Bool
    private let openedAt: NIODeadline
    /// What the table knows of it.
    private var unfinishedBytes = 0
    /// When anything last came or went.
    private var busyAt = NIODeadline.now()
    /// Since when a message is awaited: the first of an accepted connection, or the rest of one.
    private var awaitsSince: NIODeadline?

    private static let lineEnd: [UInt8] = [13, 10]

    init(flow: Flow, wasAccepted: Bool, table: StreamTable) {
        self.flow = flow
        self.wasAccepted = wasAccepted
        self.table = table
        isProved = !wasAccepted
        openedAt = busyAt
        awaitsSince = wasAccepted ? busyAt : nil
    }

    func prove() { isProved = true }

    var isOpen: Bool { !isClosing }

    // MARK: The channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !isActive else { return }
        isActive = true
        context.read()
    }

    func channelInactive(context: ChannelHandlerContext) {
        // One that was never connected is the dial's to tell.
        if isActive {
            isActive = false
            isClosing = true
            unfinishedBytes = table.noted(0, after: unfinishedBytes).bytes
            framer = MessageFramer()
            table.closed(self)
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Whatever it is, the connection is over; that is told when it is closed.
        if flow.transport == .tls, !isSecure, !isClosing {
            table.inbox.count { $0.handshakes += 1 }
        }
        close()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent { handshakeCompleted(context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func handshakeCompleted(_ context: ChannelHandlerContext) {
        isSecure = true
        do {
            let certificate = try context.pipeline.syncOperations.nioSSL_peerCertificate()
            guard let names = certificate?.hostNames, !names.isEmpty else { return }
            table.inbox.post([.certified(flow, names: names)])
        } catch {
            // Without its handler the connection is not what it was made as.
            close()
        }
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing, !isOver else { return }
        busyAt = .now()
        framer.append(unwrapInboundIn(data).readableBytesView)
        var isPinged = false
        while !isClosing, !isOver {
            switch framer.next() {
            case .needsMore:
                noteBegun()
                if isPinged { answerPing() }
                return
            case .ping: isPinged = true
            case .message(let bytes):
                awaitsSince = nil
                events.append(.received(bytes, on: flow))
            case .malformed(let reason, let head): refuse(head, reason)
            }
        }
    }

    private func noteBegun() {
        if framer.isMidMessage, awaitsSince == nil { awaitsSince = busyAt }
        guard framer.unfinishedBytes != unfinishedBytes else { return }
        let noted = table.noted(framer.unfinishedBytes, after: unfinishedBytes)
        unfinishedBytes = noted.bytes
        if noted.isTooMuch {
            table.inbox.count { $0.unfinished += 1 }
            close()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        deliver()
        if table.inbox.isFull {
            table.hold(self)
        } else {
            context.read()
        }
    }

    private func deliver() {
        guard !events.isEmpty else { return }
        let count = UInt64(events.count)
        table.inbox.count { $0.received += count }
        table.inbox.post(events)
        events.removeAll(keepingCapacity: true)
    }

    func readOn() { context?.read() }

    private func answerPing() {
        write(Self.lineEnd)
        flush()
    }

    /// Says what is wrong where that can be said, and ends the connection: no message can be told from
    /// the next on it.
    ///
    /// What still comes is read and dropped for a while: a connection that is closed with bytes unread
    /// is reset, and the answer lost.
    private func refuse(_ head: [UInt8], _ reason: ParseError.Reason) {
        table.inbox.count { $0.malformed += 1 }
        deliver()
        let status = reason == .tooLarge ? 513 : 400
        let phrase = reason == .tooLarge ? nil : ParseError(reason: reason, offset: 0).phrase
        if let request = Self.request(head), request.method != .ack {
            write(
                request.response(
                    status, reason: phrase, toTag: Self.toTag, source: flow.remote,
                    extra: { writer in writer.field(.server, "Tandem") }))
            flush()
        }
        isOver = true
        awaitsSince = .now()
        context?.close(mode: .output, promise: nil)
    }

    private static let toTag = Array("unreadable".utf8)

    private static func request(_ head: [UInt8]) -> Message? {
        do throws(ParseError) {
            let message = try Message(parsing: head)
            return message.isRequest ? message : nil
        } catch {
            return error.answerable
        }
    }

    // MARK: Writing

    /// Puts bytes with those that leave at the next `flush`.
    func write(_ bytes: [UInt8]) {
        guard !isClosing, !isOver, let context else { return }
        guard context.channel.isWritable else {
            table.inbox.count { $0.slow += 1 }
            close()
            return
        }
        busyAt = .now()
        context.write(wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
    }

    func flush() { context?.flush() }

    enum Overdue {
        case no
        /// It has said nothing for too long, in all or in the midst of a message.
        case silent
        /// Nobody has proved by it who it is, and had the time for that.
        case unproved
    }

    func overdue(_ now: NIODeadline) -> Overdue {
        if let awaitsSince, now - awaitsSince > table.limits.message { return .silent }
        if !isProved, now - openedAt > table.limits.unproved { return .unproved }
        return now - busyAt > table.limits.idle ? .silent : .no
    }

    /// - Returns: what is done when it is closed; nil when it was never connected.
    @discardableResult
    func close() -> EventLoopFuture<Void>? {
        isClosing = true
        context?.close(mode: .all, promise: nil)
        return context?.channel.closeFuture
    }
}
