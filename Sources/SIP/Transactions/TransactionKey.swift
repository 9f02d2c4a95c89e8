/// What tells one transaction from all others: RFC 3261 §17.1.3 and §17.2.3.
///
/// Server keys and client keys never equal each other, so that one table may hold both. Hashed
/// once, when made; one allocation of about 60 bytes.
public struct TransactionKey: Hashable, Sendable {
    private let content: HashedBytes

    /// The transaction that a request belongs to: branch, sent-by and method, an ACK counting as
    /// its INVITE. The ACK of a 2xx has a branch of its own and finds nothing.
    ///
    /// A request without the `z9hG4bK` cookie (RFC 2543) is told by Request-URI, From tag, Call-ID,
    /// CSeq number and Via instead. The To tag, which only differs between an INVITE and its ACK,
    /// is left out.
    public init(server request: Message) {
        self.init(server: request, method: request.method == .ack ? .invite : request.method)
    }

    /// The INVITE transaction that this CANCEL is for (RFC 3261 §9.2).
    public init(canceledBy cancel: Message) {
        self.init(server: cancel, method: .invite)
    }

    /// The transaction of a request that we send with this branch.
    public init(client branch: some Collection<UInt8>, method: Method) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(branch.count + 12)
        bytes.append(Kind.client)
        bytes.append(contentsOf: branch)
        Self.append(method, to: &bytes)
        content = HashedBytes(bytes)
    }

    /// The client transaction that a response answers; `nil` when its top Via has no branch.
    /// Whether that Via names us is for the caller to look at (RFC 3261 §18.1.2).
    public init?(response: Message) {
        guard let branch = response.topVia.branch else { return nil }
        self.init(client: branch, method: response.method)
    }

    private init(server request: Message, method: Method) {
        let via = request.topVia
        var bytes: [UInt8] = []
        bytes.reserveCapacity(96)
        if via.hasMagicCookie, let branch = via.branch {
            bytes.append(Kind.server)
            HashedBytes.appendPiece(branch, to: &bytes)
        } else {
            bytes.append(Kind.oldServer)
            HashedBytes.appendPiece(request.requestURI, to: &bytes)
            HashedBytes.appendPiece(request.fromTag ?? [], to: &bytes)
            HashedBytes.appendPiece(request.callID, to: &bytes)
            HashedBytes.appendPiece(via.branch ?? [], to: &bytes)
            HashedBytes.appendNumber(request.cseqNumber, to: &bytes)
        }
        for byte in via.host { bytes.append(byte.lowercased) }
        HashedBytes.appendNumber(UInt32(via.port ?? 0), to: &bytes)
        Self.append(method, to: &bytes)
        content = HashedBytes(bytes)
    }

    private enum Kind {
        static let client = UInt8(ascii: "c")
        static let server = UInt8(ascii: "s")
        static let oldServer = UInt8(ascii: "o")
    }

    private static func append(_ method: Method, to bytes: inout [UInt8]) {
        let code: UInt8 =
            switch method {
            case .invite: 1
            case .ack: 2
            case .cancel: 3
            case .bye: 4
            case .options: 5
            case .register: 6
            case .update: 7
            case .info: 8
            case .prack: 9
            case .subscribe: 10
            case .notify: 11
            case .refer: 12
            case .message: 13
            case .publish: 14
            case .other: 15
            }
        if case .other(let name) = method { bytes.append(contentsOf: name) }
        bytes.append(code)
    }
}
