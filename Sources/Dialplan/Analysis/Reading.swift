/// Numbers on their way to the one form: what is dialled, and what normalising has made of it so far,
/// which is the same digits with some taken off the front and others put there.
struct Reading {
    var dialled: Pattern
    var front: [KeySet] = []
    /// How many of the dialled keys are gone.
    var dropped = 0

    /// The numbers as they are now.
    var current: Pattern { dialled.replacing(first: dropped, with: front) }

    /// Only those that are now among these, which are some of `current`.
    func narrowed(to part: Pattern) -> Reading {
        var reading = self
        reading.dialled = Pattern(
            keys: Array(dialled.keys[..<dropped]) + Array(part.keys[front.count...]),
            end: part.end)
        reading.front = Array(part.keys[..<front.count])
        return reading
    }

    /// After a normalise rule.
    func rewritten(_ form: DigitsForm) -> Reading {
        var reading = self
        var prefix: [KeySet] = []
        for index in 0..<form.prefix.count { prefix.append(KeySet(key: form.prefix[index])) }
        reading.dropped += max(0, form.drop - front.count)
        reading.front = prefix + front.dropFirst(form.drop)
        return reading
    }

    /// Whether exactly this was taken off and put in front.
    func isSpelled(_ spelling: Spelling) -> Bool {
        var (mine, front) = (front, spelling.omitted.map(KeySet.init(key:)))
        var (dropped, cut) = (dropped, spelling.front.count)
        // Put back what is the same as what was there.
        while dropped < cut, dropped < dialled.keys.count {
            mine.append(dialled.keys[dropped])
            dropped += 1
        }
        while cut < dropped, cut < dialled.keys.count {
            front.append(dialled.keys[cut])
            cut += 1
        }
        return dropped == cut && mine == front
    }
}

/// What becomes of whole patterns of dialled numbers: normalising and classing, for all numbers of a
/// pattern in one go.
struct PatternReadings {
    /// How many patterns of one class are looked at beside one pattern; the widest of them.
    static let rivalsPerClass = 32
    /// How many parts one pattern may fall into.
    static let partLimit = 1024
    /// How many rewrites one number is followed through. A spelling is two or three away from the
    /// plain number; what is further away holds spellings within spellings.
    static let rewritesFollowed = 5

    let rewrites: [Pattern]
    let forms: [DigitsForm]
    let classes: [Pattern]
    let classOf: [Int]
    private let classTable: PatternTable
    private let inside: PatternTable
    private let insidePatterns: [Pattern]

    init(_ compiler: Compiler) {
        rewrites = compiler.rewritePatterns.map(\.looped)
        forms = compiler.rewrites.map(\.form)
        classes = compiler.patterns
        classOf = compiler.patternWords.map(\.numberClass)
        classTable = PatternTable(classes)
        insidePatterns =
            compiler.extensions.flatMap(Pattern.covering)
            + compiler.lines.map(\.lines).flatMap(Pattern.covering)
        inside = PatternTable(insidePatterns)
    }

    /// Parts numbers by the pattern that covers them most specifically, nil for those that none
    /// covers.
    private func parts(
        of pattern: Pattern, among candidates: [(Pattern, Int)],
        _ limits: inout Set<FraudAnalysis.Limit>
    ) -> [(part: Pattern, winner: Int?)] {
        let order = candidates.sorted {
            $0.0.isMoreSpecific(than: $1.0)
                || !$1.0.isMoreSpecific(than: $0.0) && $0.1 < $1.1
        }
        var rest = [pattern]
        var parts: [(Pattern, Int?)] = []
        for (candidate, index) in order {
            guard parts.count + rest.count < Self.partLimit else {
                limits.insert(.parts)
                break
            }
            var left: [Pattern] = []
            for piece in rest {
                guard let common = piece.intersection(candidate) else {
                    left.append(piece)
                    continue
                }
                parts.append((common, index))
                left += piece.subtracting(candidate)
            }
            rest = left
            if rest.isEmpty { break }
        }
        return parts + rest.map { ($0, nil) }
    }

    /// Brings numbers to the one form; emergency numbers are left out, since nothing stops them.
    ///
    /// - Parameter isKnown: numbers that come to this on their way are left out; what becomes of
    ///   them is known.
    func normalised(
        _ dialled: Pattern, _ limits: inout Set<FraudAnalysis.Limit>,
        unless isKnown: (Reading) -> Bool
    ) -> [Reading] {
        var open = [Reading(dialled: dialled.looped)]
        var done: [Reading] = []
        for _ in 0...Self.rewritesFollowed {
            var next: [Reading] = []
            for reading in open where !isKnown(reading) {
                for part in withoutEmergencies(reading.current) {
                    let overlapping = rewrites.indices.filter { rewrites[$0].overlaps(part) }
                        .map { (rewrites[$0], $0) }
                    for (piece, rule) in parts(of: part, among: overlapping, &limits) {
                        let narrowed = reading.narrowed(to: piece)
                        if isKnown(narrowed) { continue }
                        if let rule {
                            next.append(narrowed.rewritten(forms[rule]))
                        } else {
                            done.append(narrowed)
                        }
                    }
                }
            }
            if done.count > Self.partLimit, !next.isEmpty { limits.insert(.parts) }
            if next.isEmpty || done.count > Self.partLimit { break }
            open = next
        }
        return done
    }

    private func withoutEmergencies(_ pattern: Pattern) -> [Pattern] {
        var rest = [pattern]
        for emergency in Compiler.emergencyPatterns where pattern.overlaps(emergency) {
            rest = rest.flatMap { $0.subtracting(emergency) }
        }
        return rest
    }

    /// Parts normalised numbers by the pattern that gives them their class. Extensions and lines,
    /// which are called inside, and numbers without a class are left out.
    func classed(
        _ reading: Reading, _ limits: inout Set<FraudAnalysis.Limit>
    ) -> [(reading: Reading, entry: Int)] {
        let current = reading.current
        var found: [(Reading, Int)] = []
        let taken = inside.overlapping(current, limit: Self.partLimit)
        var outside = [current]
        for index in taken {
            outside = outside.flatMap { $0.subtracting(insidePatterns[index]) }
            if outside.count > Self.partLimit {
                limits.insert(.parts)
                break
            }
        }
        for part in outside {
            for (piece, entry) in parts(of: part, among: rivals(part), &limits) {
                guard let entry else { continue }
                found.append((reading.narrowed(to: piece), entry))
            }
        }
        return found
    }

    private func rivals(_ part: Pattern) -> [(Pattern, Int)] {
        let overlapping = classTable.overlapping(part, limit: .max)
        guard overlapping.count > Self.rivalsPerClass else {
            return overlapping.map { (classes[$0], $0) }
        }
        // The widest first: most of what they cover no other takes.
        let order = overlapping.sorted { classes[$1].isMoreSpecific(than: classes[$0]) }
        var counts: [Int: Int] = [:]
        var rivals: [(Pattern, Int)] = []
        for index in order {
            counts[classOf[index], default: 0] += 1
            if counts[classOf[index]]! <= Self.rivalsPerClass {
                rivals.append((classes[index], index))
            }
        }
        return rivals
    }
}
