import SIP

/// Who sends too much while the switch is overloaded: what is beyond is dropped before it is read, so
/// that one source costs no more than its share, whoever it says it is. It stands beside the bans for
/// those that cannot be banned: in an address that phones are registered at, or one that the admin has
/// allowed.
struct HeavySources: Sendable {
    /// Datagrams of one address in an interval of the overload control.
    static let limit = 100
    /// Addresses that are counted in an interval; what comes from others then is not.
    static let sourceLimit = 10_000

    private var counts: [IPAddress: Int] = [:]

    /// Counts a datagram.
    ///
    /// - Returns: whether it is one too many.
    mutating func isHeavy(_ address: IPAddress) -> Bool {
        let key = address.network
        guard let place = counts.index(forKey: key) else {
            if counts.count < Self.sourceLimit { counts[key] = 1 }
            return false
        }
        counts.values[place] += 1
        return counts.values[place] > Self.limit
    }

    /// The next interval begins.
    mutating func forget() { counts.removeAll(keepingCapacity: true) }
}
