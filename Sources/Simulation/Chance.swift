/// All chance of a simulation, from one seed: the same seed draws the same numbers in every process
/// and on every machine (SplitMix64, Steele, Lea and Flood 2014).
///
/// Each part of the world draws from a stream of its own, so that switching one fault off leaves the
/// others what they were, and a failing seed can be shrunk.
public struct Chance: Sendable {
    /// Whose draws they are.
    enum Stream: UInt64, Sendable {
        case options, site, network, disk, faults, workload, agent, tokens, shell
    }

    private var state: UInt64

    init(seed: UInt64, stream: Stream, index: Int = 0) {
        state = seed &* 0x9e37_79b9_7f4a_7c15 &+ stream.rawValue &* 0xd1b5_4a32_d192_ed03
        state &+= UInt64(index) &* 0x8cb9_2ba7_2f3d_8dd7
        // Neighbouring seeds begin far apart.
        _ = next()
        state ^= next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// 0 up to, not including, `count`.
    mutating func below(_ count: Int) -> Int {
        precondition(count > 0)
        return Int(next() % UInt64(count))
    }

    mutating func number(in range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.upperBound - range.lowerBound + 1)
    }

    /// True this often in a thousand times.
    mutating func happens(permille: Int) -> Bool { below(1000) < permille }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[below(elements.count)]
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    mutating func digits(_ count: Int) -> String {
        var text = ""
        for _ in 0..<count { text.unicodeScalars.append(Unicode.Scalar(UInt8(48 + below(10)))) }
        return text
    }
}
