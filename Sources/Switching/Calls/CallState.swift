import SIP

/// Both dialogs and flows of an answered call as bytes, for the journal.
///
/// A version, then for each leg its tag, flow and dialog. Little endian, lengths before texts.
struct CallState: Sendable {
    struct LegState: Sendable {
        var localTag: UInt64
        var flow: Flow
        var dialog: Dialog
    }

    var caller: LegState
    var callee: LegState

    private static let version: UInt8 = 1

    /// Of an answered call; nil while there is no callee to talk to.
    init?(of call: Call) {
        guard let index = call.connected, let callee = call.callees[index].dialogs.first,
            let caller = call.caller.dialogs.first
        else { return nil }
        self.caller = LegState(
            localTag: call.caller.localTag, flow: call.caller.flow, dialog: caller)
        self.callee = LegState(
            localTag: call.callees[index].localTag, flow: call.callees[index].flow, dialog: callee)
    }

    func serialize() -> [UInt8] {
        var bytes: [UInt8] = [Self.version]
        bytes.reserveCapacity(1024)
        for leg in [caller, callee] {
            Self.append(leg.localTag, to: &bytes)
            bytes.append(leg.flow.transport.rawValue)
            Self.append(UInt64(leg.flow.listener), to: &bytes)
            Self.append(leg.flow.remote.ip.high, to: &bytes)
            Self.append(leg.flow.remote.ip.low, to: &bytes)
            Self.append(UInt64(leg.flow.remote.port), to: &bytes)
            let dialog = leg.dialog.serialize()
            Self.append(UInt64(dialog.count), to: &bytes)
            bytes.append(contentsOf: dialog)
        }
        return bytes
    }

    /// Reads what `serialize` wrote; nil for another version or for bytes that are not whole.
    init?(serialized bytes: [UInt8]) {
        var rest = bytes[...]
        guard rest.popFirst() == Self.version, let caller = Self.leg(&rest),
            let callee = Self.leg(&rest), rest.isEmpty
        else { return nil }
        self.caller = caller
        self.callee = callee
    }

    private static func leg(_ rest: inout ArraySlice<UInt8>) -> LegState? {
        guard let tag = number(&rest), let transport = rest.popFirst(),
            let kind = TransportKind(rawValue: transport), let listener = number(&rest),
            listener <= UInt64(UInt16.max), let high = number(&rest), let low = number(&rest),
            let port = number(&rest), port <= UInt64(UInt16.max), let count = number(&rest),
            count <= UInt64(rest.count)
        else { return nil }
        let text = rest.prefix(Int(count))
        rest = rest.dropFirst(Int(count))
        guard let dialog = Dialog(serialized: text) else { return nil }
        let remote = Endpoint(ip: IPAddress(high: high, low: low), port: UInt16(port))
        return LegState(
            localTag: tag,
            flow: Flow(transport: kind, listener: UInt16(listener), remote: remote),
            dialog: dialog)
    }

    private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        for shift: UInt64 in stride(from: 0, to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    private static func number(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        guard rest.count >= 8 else { return nil }
        var number: UInt64 = 0
        for shift: UInt64 in stride(from: 0, to: 64, by: 8) {
            number |= UInt64(rest.removeFirst()) << shift
        }
        return number
    }
}
