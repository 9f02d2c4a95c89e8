/// A SIP method (RFC 3261 §7.1 and the RFCs that extend it). Methods compare by exact case.
///
/// `init(_:)` gives the named case for every known spelling, so `other` holds unknown ones only.
public enum Method: Hashable, Sendable {
    case invite, ack, cancel, bye, options, register, update, info, prack
    case subscribe, notify, refer, message, publish
    case other([UInt8])

    /// The method spelled by these bytes. Allocates for an unknown method only.
    public init(_ bytes: ArraySlice<UInt8>) {
        self = Method.read(bytes.span, ByteRange(0, min(bytes.count, MessageLimits.bytes)))
    }

    /// The method of this name.
    public init(_ name: String) {
        self.init(Array(name.utf8)[...])
    }

    /// The spelling, upper case for the known ones.
    public var name: String {
        switch self {
        case .invite: "INVITE"
        case .ack: "ACK"
        case .cancel: "CANCEL"
        case .bye: "BYE"
        case .options: "OPTIONS"
        case .register: "REGISTER"
        case .update: "UPDATE"
        case .info: "INFO"
        case .prack: "PRACK"
        case .subscribe: "SUBSCRIBE"
        case .notify: "NOTIFY"
        case .refer: "REFER"
        case .message: "MESSAGE"
        case .publish: "PUBLISH"
        case .other(let bytes): String(decoding: bytes, as: UTF8.self)
        }
    }

    /// The spelling as bytes. Allocates; `MessageWriter` writes a method without.
    public var bytes: [UInt8] {
        if case .other(let bytes) = self { return bytes }
        return Array(name.utf8)
    }

    static func read(_ span: Swift.Span<UInt8>, _ range: ByteRange) -> Method {
        let word = span.word(at: range.lower, count: min(range.count, 8))
        switch (range.count, word) {
        case (6, Spelling.invite): return .invite
        case (3, Spelling.ack): return .ack
        case (3, Spelling.bye): return .bye
        case (6, Spelling.cancel): return .cancel
        case (7, Spelling.options): return .options
        case (8, Spelling.register): return .register
        case (6, Spelling.update): return .update
        case (4, Spelling.info): return .info
        case (5, Spelling.prack): return .prack
        case (9, Spelling.subscribe) where span[range.lower + 8] == UInt8(ascii: "E"):
            return .subscribe
        case (6, Spelling.notify): return .notify
        case (5, Spelling.refer): return .refer
        case (7, Spelling.message): return .message
        case (7, Spelling.publish): return .publish
        default: return .other(span.array(range))
        }
    }

    /// The first eight bytes of each, as `Span.word` reads them.
    private enum Spelling {
        static var invite: UInt64 { word("INVITE") }
        static var ack: UInt64 { word("ACK") }
        static var bye: UInt64 { word("BYE") }
        static var cancel: UInt64 { word("CANCEL") }
        static var options: UInt64 { word("OPTIONS") }
        static var register: UInt64 { word("REGISTER") }
        static var update: UInt64 { word("UPDATE") }
        static var info: UInt64 { word("INFO") }
        static var prack: UInt64 { word("PRACK") }
        static var subscribe: UInt64 { word("SUBSCRIB") }
        static var notify: UInt64 { word("NOTIFY") }
        static var refer: UInt64 { word("REFER") }
        static var message: UInt64 { word("MESSAGE") }
        static var publish: UInt64 { word("PUBLISH") }

        @inline(__always) private static func word(_ text: StaticString) -> UInt64 {
            text.word(at: 0)
        }
    }
}
