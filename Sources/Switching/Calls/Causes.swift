/// Q.850 cause values and the SIP statuses they stand for (RFC 3398 §7.2.4.1 and §8.2.6.1).
public enum Causes {
    public static let unallocated = 1
    public static let normalClearing = 16
    public static let userBusy = 17
    public static let noUserResponding = 18
    public static let noAnswer = 19
    public static let subscriberAbsent = 20
    public static let callRejected = 21
    public static let destinationOutOfOrder = 27
    public static let normalUnspecified = 31
    public static let noCircuit = 34
    public static let networkOutOfOrder = 38
    public static let temporaryFailure = 41
    public static let switchCongestion = 42
    public static let channelUnavailable = 44
    public static let recoveryOnTimerExpiry = 102

    /// The cause that a SIP failure means.
    public static func q850(ofStatus status: Int) -> Int {
        switch status {
        case 400: temporaryFailure
        case 401, 402, 403, 407, 603: callRejected
        case 404, 604: unallocated
        case 405: 63
        case 406, 415, 501: 79
        case 408: recoveryOnTimerExpiry
        case 410: 22
        case 413, 414, 416, 420, 421, 423, 505, 513: 127
        case 480: noUserResponding
        case 481, 500, 503: temporaryFailure
        case 482, 483: 25
        case 484: 28
        case 485: unallocated
        case 486, 600: userBusy
        case 487: normalClearing
        case 488, 606: 65
        case 502: networkOutOfOrder
        case 504: recoveryOnTimerExpiry
        case 200..<300: normalClearing
        case 300..<400: 23
        default: status < 500 ? 127 : temporaryFailure
        }
    }

    /// The SIP status that a cause means to a caller; nil where the cause is no failure to set up
    /// the call.
    public static func status(ofQ850 cause: Int) -> Int? {
        switch cause {
        case 1, 2, 3, 26: 404
        case userBusy: 486
        case noUserResponding: 408
        case noAnswer, subscriberAbsent, normalUnspecified: 480
        case callRejected, 55, 57, 87: 403
        case 22, 23: 410
        case 27: 502
        case 28: 484
        case 29, 79: 501
        case 34, 38, 41, 42, 44, 47, 58, 88: 503
        case 65, 70: 488
        case recoveryOnTimerExpiry: 504
        case 111, 127: 500
        default: nil
        }
    }

    /// Causes of the network and not of the callee: the next route may do better. Busy, no answer,
    /// rejection and an unknown number are the callee's own and are never tried elsewhere.
    public static func isCongestion(_ cause: Int) -> Bool {
        switch cause {
        case destinationOutOfOrder, noCircuit, networkOutOfOrder, temporaryFailure, 42, 44, 47: true
        default: false
        }
    }

    /// Whether a final response to an attempt sends the call to its next route.
    ///
    /// - Parameter reason: the Q.850 cause of the response's Reason header, which wins over the
    ///   status (RFC 3326).
    public static func failsOver(status: Int, reason: Int?) -> Bool {
        if let reason { return isCongestion(reason) || reason == recoveryOnTimerExpiry }
        switch status {
        case 408, 401, 407: return true
        default: return (500..<600).contains(status)
        }
    }
}
