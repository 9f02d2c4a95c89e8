/// Why bytes are no SIP message, and where.
public struct ParseError: Error, Sendable {
    /// What is wrong.
    public enum Reason: Hashable, Sendable {
        /// Nothing but line ends: a keep-alive (RFC 5626 §4.4.1), fine to drop.
        case empty
        /// More than `MessageLimits.bytes`.
        case tooLarge
        /// More than `MessageLimits.fields`.
        case tooManyFields
        /// Neither a Request-Line nor a Status-Line.
        case startLine
        /// The Request-URI is no URI.
        case requestURI
        /// Another version than SIP/2.0.
        case version
        /// The status code is not 100 to 699.
        case statusCode
        /// A carriage return without its line feed.
        case lineEnding
        /// The header ends before its empty line.
        case truncatedHeader
        /// A header line without a name and a colon.
        case fieldName
        /// A mandatory field is absent.
        case missing(HeaderName)
        /// A field that everything depends on cannot be read.
        case malformed(HeaderName)
        /// A field that may stand once stands twice.
        case repeated(HeaderName)
        /// The method of CSeq is not the method of the request.
        case methodMismatch
        /// The body is shorter than Content-Length says (RFC 3261 §18.3).
        case truncatedBody
    }

    public var reason: Reason
    /// Where in the bytes it was seen, counted from zero.
    public var offset: Int
    /// The request, read as far as it could be, when a response to it can be made and may be sent:
    /// it is no ACK, its topmost Via is sound, and From, To, Call-ID and CSeq are present.
    /// `answerable?.response(error.status, reason: error.phrase, ...)` is the answer.
    public var answerable: Message?

    public init(reason: Reason, offset: Int, answerable: Message? = nil) {
        self.reason = reason
        self.offset = offset
        self.answerable = answerable
    }

    /// The status to answer with: 505 for another SIP version, 513 for too much, else 400.
    public var status: Int {
        switch reason {
        case .version: 505
        case .tooLarge, .tooManyFields: 513
        case .empty, .startLine, .requestURI, .statusCode, .lineEnding, .truncatedHeader,
            .fieldName, .missing, .malformed, .repeated, .methodMismatch, .truncatedBody:
            400
        }
    }

    /// The reason phrase to answer with: it names what is wrong (RFC 3261 §21.4.1).
    public var phrase: String {
        switch reason {
        case .empty: "Empty Message"
        case .tooLarge: "Message Too Large"
        case .tooManyFields: "Too Many Header Fields"
        case .startLine: "Malformed Start Line"
        case .requestURI: "Malformed Request-URI"
        case .version: "Version Not Supported"
        case .statusCode: "Malformed Status Code"
        case .lineEnding: "Malformed Line Ending"
        case .truncatedHeader: "Truncated Header"
        case .fieldName: "Malformed Header Field"
        case .missing(let name): "Missing \(name)"
        case .malformed(let name): "Malformed \(name)"
        case .repeated(let name): "Repeated \(name)"
        case .methodMismatch: "CSeq Method Mismatch"
        case .truncatedBody: "Truncated Body"
        }
    }
}

extension ParseError: CustomStringConvertible {
    public var description: String { "\(phrase) at byte \(offset)" }
}
