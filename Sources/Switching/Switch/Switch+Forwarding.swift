import Dialplan
import SIP

// What a call that was sent on carries: who sent it on, and why; and what the phones hear that rang in
// vain.

extension Switch {
    /// Tells a phone that another one took the call, so that it shows no missed call (RFC 3326).
    static let completedElsewhere = Array(
        "SIP;cause=200;text=\"Call completed elsewhere\"".utf8)

    /// The Diversion fields of an INVITE, the last diversion first (RFC 5806 §5.2).
    ///
    /// To the outside an extension is named by its direct line, where it has one.
    func diversions(of handle: Handle, listener: UInt16) -> [[UInt8]] {
        guard let diversions = calls[handle].routing?.diversions, !diversions.isEmpty else {
            return []
        }
        let isOutside: Bool
        switch calls[handle].holding {
        case .nothing: isOutside = false
        case .trunk, .line: isOutside = true
        }
        return diversions.reversed().map { diversion in
            let line = isOutside ? plan.line(of: diversion.from) : nil
            return identity(name: [], user: line ?? diversion.from, listener: listener)
                + Array(";reason=\(diversion.reason.rawValue);counter=1".utf8)
        }
    }
}
