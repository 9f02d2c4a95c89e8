import SIP

/// Phones that cannot cope with several challenges: they give up where they meet an algorithm that they
/// do not know, and do not look at the next one (RFC 8760 §2.4 asks them to). Whoever lets a challenge lie
/// and asks anew is asked by MD5 alone from then on.
///
/// Who has proved its password so is remembered apart, so that strangers who ask for challenges by the
/// thousand make nobody forget it, and with its binding over a restart. It is known by its address, its
/// number and its software (User-Agent): another version of it is asked by all digests again.
///
/// Nothing is lost by that: MD5 is among the challenges anyway, and whoever could take the others out on
/// the way could do so from the beginning.
struct PlainDigests: Sendable {
    private struct Key: Hashable, Sendable {
        var address: IPAddress
        var user: [UInt8]
        var agent: UInt64
    }

    private enum State: Sendable {
        /// It was asked, and has not answered.
        case asked(at: Instant, branch: UInt64)
        /// It is asked by MD5 alone.
        case plain(since: Instant)
    }

    /// Phones that have proved their password and are surely remembered; those that have not been asked
    /// for long are forgotten first. Of those that strangers may be, half as many.
    static let limit = 20_000
    /// Of all tables together.
    static let places = 3 * limit
    /// What comes earlier may have been on its way already.
    static let patience = Instant.Span.seconds(4)
    /// How long it counts that somebody has let a challenge lie.
    static let lifetime = Instant.Span.seconds(86_400)

    private var states: Generations<Key, State>
    /// Phones that were asked by MD5 alone and had the right password.
    private var proven: Generations<Key, Void>

    init(limit: Int = Self.limit) {
        states = Generations(limit: limit)
        proven = Generations(limit: 2 * limit)
    }

    var count: Int { states.count + proven.count }

    /// A request without good credentials is about to be challenged.
    ///
    /// - Returns: whether by MD5 alone.
    mutating func isPlain(_ request: Message, from address: IPAddress, now: Instant) -> Bool {
        guard let key = key(request, address) else { return false }
        if proven.value(of: key) != nil { return true }
        let branch = Self.hash(request.topVia.branch ?? [])
        switch states.value(of: key) {
        case .plain(let since) where now - since < Self.lifetime: return true
        // The same request again says that our answer was lost.
        case .asked(let at, let last) where now - at < Self.lifetime && last == branch:
            return false
        case .asked(let at, _) where now - at < Self.lifetime && now - at >= Self.patience:
            states.set(key, to: .plain(since: now))
            return true
        case .asked, .plain, nil:
            states.set(key, to: .asked(at: now, branch: branch))
            return false
        }
    }

    /// The password was right.
    mutating func proved(_ request: Message, from address: IPAddress, now: Instant) {
        guard !states.isEmpty, let key = key(request, address) else { return }
        guard case .plain(let since)? = states.value(of: key), now - since < Self.lifetime else {
            return
        }
        states.remove(key)
        proven.set(key, to: ())
    }

    /// Whether a phone has proved its password when it was asked by MD5 alone.
    func isProven(_ request: Message, from address: IPAddress) -> Bool {
        guard !proven.isEmpty, let key = key(request, address) else { return false }
        return proven.contains(key)
    }

    /// The phone of a binding was known so by the last process.
    mutating func restore(_ binding: Binding) {
        let key = Key(
            address: binding.flow.remote.ip, user: Array(binding.number.utf8),
            agent: Self.hash(Array(binding.userAgent.utf8)[...]))
        proven.set(key, to: ())
    }

    /// A challenge was answered, by this algorithm.
    mutating func answered(
        _ request: Message, from address: IPAddress, by algorithm: DigestAlgorithm?
    ) {
        guard !states.isEmpty || !proven.isEmpty, let key = key(request, address) else { return }
        if algorithm != .md5 { proven.remove(key) }
        switch states.value(of: key) {
        case .asked: states.remove(key)
        case .plain: if algorithm != .md5 { states.remove(key) }
        case nil: break
        }
    }

    private func key(_ request: Message, _ address: IPAddress) -> Key? {
        guard let user = request.address(.from)?.uriView?.user, user.count <= 64 else {
            return nil
        }
        return Key(
            address: address, user: Array(user),
            agent: Self.hash(Array(request.shownUserAgent.utf8)[...]))
    }

    /// FNV-1a.
    private static func hash(_ text: ArraySlice<UInt8>) -> UInt64 {
        text.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }
}
