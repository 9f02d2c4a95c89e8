/// The channels of one trunk, numbered from 1: which are free, taken, blocked, or kept for emergency
/// calls.
///
/// A trunk of kind sip has no numbers: it counts calls only.
struct Channels: Sendable {
    let count: Int
    private let hunting: Hunting
    private let blocked: Set<Int>
    private let reserved: Set<Int>
    /// Empty where channels have no numbers; else by number less one.
    private var taken: [Bool]
    private var last = 0
    /// Calls on the trunk, both directions; more than `count` for a while when a reload took channels
    /// away under running calls.
    private(set) var inUse = 0

    init(_ settings: TrunkSettings) {
        count = settings.channels
        hunting = settings.hunting
        blocked = settings.blockedChannels
        reserved = settings.reservedChannels
        taken = settings.kind == .e1 ? Array(repeating: false, count: settings.channels) : []
    }

    private var isNumbered: Bool { !taken.isEmpty }
    /// Channels that calls may ever take.
    var usable: Int { count - blocked.filter { $0 <= count }.count }

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
    /// or says one that is in use here, it is taken to have chosen from its own end.
    mutating func seizeInbound(named number: Int? = nil) -> Seizure {
        if let number, number >= 1, number <= taken.count, !taken[number - 1] {
            taken[number - 1] = true
            inUse += 1
            return .taken(number)
        }
        return seize(in: hunting.opposite, mayUseReserve: true, avoiding: nil)
    }

    private mutating func seize(
        in order: Hunting, mayUseReserve: Bool, avoiding: Int?
    ) -> Seizure {
        guard isNumbered else {
            guard inUse < count else { return .allTaken }
            inUse += 1
            return .taken(nil)
        }
        var isReserveFree = false
        for place in 0..<count {
            let number = number(at: place, in: order)
            guard !taken[number - 1], !blocked.contains(number), number != avoiding else {
                continue
            }
            if reserved.contains(number), !mayUseReserve {
                isReserveFree = true
                continue
            }
            taken[number - 1] = true
            inUse += 1
            if order == hunting { last = number }
            return .taken(number)
        }
        return isReserveFree ? .onlyReserved : .allTaken
    }

    /// The channel that is looked at in this place, from 0.
    private func number(at place: Int, in order: Hunting) -> Int {
        switch order {
        case .lowestFirst: place + 1
        case .highestFirst: count - place
        case .cyclic: (last + place) % count + 1
        }
    }

    /// Counts a call that is on a channel already, whatever the limit is now.
    mutating func occupy(_ number: Int?) {
        inUse += 1
        if let number, number >= 1, number <= taken.count { taken[number - 1] = true }
    }

    /// Gives a channel back. One that was never taken is our own bug.
    mutating func free(_ number: Int?) {
        precondition(inUse > 0, "a channel is freed that was not taken")
        inUse -= 1
        if let number, number >= 1, number <= taken.count { taken[number - 1] = false }
    }

    /// The numbers that calls are on, ascending.
    var takenNumbers: [Int] { taken.indices.filter { taken[$0] }.map { $0 + 1 } }
    var blockedNumbers: [Int] { blocked.filter { $0 <= count }.sorted() }
    var reservedNumbers: [Int] { reserved.filter { $0 <= count }.sorted() }
}
