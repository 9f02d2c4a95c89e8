// A dialog, early or confirmed: RFC 3261 §12, with RFC 3311 (UPDATE) and RFC 6141 (when a re-INVITE
// changes the target).
//
//   UAC: 101-199 with a To tag --> Early --- 2xx ---> Confirmed        (init(request:response:))
//                          2xx --------------------->
//   UAS: INVITE with a Contact -> Early --- 2xx ---> Confirmed         (init(request:localTag:))
//
// It has no terminated state: the leg that owns it ends it, by dropping it. It keeps no bodies and
// no timers. Where it goes further than §12: it knows which side has an INVITE under way and tells
// glare (§14.1, §14.2).

/// One side's view of a SIP dialog: who talks to whom, where requests go, and their sequence.
///
/// All text is in one buffer. The caller adds Via, Contact and Max-Forwards to the requests it
/// writes. RFC 3261 §12.
public struct Dialog: Sendable {
    private enum State: UInt8 {
        case early
        case confirmed
    }

    private var text: DialogText
    private var state: State
    /// Whether `sips` was asked for over TLS: then every request has to stay secure (§12.1.1).
    public let isSecure: Bool
    /// The number of our last request but ACK and CANCEL; zero before the first.
    public private(set) var localCSeq: UInt32
    /// The number of the peer's last request; `nil` before the first.
    public private(set) var remoteCSeq: UInt32?
    private var isLocalInvitePending: Bool
    private var isRemoteInvitePending: Bool

    // MARK: Making

    /// The dialog of the side that sent the INVITE, made by a response: early by 101-199, confirmed
    /// by a 2xx (§12.1.2).
    ///
    /// `nil` when the response makes no dialog: 100, 3xx-6xx, or 1xx without a To tag. A 2xx
    /// without a tag is taken (RFC 2543 peers), and one without a usable Contact keeps the
    /// Request-URI as target.
    public init?(request: Message, response: Message, overTLS: Bool = false) {
        let status = response.status
        guard (101..<300).contains(status), status >= 200 || response.toTag != nil,
            let from = request.value(.from), let to = response.value(.to)
        else { return nil }
        let target =
            DialogText.target(of: response) ?? DialogText.withoutHeaders(request.requestURI)
        guard let target else { return nil }
        text = DialogText(
            callID: request.callID, localTag: request.fromTag ?? [],
            remoteTag: response.toTag ?? [],
            local: from, remote: to, target: target,
            routes: DialogText.routes(of: response, reversed: true))
        state = status < 200 ? .early : .confirmed
        isSecure = overTLS && Self.isSips(request)
        localCSeq = request.cseqNumber
        remoteCSeq = nil
        isLocalInvitePending = request.method == .invite && status < 200
        isRemoteInvitePending = false
    }

    /// The dialog of the side that received the INVITE, early at first (§12.1.1).
    ///
    /// `nil` when the request has a To tag already, or no Contact that can be a target: 400. One of RFC
    /// 2543, which knew neither tags nor had to name a Contact, is reached by its From.
    ///
    /// - Parameter localTag: the To tag of all our responses to it.
    public init?(request: Message, localTag: [UInt8], overTLS: Bool = false) {
        guard request.toTag == nil, let from = request.value(.from), let to = request.value(.to),
            let target = DialogText.target(of: request) ?? DialogText.formerTarget(of: request)
        else { return nil }
        var local = Array(to)
        local.append(contentsOf: ";tag=".utf8)
        local.append(contentsOf: localTag)
        text = DialogText(
            callID: request.callID, localTag: localTag[...], remoteTag: request.fromTag ?? [],
            local: local[...], remote: from, target: target,
            routes: DialogText.routes(of: request, reversed: false))
        state = .early
        isSecure = overTLS && Self.isSips(request)
        localCSeq = 0
        remoteCSeq = request.cseqNumber
        isLocalInvitePending = false
        isRemoteInvitePending = request.method == .invite
    }

    private static func isSips(_ request: Message) -> Bool {
        URI(parsing: request.requestURI)?.scheme == .sips
    }

    // MARK: Reading

    public var isEarly: Bool {
        switch state {
        case .early: true
        case .confirmed: false
        }
    }

    public var isConfirmed: Bool { !isEarly }

    /// An INVITE of either side has no final response yet: another one has to wait (§14.1).
    public var isInvitePending: Bool { isLocalInvitePending || isRemoteInvitePending }

    public var key: DialogKey {
        DialogKey(callID: callID, localTag: localTag, remoteTag: remoteTag)
    }

    public var callID: ArraySlice<UInt8> { text[.callID] }
    public var localTag: ArraySlice<UInt8> { text[.localTag] }
    /// Empty when the peer gave none.
    public var remoteTag: ArraySlice<UInt8> { text[.remoteTag] }
    /// The value of From in our requests: display name, URI and tag.
    public var localAddress: ArraySlice<UInt8> { text[.local] }
    /// The value of To in our requests: display name, URI and tag.
    public var remoteAddress: ArraySlice<UInt8> { text[.remote] }
    public var localURI: ArraySlice<UInt8> { NameAddr(parsing: localAddress)?.uri ?? [] }
    public var remoteURI: ArraySlice<UInt8> { NameAddr(parsing: remoteAddress)?.uri ?? [] }
    /// The URI of the peer's last accepted Contact.
    public var remoteTarget: ArraySlice<UInt8> { text[.target] }
    /// The route set in the order of the Route field, each as a name-addr.
    public var routeSet: Elements { Elements(text[.routes]) }
    /// Where the next request is sent: the URI of the first route, or the remote target (§12.2.1.1,
    /// §8.1.2).
    public var nextHop: ArraySlice<UInt8> { firstRoute?.uri ?? remoteTarget }

    /// Whether a request from the peer is of this dialog (§12.2.2).
    public func matches(_ request: Message) -> Bool {
        request.callID.elementsEqual(callID)
            && (request.toTag ?? []).elementsEqual(localTag)
            && (request.fromTag ?? []).elementsEqual(remoteTag)
    }

    private var firstRoute: NameAddr? {
        for element in routeSet { return NameAddr(parsing: element) }
        return nil
    }

    // MARK: Our requests

    /// Writes the next request: request line, `via` when given, Route, From, To, Call-ID and CSeq
    /// (§12.2.1.1).
    ///
    /// Every method but ACK and CANCEL, which take no number of their own: see `acknowledgement`
    /// and `Message.cancel`.
    ///
    /// - Returns: the CSeq number.
    public mutating func nextRequest(
        _ method: Method, via: [UInt8]? = nil, into writer: inout MessageWriter
    ) -> UInt32 {
        advanceLocalCSeq(by: 1)
        if method == .invite { isLocalInvitePending = true }
        write(method, cseq: localCSeq, via: via, into: &writer)
        return localCSeq
    }

    /// Writes the ACK of a 2xx in the same way (§13.2.2.4).
    ///
    /// - Parameter cseq: the number of the INVITE that was answered: `cseqNumber` of the 2xx.
    public func acknowledgement(
        cseq: UInt32, via: [UInt8]? = nil, into writer: inout MessageWriter
    ) {
        write(.ack, cseq: cseq, via: via, into: &writer)
    }

    /// Writes another display name and user into From of our requests. The tag in it must be the one
    /// it had: by the tag alone the peer knows its dialog (RFC 3261 §12.2.2).
    public mutating func setLocalAddress(_ address: [UInt8]) { text[.local] = address[...] }

    /// Leaves out some numbers: after a restart, those that may have been used since the dialog was
    /// written down. Numbers stay below 2^31 (§8.1.1.5).
    public mutating func advanceLocalCSeq(by count: UInt32) {
        let sum = localCSeq.addingReportingOverflow(count)
        localCSeq = sum.overflow ? 0x7fff_ffff : min(sum.partialValue, 0x7fff_ffff)
    }

    private func write(
        _ method: Method, cseq: UInt32, via: [UInt8]?, into writer: inout MessageWriter
    ) {
        let first = firstRoute
        let isStrict = first.map { !($0.uriView?.isLooseRouter ?? true) } ?? false
        if isStrict, let first {
            // A strict router wants itself in the Request-URI and the target at the end
            // (§12.2.1.1).
            writer.requestLine(
                method, uri: DialogText.withoutHeaders(first.uri) ?? first.uri)
        } else {
            writer.requestLine(method, uri: remoteTarget)
        }
        if let via { writer.field(.via, via) }
        if isStrict {
            for route in routeSet.dropFirst() { writer.field(.route, route) }
            var last: [UInt8] = [.less]
            last.append(contentsOf: remoteTarget)
            last.append(.greater)
            writer.field(.route, last)
        } else if first != nil {
            writer.field(.route, text[.routes])
        }
        writer.field(.from, localAddress)
        writer.field(.to, remoteAddress)
        writer.field(.callID, callID)
        var sequence = Array(String(cseq).utf8)
        sequence.append(.space)
        sequence.append(contentsOf: method.bytes)
        writer.field(.cseq, sequence)
    }

    // MARK: What happens in it

    public enum RequestVerdict: Hashable, Sendable {
        /// In order: handle it.
        case accept
        /// Its CSeq is lower than one seen before: 500 (§12.2.2).
        case outOfOrder
        /// An INVITE while ours is under way: 491 (§14.2).
        case glare
        /// An INVITE before the last one of the peer has its final response: 500 with a Retry-After
        /// of 0 to 10 seconds (§14.2).
        case overlapping
    }

    /// A request of this dialog has come that is no retransmission: a transaction was made for it.
    ///
    /// `responseSent` must be called for each INVITE that was accepted. The remote target changes
    /// when the request is answered by a 2xx, not before (RFC 6141 §4).
    public mutating func requestReceived(_ request: Message) -> RequestVerdict {
        let method = request.method
        // They carry the number of their INVITE (§17.1.1.3, §9.1).
        if method == .ack || method == .cancel { return .accept }
        if let remoteCSeq, request.cseqNumber < remoteCSeq { return .outOfOrder }
        // A refused request has used its number as well (§12.2.2).
        remoteCSeq = request.cseqNumber
        guard method == .invite else { return .accept }
        if isRemoteInvitePending { return .overlapping }
        if isLocalInvitePending { return .glare }
        isRemoteInvitePending = true
        return .accept
    }

    /// We send a response to a request that `requestReceived` accepted, or to the one that made the
    /// dialog: a 2xx to INVITE confirms it, and a 2xx to INVITE or UPDATE takes the new target.
    public mutating func responseSent(_ status: Int, to request: Message) {
        guard status >= 200 else { return }
        let method = request.method
        if method == .invite { isRemoteInvitePending = false }
        guard status < 300, method == .invite || method == .update else { return }
        if method == .invite, isEarly {
            // It has the target of this very request already, or of an UPDATE that came after it.
            state = .confirmed
            return
        }
        refreshTarget(from: request)
    }

    /// A response to one of our requests in this dialog, or one more to the INVITE that made it,
    /// has come: a 2xx to INVITE confirms it, and then the route set is the 2xx's (§13.2.2.4); a
    /// 2xx to INVITE or UPDATE takes the new target.
    public mutating func responseReceived(_ response: Message) {
        let status = response.status
        guard status >= 200 else { return }
        let method = response.method
        if method == .invite { isLocalInvitePending = false }
        guard status < 300, method == .invite || method == .update else { return }
        if method == .invite {
            switch state {
            case .early:
                state = .confirmed
                text[.routes] = DialogText.routes(of: response, reversed: true)[...]
            case .confirmed:
                // The route set of a confirmed dialog never changes (§12.2).
                break
            }
        }
        refreshTarget(from: response)
    }

    /// Our INVITE has ended without a response: time-out or transport error.
    public mutating func inviteFailed() {
        isLocalInvitePending = false
    }

    private mutating func refreshTarget(from message: Message) {
        guard let target = DialogText.target(of: message),
            !target.elementsEqual(remoteTarget)
        else { return }
        text[.target] = target
    }

    // MARK: Written down

    /// The dialog as bytes for the journal: a version, numbers, texts. Fixed order, little endian.
    ///
    /// An INVITE under way is not written down: its transaction does not outlive the process, and a
    /// dialog that waited for its end would refuse every later INVITE.
    public func serialize() -> [UInt8] {
        var flags: UInt8 = 0
        if isConfirmed { flags |= 1 }
        if isSecure { flags |= 2 }
        if remoteCSeq != nil { flags |= 4 }
        var bytes: [UInt8] = [Self.version, flags]
        DialogText.append(localCSeq, to: &bytes)
        DialogText.append(remoteCSeq ?? 0, to: &bytes)
        text.append(to: &bytes)
        return bytes
    }

    /// Reads what `serialize` wrote; `nil` for another version or for bytes that are not whole.
    public init?(serialized bytes: some Collection<UInt8>) {
        var rest = Array(bytes)[...]
        guard rest.popFirst() == Self.version, let flags = rest.popFirst(), flags < 8,
            let localCSeq = DialogText.takeNumber(&rest),
            let remoteCSeq = DialogText.takeNumber(&rest), let text = DialogText(parsing: rest)
        else { return nil }
        self.text = text
        state = flags & 1 != 0 ? .confirmed : .early
        isSecure = flags & 2 != 0
        self.localCSeq = localCSeq
        self.remoteCSeq = flags & 4 != 0 ? remoteCSeq : nil
        isLocalInvitePending = false
        isRemoteInvitePending = false
    }

    private static let version: UInt8 = 1
}
