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
    /// To the outside an extension is named by its direct line, where it has one.
    ///
    /// - Parameter target: To of the INVITE, where it goes now.
    func writeHistory(
        of handle: Handle, to target: [UInt8], listener: UInt16, into writer: inout MessageWriter
    ) {
        guard let diversions = calls[handle].routing?.diversions, !diversions.isEmpty else {
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
        var index = "1"
        for (place, (number, diversion)) in zip(numbers, diversions).enumerated() {
            // Why this target was left stands in its own entry (§10.2), how the next was reached in
            // the next one's `cause` (RFC 4458).
            let cause = place == 0 ? "" : ";cause=\(diversions[place - 1].reason.status)"
            let own = identity(name: [], user: number, listener: listener).dropLast()
            let reason = "\(cause)?Reason=SIP%3Bcause%3D\(diversion.reason.status)>"
            let mapped = place == 0 ? "" : ";mp=\(index.dropLast(2))"
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
