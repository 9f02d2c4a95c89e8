import SIP

/// What must outlive the process of a call that is under way, as bytes for the journal: both
/// dialogs and flows, what is still owed to either side, what the call holds, and the clocks.
///
/// A call is written down when its INVITE leaves, so that after a crash both sides can be told that
/// it is over; when it is answered, so that it can go on; and whenever its money, a flow or a remote
/// target has changed. A version, then fields of `JournalWriter`.
struct CallState: Sendable {
    /// One side of an answered call; of one that rings, the caller's alone.
    struct LegState: Sendable {
        var localTag: UInt64
        var flow: Flow
        var name: String
        var dialog: Dialog
        /// A 2xx of ours whose ACK had not come.
        var answer: (bytes: [UInt8], flow: Flow)?
        /// The CSeq of an INVITE of ours without an offer, whose 2xx waits for the other side's ACK.
        var acknowledgementDue: UInt32?
        var session: SessionTimer?
        var methods = PeerMethods()
        /// See `Leg.isHidden`.
        var isHidden = false
    }

    /// An INVITE of ours that is out: what a CANCEL, an ACK and a BYE are made from.
    struct Invited: Sendable {
        var branch: UInt64
        var localTag: UInt64
        var flow: Flow
        /// Without its body.
        var invite: [UInt8]
    }

    /// The caller's INVITE: what an answer to it is made from.
    struct Inviting: Sendable {
        /// Without its body; empty where the answer of ours that is kept says enough.
        var invite: [UInt8]
        /// Where it came from.
        var flow: Flow
    }

    /// The clocks at the writing; see `Switch.outage(since:)`.
    var clocks: JournalClocks
    var caller: LegState
    /// nil while nobody has answered.
    var callee: LegState?
    var inviting: Inviting?
    var invited: [Invited] = []

    var callerExtension: String?
    var calleeExtension: String?
    var inboundTrunk: String?
    var inboundLine: String?
    /// Of the trunk it came in by.
    var inboundChannel: Int?
    var holding = Call.Holding.nothing
    var isEmergency = false
    var limitMilliseconds: Int64?
    /// The call that it is joined to.
    var joined: CallID?
    /// Who was on this side has left.
    var isCallerGone = false
    var isCalleeGone = false
    /// Where it waits, and who has parked it.
    var parked: Parked?
    /// Of a transfer under way: whether the callee's side has asked for it, and the CSeq of its REFER; only
    /// where that is to be told how it ends.
    var transfer: (byCallee: Bool, event: UInt32)?
    /// It was answered, and nobody has been told so yet.
    var isUntold = false

    /// The caller's methods are the low bits of their field, the callee's those above.
    private static let methodBits: UInt8 = 2
    private static let methodMask: UInt8 = 3
    /// Which sides are hidden.
    private static let callerHidden: UInt8 = 1
    private static let calleeHidden: UInt8 = 2

    private static let version: UInt8 = 3
    /// Before texts had short lengths.
    private static let wideVersion: UInt8 = 2

    private enum Tag: UInt8 {
        case clocks = 1
        case caller, callee, callerAnswer, calleeAnswer, callerDue, calleeDue
        case inviting, invited
        case callerExtension, calleeExtension, inboundTrunk, inboundLine
        case trunk, line, emergency, limit
        case inboundChannel
        case joined, callerGone, calleeGone, untold
        case callerSession, calleeSession
        case parked
        case methods
        case hidden
        case transfer
    }

    init(clocks: JournalClocks, caller: LegState) {
        self.clocks = clocks
        self.caller = caller
    }

    // MARK: Writing

    func serialize() -> [UInt8] {
        var writer = JournalWriter(capacity: 3072)
        writer.byte(Self.version)
        writer.field(Tag.clocks.rawValue) { clocks.write(to: &$0) }
        Self.write(caller, .caller, .callerAnswer, .callerDue, to: &writer)
        if let callee { Self.write(callee, .callee, .calleeAnswer, .calleeDue, to: &writer) }
        if let inviting {
            writer.field(Tag.inviting.rawValue) {
                $0.short(inviting.invite)
                Self.write(inviting.flow, to: &$0)
            }
        }
        for invited in invited {
            writer.field(Tag.invited.rawValue) {
                $0.number(invited.branch)
                $0.number(invited.localTag)
                Self.write(invited.flow, to: &$0)
                $0.short(invited.invite)
            }
        }
        Self.write(callerExtension, .callerExtension, to: &writer)
        Self.write(calleeExtension, .calleeExtension, to: &writer)
        Self.write(inboundTrunk, .inboundTrunk, to: &writer)
        Self.write(inboundLine, .inboundLine, to: &writer)
        if let inboundChannel {
            writer.field(Tag.inboundChannel.rawValue) { $0.number(Int64(inboundChannel)) }
        }
        switch holding {
        case .nothing: break
        case .trunk(let name): writer.field(Tag.trunk.rawValue) { $0.short(name) }
        case .line(let number, let trunk):
            writer.field(Tag.line.rawValue) {
                $0.short(number)
                $0.short(trunk)
            }
        }
        if isEmergency { writer.field(Tag.emergency.rawValue) { _ in } }
        if let limitMilliseconds {
            writer.field(Tag.limit.rawValue) { $0.number(limitMilliseconds) }
        }
        if let joined { writer.field(Tag.joined.rawValue) { $0.number(joined.rawValue) } }
        Self.write(caller, .callerSession, to: &writer)
        if let callee { Self.write(callee, .calleeSession, to: &writer) }
        let methods = caller.methods.rawValue | (callee?.methods.rawValue ?? 0) << Self.methodBits
        if methods != 0 { writer.field(Tag.methods.rawValue) { $0.byte(methods) } }
        if isCallerGone { writer.field(Tag.callerGone.rawValue) { _ in } }
        if isCalleeGone { writer.field(Tag.calleeGone.rawValue) { _ in } }
        if let parked {
            writer.field(Tag.parked.rawValue) {
                $0.short(parked.place)
                $0.short(parked.by)
            }
        }
        if isUntold { writer.field(Tag.untold.rawValue) { _ in } }
        let hidden =
            (caller.isHidden ? Self.callerHidden : 0)
            | (callee?.isHidden == true ? Self.calleeHidden : 0)
        if hidden != 0 { writer.field(Tag.hidden.rawValue) { $0.byte(hidden) } }
        if let transfer {
            writer.field(Tag.transfer.rawValue) {
                $0.byte(transfer.byCallee ? 1 : 0)
                $0.number(UInt64(transfer.event))
            }
        }
        return writer.bytes
    }

    private static func write(
        _ leg: LegState, _ tag: Tag, _ answerTag: Tag, _ dueTag: Tag,
        to writer: inout JournalWriter
    ) {
        writer.field(tag.rawValue) {
            $0.number(leg.localTag)
            write(leg.flow, to: &$0)
            $0.short(leg.name)
            $0.short(leg.dialog.serialize())
        }
        if let answer = leg.answer {
            writer.field(answerTag.rawValue) {
                $0.short(answer.bytes)
                write(answer.flow, to: &$0)
            }
        }
        if let due = leg.acknowledgementDue {
            writer.field(dueTag.rawValue) { $0.number(UInt64(due)) }
        }
    }

    private static func write(_ flow: Flow, to writer: inout JournalWriter) {
        writer.byte(flow.transport.rawValue)
        writer.small(UInt64(flow.listener))
        writer.small(flow.remote.ip.high)
        writer.small(flow.remote.ip.low)
        writer.small(UInt64(flow.remote.port))
    }

    /// The session timer without its deadline: nobody could refresh it while the process was down.
    private static func write(_ leg: LegState, _ tag: Tag, to writer: inout JournalWriter) {
        guard let session = leg.session else { return }
        writer.field(tag.rawValue) {
            $0.number(UInt64(session.seconds))
            $0.byte((session.isOurs ? 1 : 0) | (leg.methods.contains(.update) ? 2 : 0))
        }
    }

    /// Versions before the field of methods said here alone that a side takes UPDATE.
    private static func readSession(of leg: inout LegState, _ reader: inout JournalReader) {
        guard let seconds = reader.number(as: UInt32.self), let flags = reader.byte() else {
            return
        }
        leg.session = SessionTimer(
            seconds: seconds, isOurs: flags & 1 != 0, expiresAt: .distantFuture)
        if flags & 2 != 0 { leg.methods.insert(.update) }
    }

    private static func write(_ text: String?, _ tag: Tag, to writer: inout JournalWriter) {
        if let text { writer.field(tag.rawValue) { $0.short(text) } }
    }

    // MARK: Reading

    /// Reads what `serialize` wrote; nil for another version or for bytes that are not whole.
    init?(serialized bytes: [UInt8]) {
        guard let version = bytes.first, version == Self.version || version == Self.wideVersion
        else { return nil }
        var reader = JournalReader(bytes.dropFirst(), isWide: version == Self.wideVersion)
        var clocks: JournalClocks?
        var caller: LegState?
        var callerAnswer: (bytes: [UInt8], flow: Flow)?
        var calleeAnswer: (bytes: [UInt8], flow: Flow)?
        var callerDue: UInt32?
        var calleeDue: UInt32?
        var read = CallState?.none
        while !reader.isAtEnd {
            guard let (number, content) = reader.field() else { return nil }
            var field = content
            // A field of a newer version.
            guard let tag = Tag(rawValue: number) else { continue }
            switch tag {
            case .clocks: clocks = JournalClocks(reading: &field)
            case .caller:
                caller = Self.leg(&field)
                guard let clocks, let caller else { return nil }
                read = CallState(clocks: clocks, caller: caller)
            case .callee: read?.callee = Self.leg(&field)
            case .callerAnswer: callerAnswer = Self.answer(&field)
            case .calleeAnswer: calleeAnswer = Self.answer(&field)
            case .callerDue: callerDue = field.number(as: UInt32.self)
            case .calleeDue: calleeDue = field.number(as: UInt32.self)
            case .inviting:
                guard let invite = field.short(), let flow = Self.flow(&field) else { return nil }
                read?.inviting = Inviting(invite: invite, flow: flow)
            case .invited:
                guard let branch = field.number(), let localTag = field.number(),
                    let flow = Self.flow(&field), let invite = field.short()
                else { return nil }
                read?.invited.append(
                    Invited(branch: branch, localTag: localTag, flow: flow, invite: invite))
            case .callerExtension: read?.callerExtension = field.shortString()
            case .calleeExtension: read?.calleeExtension = field.shortString()
            case .inboundTrunk: read?.inboundTrunk = field.shortString()
            case .inboundLine: read?.inboundLine = field.shortString()
            case .trunk:
                guard let name = field.shortString() else { return nil }
                read?.holding = .trunk(name: name)
            case .line:
                guard let line = field.shortString(), let trunk = field.shortString() else {
                    return nil
                }
                read?.holding = .line(number: line, trunk: trunk)
            case .emergency: read?.isEmergency = true
            case .limit: read?.limitMilliseconds = field.signed()
            case .inboundChannel: read?.inboundChannel = field.number(as: Int.self)
            case .joined:
                guard let number = field.number() else { return nil }
                read?.joined = CallID(rawValue: number)
            case .callerSession:
                if read != nil { Self.readSession(of: &read!.caller, &field) }
            case .calleeSession:
                if read?.callee != nil { Self.readSession(of: &read!.callee!, &field) }
            case .methods:
                guard let methods = field.byte() else { return nil }
                read?.caller.methods = PeerMethods(rawValue: methods & Self.methodMask)
                read?.callee?.methods = PeerMethods(
                    rawValue: methods >> Self.methodBits & Self.methodMask)
            case .callerGone: read?.isCallerGone = true
            case .calleeGone: read?.isCalleeGone = true
            case .parked:
                guard let place = field.shortString(), let by = field.shortString() else {
                    return nil
                }
                read?.parked = Parked(place: place, by: by)
            case .untold: read?.isUntold = true
            case .hidden:
                guard let hidden = field.byte() else { return nil }
                read?.caller.isHidden = hidden & Self.callerHidden != 0
                read?.callee?.isHidden = hidden & Self.calleeHidden != 0
            case .transfer:
                guard let byCallee = field.byte(), let event = field.number(as: UInt32.self) else {
                    return nil
                }
                read?.transfer = (byCallee: byCallee != 0, event: event)
            }
        }
        guard var read else { return nil }
        read.caller.answer = callerAnswer
        read.caller.acknowledgementDue = callerDue
        read.callee?.answer = calleeAnswer
        read.callee?.acknowledgementDue = calleeDue
        self = read
    }

    private static func leg(_ reader: inout JournalReader) -> LegState? {
        guard let tag = reader.number(), let flow = flow(&reader), let name = reader.shortString(),
            let text = reader.short(), let dialog = Dialog(serialized: text)
        else { return nil }
        return LegState(localTag: tag, flow: flow, name: name, dialog: dialog)
    }

    private static func answer(_ reader: inout JournalReader) -> (bytes: [UInt8], flow: Flow)? {
        guard let bytes = reader.short(), let flow = flow(&reader) else { return nil }
        return (bytes, flow)
    }

    private static func flow(_ reader: inout JournalReader) -> Flow? {
        guard let transport = reader.byte().flatMap(TransportKind.init(rawValue:)),
            let listener = reader.small().flatMap({ UInt16(exactly: $0) }),
            let high = reader.small(), let low = reader.small(),
            let port = reader.small().flatMap({ UInt16(exactly: $0) })
        else { return nil }
        return Flow(
            transport: transport, listener: listener,
            remote: Endpoint(ip: IPAddress(high: high, low: low), port: port))
    }
}
