// A pattern is the simplest automaton: a chain of key sets, and at its end perhaps a loop over the
// digits. Chains are closed under intersection, and what is left of one without another is a few
// chains, so the whole analysis works on them and never builds a table of states.

extension Pattern {
    /// The same numbers, with `.` written as one more digit and `!`.
    var looped: Pattern {
        guard end == .oneOrMore else { return self }
        return Pattern(keys: keys + [.digits], end: .zeroOrMore)
    }

    /// What may stand at a place; empty behind the end of a closed pattern.
    private func keySet(at index: Int) -> KeySet {
        if index < keys.count { return keys[index] }
        return end == .closed ? KeySet(bits: 0) : .digits
    }

    /// With at least this many keys written out; the pattern has a loop.
    private func unrolled(to count: Int) -> Pattern {
        guard keys.count < count else { return self }
        let more = [KeySet](repeating: .digits, count: count - keys.count)
        return Pattern(keys: keys + more, end: end)
    }

    /// The numbers that both cover; nil when there is none.
    func intersection(_ other: Pattern) -> Pattern? {
        let (a, b) = (looped, other.looped)
        let count = max(a.keys.count, b.keys.count)
        if a.end == .closed && a.keys.count < count || b.end == .closed && b.keys.count < count {
            return nil
        }
        var keys: [KeySet] = []
        keys.reserveCapacity(count)
        for index in 0..<count {
            let common = KeySet(bits: a.keySet(at: index).bits & b.keySet(at: index).bits)
            if common.bits == 0 { return nil }
            keys.append(common)
        }
        let isOpen = a.end == .zeroOrMore && b.end == .zeroOrMore
        return Pattern(keys: keys, end: isOpen ? .zeroOrMore : .closed)
    }

    /// The numbers of this one that the other does not cover, as patterns that share none.
    func subtracting(_ other: Pattern) -> [Pattern] {
        guard overlaps(other) else { return [self] }
        let (a, b) = (looped, other.looped)
        guard a.end == .zeroOrMore else { return a.partedByKeys(b) }
        // Shorter and longer numbers than the other covers are left whole.
        var rest: [Pattern] = []
        for count in a.keys.count..<max(a.keys.count, b.keys.count) {
            rest.append(Pattern(keys: a.unrolled(to: count).keys, end: .closed))
        }
        let long = a.unrolled(to: b.keys.count)
        if b.end == .zeroOrMore { return rest + long.partedByKeys(b) }
        rest.append(long.unrolled(to: b.keys.count + 1))
        return rest + Pattern(keys: long.keys, end: .closed).partedByKeys(b)
    }

    /// Parts the numbers by the first key at which they leave the other, which covers the length.
    private func partedByKeys(_ other: Pattern) -> [Pattern] {
        var rest: [Pattern] = []
        var common = keys
        for index in keys.indices {
            let inside = other.keySet(at: index).bits
            let outside = keys[index].bits & ~inside
            if outside != 0 {
                var part = common
                part[index] = KeySet(bits: outside)
                rest.append(Pattern(keys: part, end: end))
            }
            common[index] = KeySet(bits: keys[index].bits & inside)
        }
        return rest
    }

    /// Without its first keys and with others in front.
    func replacing(first drop: Int, with front: [KeySet]) -> Pattern {
        Pattern(keys: front + keys.dropFirst(drop), end: end)
    }

    /// Covers all that both cover, and perhaps more; both are as long and end alike.
    mutating func widen(by other: Pattern) {
        for index in keys.indices { keys[index].bits |= other.keys[index].bits }
    }

    /// Whether it decides before the other where both cover a number.
    func isMoreSpecific(than other: Pattern) -> Bool {
        for index in 0...max(keys.count, other.keys.count) {
            let (mine, others) = (width(at: index), other.width(at: index))
            if mine != others { return mine < others }
        }
        return false
    }

    /// Some of the numbers it covers: the smallest, the greatest, one between, one longer.
    var examples: [String] {
        let base = looped
        func number(_ pick: (KeySet) -> UInt8, _ tail: Int = 0) -> String {
            var bytes = base.keys.map { byte(of: pick($0)) }
            bytes += [UInt8](repeating: UInt8(ascii: "6"), count: tail)
            return String(decoding: bytes, as: UTF8.self)
        }
        let smallest = number { $0.first }
        let greatest = number { UInt8(15 - $0.bits.leadingZeroBitCount) }
        let between = number { set in
            let keys = (UInt8(0)..<12).filter(set.contains)
            return keys[keys.count / 2]
        }
        var examples = [smallest, between, greatest]
        if base.end != .closed { examples += [number({ $0.first }, 4), number({ $0.first }, 8)] }
        return examples.filter { $0.utf8.count <= PlanLimits.dialledKeys }
    }
}
