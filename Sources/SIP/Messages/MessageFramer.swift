/// The receiving end of one stream: takes bytes as they come, torn anywhere, and gives whole messages.
///
/// It holds one message at most, `MessageLimits.bytes`, and what came behind it. A stream in which no
/// message can be told from the next is over: it gives `malformed` once, and nothing any more.
/// RFC 3261 §18.3; RFC 5626 §3.5.1 and §4.4.1.
public struct MessageFramer: Sendable {
    public enum Output: Sendable {
        /// Nothing is whole.
        case needsMore
        /// Two line ends between messages: the other side wants one in return.
        case ping
        case message([UInt8])
        /// The stream cannot be read on. `head` is what was received of the message.
        case malformed(ParseError.Reason, head: [UInt8])
    }

    private var buffer: [UInt8] = []
    /// Where the message under way begins.
    private var start = 0
    private var scan = MessageFraming.Scan()
    /// Line ends since the last message or the last ping.
    private var lineEnds = 0
    private var isOver = false

    public init() {}

    /// Whether a message has begun and is not whole.
    public var isMidMessage: Bool { start < buffer.count }

    /// Bytes of it.
    public var unfinishedBytes: Int { buffer.count - start }

    public mutating func append(_ bytes: some Collection<UInt8>) {
        guard !isOver else { return }
        if start > 0 {
            buffer.removeFirst(start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    private mutating func frame() -> MessageFraming.Frame {
        let rest = buffer[start...]
        return scan.frame(rest.span)
    }

    /// What is next in the stream; call it until it wants more.
    public mutating func next() -> Output {
        while !isOver {
            switch frame() {
            case .incomplete: return .needsMore
            case .keepAlive(let count):
                lineEnds += buffer[start..<start + count].count { $0 == .lf }
                start += count
                guard lineEnds >= 2 else { continue }
                // However many came at once, one answer says that the way is open.
                lineEnds = 0
                return .ping
            case .message(let count):
                let message = Array(buffer[start..<start + count])
                start += count
                scan = MessageFraming.Scan()
                lineEnds = 0
                return .message(message)
            case .malformed(let reason):
                let head = Array(buffer[start...].prefix(MessageLimits.bytes))
                isOver = true
                buffer = []
                start = 0
                return .malformed(reason, head: head)
            }
        }
        return .needsMore
    }
}
