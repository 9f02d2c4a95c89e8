/// What an analog gateway needs to know when a number is dialled to its end: the expressions of
/// RFC 3435 §2.1.5, of which it sends a number at once when one matches, or when one with `T` matches
/// and nothing more is dialled for a while.
///
/// A map may cover numbers that the plan refuses; it never cuts off one that can be dialled, and every
/// one that can be dialled comes to its end.
public struct DigitMap: Sendable {
    /// How the map is written.
    public enum Form: String, Hashable, Sendable, CaseIterable {
        /// RFC 3435 §2.1.5, in parentheses: `(110|8[0-7]xxT|0[1-9]x.T)`.
        case mgcp
        /// Without the parentheses, as most gateways take it in their settings.
        case common
    }

    /// One expression.
    struct Entry: Hashable {
        enum Element: Hashable {
            case key(KeySet)
            /// Any number of digits, also none: `x.`
            case digits
            /// Any number of digits, `*` and `#`: what a number with codes in it may hold.
            case keys
        }

        var elements: [Element]
        var waits = false
    }

    /// The shortest maps of some gateways.
    public static let usualLimit = 2048

    private(set) var entries: [Entry]

    /// The map in a form, on one line.
    public func text(_ form: Form) -> String {
        let map = entries.map(\.text).joined(separator: "|")
        switch form {
        case .mgcp: return "(\(map))"
        case .common: return map
        }
    }
}

extension DigitMap.Entry {
    var text: String {
        var text = ""
        for element in elements {
            switch element {
            case .key(let set): text += set.digitMapText
            case .digits: text += "x."
            case .keys: text += "[0-9*#]."
            }
        }
        return text + (waits ? "T" : "")
    }
}

extension KeySet {
    /// `5`, `[0-47-9]`, `x`, `[2-8*]`.
    fileprivate var digitMapText: String {
        if self == .digits { return "x" }
        let signs = [UInt8(10), 11].filter(contains)
            .map { String(decoding: [byte(of: $0)], as: UTF8.self) }.joined()
        let digits = KeySet(bits: bits & KeySet.digits.bits)
        if digits.count == 0 { return signs.count == 1 ? signs : "[\(signs)]" }
        let written = digits.written
        if signs.isEmpty { return written }
        let inner =
            digits == .digits
            ? "0-9" : written.hasPrefix("[") ? String(written.dropFirst().dropLast()) : written
        return "[\(inner)\(signs)]"
    }
}

// MARK: - From a plan

extension Plan {
    /// The digit map for the gateways of analog phones.
    ///
    /// Numbers that begin alike are put under wider expressions until the map is as short as asked
    /// for, or cannot be shorter.
    ///
    /// - Parameter limit: bytes that the gateway takes.
    public func digitMap(limit: Int = DigitMap.usualLimit) -> DigitMap {
        let emergencies = Compiler.emergencyPatterns
        let numbers = tables.coveredPatterns.filter { !emergencies.contains($0) }
        for depth in [4, 3, 2, 1] {
            let shapes = DigitMap.shapes(numbers, depth)
            // An expression has four bytes at the least.
            guard shapes.count <= limit / 4 else { continue }
            let map = DigitMap(covering: shapes, emergencies, codes)
            if map.text(.mgcp).utf8.count <= limit { return map }
        }
        return DigitMap(covering: DigitMap.shapes(numbers, 0), emergencies, codes)
    }

    /// The feature codes, with what the caller fills in.
    private var codes: [DigitMap.Entry] {
        tables.calls.features.map { DigitMap.Entry($0, pin: pinPolicy.digits) }
    }
}

extension DigitMap {
    fileprivate init(covering shapes: [Pattern], _ emergencies: [Pattern], _ codes: [Entry]) {
        // What a wider expression covers needs none of its own. The emergency numbers stand first,
        // for whoever reads the map.
        var shapes = shapes.filter { shape in
            !shapes.contains { $0 != shape && $0.contains(shape) }
        }
        shapes.sort { Self.order($0, $1) }
        entries = (emergencies + shapes).map(Entry.init) + codes
        markWaiting()
    }

    /// - Parameter depth: how many keys stay as they are written.
    fileprivate static func shapes(_ patterns: [Pattern], _ depth: Int) -> [Pattern] {
        merged(widened(patterns, depth))
    }

    private static func order(_ a: Pattern, _ b: Pattern) -> Bool {
        for (x, y) in zip(a.keys, b.keys) where x != y {
            return (x.first, x.bits) < (y.first, y.bits)
        }
        return (a.keys.count, a.end.rawValue) < (b.keys.count, b.end.rawValue)
    }

    /// Under one expression what is as long and begins with the same keys.
    private static func widened(_ patterns: [Pattern], _ depth: Int) -> [Pattern] {
        var places: [Pattern: Int] = [:]
        var shapes: [Pattern] = []
        for pattern in patterns {
            let looped = pattern.looped
            var key = looped
            for index in key.keys.indices.dropFirst(depth) {
                key.keys[index] = KeySet(bits: 0xfff)
            }
            if let place = places[key] {
                shapes[place].widen(by: looped)
            } else {
                places[key] = shapes.count
                shapes.append(looped)
            }
        }
        return shapes
    }

    /// Joins expressions that differ in one key only, again and again.
    private static func merged(_ patterns: [Pattern]) -> [Pattern] {
        var shapes = Array(Set(patterns))
        shapes.sort { order($0, $1) }
        var isChanged = true
        while isChanged {
            isChanged = false
            let longest = shapes.map(\.keys.count).max() ?? 0
            for position in (0..<longest).reversed() {
                var places: [Pattern: Int] = [:]
                var next: [Pattern] = []
                for shape in shapes {
                    guard position < shape.keys.count else {
                        next.append(shape)
                        continue
                    }
                    var key = shape
                    key.keys[position] = KeySet(bits: 0)
                    if let place = places[key] {
                        next[place].widen(by: shape)
                        isChanged = true
                    } else {
                        places[key] = next.count
                        next.append(shape)
                    }
                }
                shapes = next
            }
        }
        return shapes
    }

    /// An expression that another goes on from waits, and so does one with an open end.
    private mutating func markWaiting() {
        let automata = entries.map(\.elements)
        for index in entries.indices {
            let hasOpenEnd =
                switch entries[index].elements.last {
                case .digits?, .keys?: true
                case .key?, nil: false
                }
            entries[index].waits =
                hasOpenEnd || automata.contains { Self.isBegun($0, by: automata[index]) }
        }
    }

    /// Whether some number of the one is the beginning of a longer number of the other.
    private static func isBegun(
        _ long: [Entry.Element], by short: [Entry.Element]
    ) -> Bool {
        var seen: Set<[Int]> = []
        var open = [[0, 0]]
        while let state = open.popLast() {
            guard seen.insert(state).inserted else { continue }
            let (left, right) = (state[0], state[1])
            if left == short.count, hasMore(long[right...]) { return true }
            for (mine, leftNext) in steps(short, left) {
                for (other, rightNext) in steps(long, right) where mine.intersects(other) {
                    open.append([leftNext, rightNext])
                }
            }
            // A loop may be left without a key.
            if left < short.count, isLoop(short[left]) { open.append([left + 1, right]) }
            if right < long.count, isLoop(long[right]) { open.append([left, right + 1]) }
        }
        return false
    }

    private static func isLoop(_ element: Entry.Element) -> Bool {
        switch element {
        case .key: false
        case .digits, .keys: true
        }
    }

    private static func hasMore(_ rest: ArraySlice<Entry.Element>) -> Bool { !rest.isEmpty }

    private static func steps(
        _ elements: [Entry.Element], _ place: Int
    ) -> [(KeySet, Int)] {
        guard place < elements.count else { return [] }
        switch elements[place] {
        case .key(let set): return [(set, place + 1)]
        case .digits: return [(.digits, place)]
        case .keys: return [(KeySet(bits: 0xfff), place)]
        }
    }
}

extension DigitMap.Entry {
    fileprivate init(_ pattern: Pattern) {
        let looped = pattern.looped
        elements = looped.keys.map { .key($0) }
        if looped.end == .zeroOrMore { elements.append(.digits) }
    }
}

extension DigitMap.Entry {
    /// A number may itself hold codes; a PIN has as many digits as the plan says, and the rest one
    /// digit or more.
    fileprivate init(_ feature: FeatureTable, pin digits: ClosedRange<Int>) {
        elements = []
        for piece in feature.pieces {
            switch piece {
            case .key(let key): elements.append(.key(KeySet(key: key)))
            case .argument(.number): elements += [.key(KeySet(bits: 0xfff)), .keys]
            case .argument(.pin):
                elements += Array(repeating: .key(.digits), count: digits.lowerBound)
                if digits.count > 1 { elements.append(.digits) }
            case .argument(.extension), .argument(.code): elements += [.key(.digits), .digits]
            }
        }
    }
}

extension Pattern {
    /// Whether it covers all that the other covers.
    fileprivate func contains(_ other: Pattern) -> Bool {
        guard let common = intersection(other) else { return false }
        return common == other.looped
    }
}
