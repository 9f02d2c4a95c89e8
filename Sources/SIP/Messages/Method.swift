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
        let known: Method? =
            switch range.count {
            case 3:
                span.equals("ACK", range) ? .ack : span.equals("BYE", range) ? .bye : nil
            case 4:
                span.equals("INFO", range) ? .info : nil
            case 5:
                span.equals("REFER", range)
                    ? .refer : span.equals("PRACK", range) ? .prack : nil
            case 6:
                span.equals("INVITE", range)
                    ? .invite
                    : span.equals("CANCEL", range)
                        ? .cancel
                        : span.equals("UPDATE", range)
                            ? .update : span.equals("NOTIFY", range) ? .notify : nil
            case 7:
                span.equals("OPTIONS", range)
                    ? .options
                    : span.equals("MESSAGE", range)
                        ? .message : span.equals("PUBLISH", range) ? .publish : nil
            case 8: span.equals("REGISTER", range) ? .register : nil
            case 9: span.equals("SUBSCRIBE", range) ? .subscribe : nil
            default: nil
            }
        return known ?? .other(span.array(range))
    }
}
