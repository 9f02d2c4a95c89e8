import SIP

/// The channels of one trunk, numbered from 1: which are free, taken, blocked, or kept for emergency
/// calls.
///
/// A trunk of kind sip has no numbers: it counts calls only.
struct Channels: Sendable {
    let count: Int
    /// Channels that calls may ever take.
    let usable: Int
    private let hunting: Hunting
    private let blocked: ChannelSet
    private let reserved: ChannelSet
    /// What is in one of them.
    private let kept: ChannelSet
    private let isNumbered: Bool
    /// Empty where channels have no numbers; may hold more of them than there are now, after a reload
    /// took channels away under running calls.
    private var taken: ChannelSet
    private var last = 0
    /// Calls on the trunk, both directions; more than `count` for a while when a reload took channels
    /// away under running calls.
    private(set) var inUse = 0

    init(_ settings: TrunkSettings) {
        count = settings.channels
        usable = settings.channels - settings.blockedChannels.count
        hunting = settings.hunting
        isNumbered = settings.kind == .e1
        blocked = ChannelSet(settings.blockedChannels, upTo: settings.channels)
        reserved = ChannelSet(settings.reservedChannels, upTo: settings.channels)
        kept = blocked.union(reserved)
        taken = ChannelSet(upTo: isNumbered ? settings.channels : 0)
    }

    /// Of a trunk that the file does not name any more: whatever calls are on it is kept.
    init(ofGone name: String) {
        let nowhere = Endpoint(ip: IPAddress(v4: 0), port: 0)
        self.init(TrunkSettings(name: name, kind: .e1, endpoint: nowhere, channels: 1000))
    }

    /// The same calls under new settings: those on channels that there are no longer keep theirs, and
    /// find them taken when a later reload brings them back. Costs O(channels), not O(calls).
    func reconfigured(_ settings: TrunkSettings) -> Channels {
        var fresh = Channels(settings)
        fresh.taken = taken.widened(upTo: fresh.isNumbered ? fresh.count : 0)
        fresh.last = min(last, fresh.count)
        fresh.inUse = inUse
        return fresh
    }

    /// What became of a try to take a channel.
    enum Seizure: Equatable {
        /// Its number; nil where channels have none.
        case taken(Int?)
        case allTaken
        /// The free ones are kept for emergency calls.
        case onlyReserved
    }

    /// Takes a channel for a call out.
    ///
    /// - Parameter avoiding: a channel on which the two sides just collided.
    mutating func seize(isEmergency: Bool, avoiding: Int? = nil) -> Seizure {
        seize(in: hunting, mayUseReserve: isEmergency, avoiding: avoiding)
    }

    /// Counts a call that came in: the other side has chosen its channel. Where it does not say which,
    /// or says one that is in use here, it is taken to have chosen from its own end, and one of the
    /// reserve only when no other is free: calls in that nobody can place eat no reserve.
    mutating func seizeInbound(named number: Int? = nil) -> Seizure {
        if let number, isNumbered, (1...count).contains(number), !taken.contains(number) {
            taken.insert(number)
            inUse += 1
            return .taken(number)
        }
        let seizure = seize(in: hunting.opposite, mayUseReserve: false, avoiding: nil)
        guard case .onlyReserved = seizure else { return seizure }
        return seize(in: hunting.opposite, mayUseReserve: true, avoiding: nil)
    }

    private mutating func seize(
        in order: Hunting, mayUseReserve: Bool, avoiding: Int?
    ) -> Seizure {
        guard isNumbered else {
            // The limit is ours and no wire's: a call for help goes beyond it, and the far side decides.
            guard inUse < count || mayUseReserve else { return .allTaken }
            inUse += 1
            return .taken(nil)
        }
        // Calls of before a reload may be on none of the numbers that there are now; one for help takes
        // any of these that is free.
        guard inUse < usable || mayUseReserve else { return .allTaken }
        let refused = mayUseReserve ? blocked : kept
        if let number = firstFree(in: order, besides: refused, avoiding: avoiding) {
            taken.insert(number)
            inUse += 1
            if order == hunting { last = number }
            return .taken(number)
        }
        let isReserveFree =
            !mayUseReserve && firstFree(in: order, besides: blocked, avoiding: avoiding) != nil
        return isReserveFree ? .onlyReserved : .allTaken
    }

    /// Whether a call out would get one now.
    func hasFree(isEmergency: Bool) -> Bool {
        guard isNumbered else { return inUse < count || isEmergency }
        guard inUse < usable || isEmergency else { return false }
        return firstFree(in: hunting, besides: isEmergency ? blocked : kept, avoiding: nil) != nil
    }

    /// Looks at 64 channels at a time.
    private func firstFree(
        in order: Hunting, besides refused: ChannelSet, avoiding: Int?
    ) -> Int? {
        var refused = refused
        if let avoiding { refused.insert(avoiding) }
        switch order {
        case .lowestFirst: return taken.lowestMissing(in: 1...count, besides: refused)
        case .highestFirst: return taken.highestMissing(in: 1...count, besides: refused)
        case .cyclic:
            let after =
                last < count ? taken.lowestMissing(in: last + 1...count, besides: refused) : nil
            if after != nil || last == 0 { return after }
            return taken.lowestMissing(in: 1...min(last, count), besides: refused)
        }
    }

    /// Counts a call that is on a channel already, whatever the limit is now.
    mutating func occupy(_ number: Int?) {
        inUse += 1
        if let number { taken.insert(number) }
    }

    /// Gives a channel back. One that was never taken is our own bug.
    mutating func free(_ number: Int?) {
        precondition(inUse > 0, "a channel is freed that was not taken")
        inUse -= 1
        if let number { taken.remove(number) }
    }

    /// The numbers that calls are on, ascending.
    var takenNumbers: [Int] { taken.numbers }
    var blockedNumbers: [Int] { blocked.numbers }
    var reservedNumbers: [Int] { reserved.numbers }
}

/// Numbers of channels, 1 up to a limit; what is beyond it is never in it.
private struct ChannelSet: Sendable {
    private(set) var limit: Int
    /// 64 channels in a word, the lowest in its lowest bit.
    private var words: [UInt64]

    init(_ numbers: Set<Int> = [], upTo limit: Int) {
        self.limit = limit
        words = Array(repeating: 0, count: (limit + 63) / 64)
        for number in numbers { insert(number) }
    }

    private func mayHold(_ number: Int) -> Bool { number >= 1 && number <= limit }

    mutating func insert(_ number: Int) {
        guard mayHold(number) else { return }
        words[(number - 1) / 64] |= 1 << UInt64((number - 1) % 64)
    }

    mutating func remove(_ number: Int) {
        guard mayHold(number) else { return }
        words[(number - 1) / 64] &= ~(1 << UInt64((number - 1) % 64))
    }

    /// - Parameter number: 1 up to the limit.
    func contains(_ number: Int) -> Bool {
        words[(number - 1) / 64] >> UInt64((number - 1) % 64) & 1 == 1
    }

    /// The same numbers, and room for those up to a limit.
    func widened(upTo limit: Int) -> ChannelSet {
        var wide = self
        wide.limit = max(limit, self.limit)
        let missing = (wide.limit + 63) / 64 - words.count
        wide.words.append(contentsOf: repeatElement(0, count: missing))
        return wide
    }

    /// Of two sets with the same limit.
    func union(_ other: ChannelSet) -> ChannelSet {
        var union = self
        for place in words.indices { union.words[place] |= other.words[place] }
        return union
    }

    /// Ascending.
    var numbers: [Int] {
        (0..<limit).map { $0 + 1 }.filter { contains($0) }
    }

    /// The lowest number of the range that is in neither set.
    func lowestMissing(in range: ClosedRange<Int>, besides other: ChannelSet) -> Int? {
        for word in (range.lowerBound - 1) / 64...(range.upperBound - 1) / 64 {
            let missing = self.missing(in: word, of: range, besides: other)
            if missing != 0 { return word * 64 + missing.trailingZeroBitCount + 1 }
        }
        return nil
    }

    /// The highest number of the range that is in neither set.
    func highestMissing(in range: ClosedRange<Int>, besides other: ChannelSet) -> Int? {
        for word in ((range.lowerBound - 1) / 64...(range.upperBound - 1) / 64).reversed() {
            let missing = self.missing(in: word, of: range, besides: other)
            if missing != 0 { return word * 64 + 64 - missing.leadingZeroBitCount }
        }
        return nil
    }

    private func missing(
        in word: Int, of range: ClosedRange<Int>, besides other: ChannelSet
    ) -> UInt64 {
        var missing = ~(words[word] | other.words[word])
        let first = range.lowerBound - 1 - word * 64
        let last = range.upperBound - 1 - word * 64
        if first > 0 { missing &= ~0 << UInt64(first) }
        if last < 63 { missing &= ~0 >> UInt64(63 - last) }
        return missing
    }
}
