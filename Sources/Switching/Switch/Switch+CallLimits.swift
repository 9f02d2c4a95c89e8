import Dialplan
import SIP

// How many calls an extension may have: in, out and together, by the admin; and whether a second one
// knocks while it has a first (call waiting), by its user. What is too much in is busy (486, cause 17),
// and goes on to where calls go when the extension is busy. Emergency calls count and are never
// refused.

extension Switch {
    /// One call of an extension more.
    mutating func occupy(_ number: String, _ direction: CallCount.Direction) {
        callsOfExtension[number, default: CallCount()][direction] += 1
        stateChanged(of: number)
    }

    /// One call of an extension less.
    mutating func free(_ number: String, _ direction: CallCount.Direction) {
        guard var inUse = callsOfExtension[number] else { return }
        inUse[direction] -= 1
        callsOfExtension[number] = inUse.together > 0 ? inUse : nil
        stateChanged(of: number)
    }

    /// Why an extension takes no more calls in; nil when it does.
    func busyReason(of subscriber: Extension) -> String? {
        guard let inUse = callsOfExtension[subscriber.number] else { return nil }
        if inUse.together >= subscriber.callLimit { return "\(subscriber.number) is busy" }
        if let limit = subscriber.callLimitIn, inUse.in >= limit {
            return "\(subscriber.number) has \(inUse.in) of \(limit) calls in already"
        }
        if userSettings[subscriber.number]?.refusesWaiting == true {
            return "\(subscriber.number) is busy and takes no waiting calls"
        }
        return nil
    }

    /// Why an extension may make no more calls, the one that it makes now not counted; nil when it may.
    func outboundReason(of number: String, inUse: CallCount) -> String? {
        guard let subscriber = extensions[number] else { return nil }
        if inUse.together >= subscriber.callLimit {
            return "\(number) has \(inUse.together) of \(subscriber.callLimit) calls already"
        }
        if let limit = subscriber.callLimitOut, inUse.out >= limit {
            return "\(number) has \(inUse.out) of \(limit) calls out already"
        }
        return nil
    }

    /// Why an extension may fetch no other's call; nil when it may.
    func pickupReason(of number: String, inUse: CallCount) -> String? {
        guard let subscriber = extensions[number] else { return nil }
        if inUse.together >= subscriber.callLimit {
            return "\(number) has \(inUse.together) of \(subscriber.callLimit) calls already"
        }
        if let limit = subscriber.callLimitIn, inUse.in >= limit {
            return "\(number) has \(inUse.in) of \(limit) calls in already"
        }
        return nil
    }
}
