import Dialplan
import SIP

// What a call that was sent on carries: who sent it on, and why; and what the phones hear that rang in
// vain.

extension Switch {
    /// Tells a phone that another one took the call, so that it shows no missed call (RFC 3326).
    static let completedElsewhere = Array(
        "SIP;cause=200;text=\"Call completed elsewhere\"".utf8)

    /// What an INVITE says of how the call came here: Diversion, the last one first (RFC 5806 §5.2), and
    /// History-Info, the first target first (RFC 7044).
    ///
    /// To the outside an extension is named by its direct line, where it has one. What a trusted trunk
    /// says of the way before us goes before our own.
    ///
    /// - Parameter target: To of the INVITE, where it goes now.
    func writeHistory(
        of handle: Handle, to target: [UInt8], listener: UInt16, into writer: inout MessageWriter
    ) {
        let earlier = earlierHistory(of: handle)
        let diversions = calls[handle].routing?.diversions ?? []
        guard !diversions.isEmpty else {
            for value in earlier.diversions { writer.field(.diversion, value) }
            for value in earlier.history { writer.field(.historyInfo, value) }
            return
        }
        let isOutside: Bool
        switch calls[handle].holding {
        case .nothing: isOutside = false
        case .trunk, .line: isOutside = true
        }
        let numbers = diversions.map { diversion in
            (isOutside ? plan.line(of: diversion.from) : nil) ?? diversion.from
        }
        for (number, diversion) in zip(numbers, diversions).reversed() {
            writer.field(
                .diversion,
                identity(name: [], user: number, listener: listener)
                    + Array(";reason=\(diversion.reason.rawValue);counter=1".utf8))
        }
        for value in earlier.diversions { writer.field(.diversion, value) }
        for value in earlier.history { writer.field(.historyInfo, value) }
        var index = earlier.lastIndex.map { "\($0).1" } ?? "1"
        for (place, (number, diversion)) in zip(numbers, diversions).enumerated() {
            // Why this target was left stands in its own entry (§10.2), how the next was reached in
            // the next one's `cause` (RFC 4458).
            let cause = place == 0 ? "" : ";cause=\(diversions[place - 1].reason.status)"
            let own = identity(name: [], user: number, listener: listener).dropLast()
            let reason = "\(cause)?Reason=SIP%3Bcause%3D\(diversion.reason.status)>"
            let isFirst = place == 0 && earlier.lastIndex == nil
            let mapped = isFirst ? "" : ";mp=\(index.dropLast(2))"
            writer.field(
                .historyInfo, Array(own) + Array("\(reason);index=\(index)\(mapped)".utf8))
            index += ".1"
        }
        let last = diversions[diversions.count - 1].reason.status
        guard let open = target.firstIndex(of: UInt8(ascii: "<")), target.last == 0x3e else {
            return
        }
        let entry = Array(target[open...].dropLast()) + Array(";cause=\(last)>".utf8)
        writer.field(
            .historyInfo, entry + Array(";index=\(index);mp=\(index.dropLast(2))".utf8))
    }
}

extension Switch {
    /// What came in of a call's history.
    private struct EarlierHistory {
        var diversions: [ArraySlice<UInt8>] = []
        var history: [ArraySlice<UInt8>] = []
        /// `index` of the last entry of its history.
        var lastIndex: String?
    }

    /// Bytes of it that are passed on; more of it is nobody's history.
    private static let historyLimit = 2048

    /// What a trusted trunk says of who sent the call on before it came to us. A caller who wants its
    /// history kept (RFC 7044 §7.1) has it kept.
    private func earlierHistory(of handle: Handle) -> EarlierHistory {
        guard let name = calls[handle].inboundTrunk, let trunk = trunks[name],
            trunk.settings.isTrusted, let invite = calls[handle].invite,
            invite.has(.diversion) || invite.has(.historyInfo)
        else { return EarlierHistory() }
        let isKept = ["history", "header", "session"].contains { wish in
            invite.values(.privacy).contains { value in
                value.split(separator: UInt8(ascii: ";")).contains {
                    String(decoding: $0, as: UTF8.self).lowercased().contains(wish)
                }
            }
        }
        guard !isKept else { return EarlierHistory() }
        var earlier = EarlierHistory()
        earlier.diversions = invite.elements(.diversion)
        earlier.history = invite.elements(.historyInfo)
        let bytes = (earlier.diversions + earlier.history).reduce(0) { $0 + $1.count }
        guard bytes <= Self.historyLimit else { return EarlierHistory() }
        if let last = earlier.history.last,
            let index = NameAddr(parsing: last)?.parameter("index") ?? nil
        {
            earlier.lastIndex = String(decoding: index.prefix(64), as: UTF8.self)
        }
        return earlier
    }
}

extension Diversion.Reason {
    /// The SIP status that a redirection for this reason counts as (RFC 4458 §4.2).
    var status: Int {
        switch self {
        case .unconditional: 302
        case .userBusy: 486
        case .noAnswer: 408
        case .unavailable: 503
        case .doNotDisturb: 480
        case .unknown: 404
        }
    }
}
