/// What Q.850 causes and SIP statuses mean to each other, and which of them mean that a way is broken.
///
/// It begins as RFC 3398 has it (§7.2.4.1 and §8.2.6.1); the configuration changes single rows.
public struct CauseTable: Sendable, Hashable {
    /// The SIP status a cause means, where the configuration says so.
    public var statusOfCause: [Int: Int] = [:]
    /// The cause a SIP status means, where the configuration says so.
    public var causeOfStatus: [Int: Int] = [:]
    /// Causes that send a call to its next route, where the configuration says so.
    public var failover: [Int: Bool] = [:]
    /// Causes that count as a fault of the trunk, where the configuration says so.
    public var fault: [Int: Bool] = [:]

    public init() {}

    /// The cause that a SIP failure means.
    public func q850(ofStatus status: Int) -> Int {
        causeOfStatus[status] ?? Causes.q850(ofStatus: status)
    }

    /// The SIP status that a cause means to a caller; nil where the cause is no failure to set up
    /// the call.
    public func status(ofQ850 cause: Int) -> Int? {
        statusOfCause[cause] ?? Causes.status(ofQ850: cause)
    }

    /// Whether a final response to an attempt sends the call to its next route.
    ///
    /// - Parameter reason: the Q.850 cause of the response's Reason header, which wins over the
    ///   status (RFC 3326).
    public func failsOver(status: Int, reason: Int?) -> Bool {
        if let known = failover[reason ?? q850(ofStatus: status)] { return known }
        return Causes.failsOver(status: status, reason: reason)
    }

    /// Whether a final response is a fault of the trunk itself, so that its breaker counts it. What a
    /// callee decides (busy, rejection, an unknown number) never is.
    public func isFault(status: Int, reason: Int?) -> Bool {
        let cause = reason ?? q850(ofStatus: status)
        if let known = fault[cause] { return known }
        // A 400 or 481 means cause 41 too, but it is our own request that is at fault. Whether a call
        // may go on is a question of its own: the trunk is no better for a call that may not.
        guard Causes.failsOver(status: status, reason: reason) else { return false }
        switch cause {
        case Causes.destinationOutOfOrder, Causes.noCircuit, Causes.networkOutOfOrder,
            Causes.temporaryFailure, Causes.switchCongestion:
            return true
        case Causes.recoveryOnTimerExpiry: return true
        default:
            // It asks for a password that we do not have.
            return reason == nil && (status == 401 || status == 407)
        }
    }
}
