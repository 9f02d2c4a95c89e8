/// Finds, among any number of patterns, the most specific one that covers a number.
///
/// A tree of key sets: children of a node stand together in memory, the narrowest first, so that
/// going down depth first meets the most specific pattern first. A look-up visits a node at most
/// once; with 100,000 prefixes it takes some hundred nanoseconds.
struct PatternTable: Sendable {
    /// Sixteen bytes, so that four share a line of the cache: with 100,000 prefixes memory is what a
    /// look-up waits for.
    private struct Node {
        var keys: KeySet
        /// The keys of the children that stand for one key each; these come first, in the order of
        /// their keys, so that a key's child is found without a search.
        var singles: UInt16 = 0
        var childCount: UInt16 = 0
        var firstChild: Int32 = 0
        /// What ends here, in `ends`, or -1.
        var end: Int32 = -1
    }

    /// The entries that end at a node, -1 where there is none.
    private struct Ends {
        /// With nothing after.
        var closed: Int32 = -1
        /// With `.` from here on.
        var oneOrMore: Int32 = -1
        /// With `!` from here on.
        var zeroOrMore: Int32 = -1
    }

    private var nodes: [Node] = []
    private var ends: [Ends] = []
    /// By node.
    private var parents: [Int32] = []

    /// Builds the table. Entry `i` is `patterns[i]`; where one is written twice the first stays.
    init(_ patterns: [Pattern]) {
        var builder = Builder()
        for (entry, pattern) in patterns.enumerated() { builder.insert(pattern, Int32(entry)) }
        take(builder)
    }

    /// The entry of the most specific pattern that covers the number. Where two are equally
    /// specific, which the check refuses unless they mean the same, the one inserted first.
    func match(_ number: DialString) -> Int? {
        let best = search(0, number.keys.span.extracting(0..<number.count), 0)
        return best.entry < 0 ? nil : Int(best.entry)
    }

    /// An entry, the node it hangs on, and how wide its end is.
    private struct Candidate {
        var entry: Int32 = -1
        var node: Int32 = -1
        var endWidth = 0
    }

    private func search(_ start: Int, _ number: Span<UInt8>, _ from: Int) -> Candidate {
        var index = start
        var depth = from
        // Where one way at most leads on, it is taken without a call.
        while depth < number.count {
            let node = nodes[index]
            guard node.end < 0 else { break }
            let key = number[depth]
            let bit = UInt16(1) << UInt16(key)
            let singles = node.singles.nonzeroBitCount
            if Int(node.childCount) == singles {
                guard node.singles & bit != 0 else { return Candidate() }
                index = Int(node.firstChild) + (node.singles & (bit - 1)).nonzeroBitCount
            } else if node.childCount == 1 {
                index = Int(node.firstChild)
                guard nodes[index].keys.contains(key) else { return Candidate() }
            } else {
                break
            }
            depth += 1
        }
        return branch(index, number, depth)
    }

    /// The most specific of several ways on, or what ends here.
    private func branch(_ index: Int, _ number: Span<UInt8>, _ depth: Int) -> Candidate {
        let node = nodes[index]
        if depth == number.count {
            guard node.end >= 0 else { return Candidate() }
            let end = ends[Int(node.end)]
            if end.closed >= 0 { return Candidate(entry: end.closed, node: Int32(index)) }
            return Candidate(entry: end.zeroOrMore, node: Int32(index), endWidth: 14)
        }
        let key = number[depth]
        let bit = UInt16(1) << UInt16(key)
        if node.singles & bit != 0 {
            let child = Int(node.firstChild) + (node.singles & (bit - 1)).nonzeroBitCount
            let found = search(child, number, depth + 1)
            if found.entry >= 0 { return found }
        }
        var child = Int(node.firstChild) + node.singles.nonzeroBitCount
        let last = Int(node.firstChild) + Int(node.childCount)
        while child < last {
            let width = nodes[child].keys.count
            // Sets of one width may share the key; then what comes after them decides.
            var best = Candidate()
            while child < last, nodes[child].keys.count == width {
                if nodes[child].keys.contains(key) {
                    let found = search(child, number, depth + 1)
                    if found.entry >= 0, best.entry < 0 || isMoreSpecific(found, best) {
                        best = found
                    }
                }
                child += 1
            }
            if best.entry >= 0 { return best }
        }
        guard node.end >= 0 else { return Candidate() }
        let end = ends[Int(node.end)]
        guard end.oneOrMore >= 0 || end.zeroOrMore >= 0 else { return Candidate() }
        for rest in depth..<number.count where number[rest] > 9 { return Candidate() }
        if end.oneOrMore >= 0 {
            return Candidate(entry: end.oneOrMore, node: Int32(index), endWidth: 13)
        }
        return Candidate(entry: end.zeroOrMore, node: Int32(index), endWidth: 14)
    }

    /// Every pattern in it.
    var patterns: [Pattern] {
        var patterns: [Pattern] = []
        for (index, node) in nodes.enumerated() where node.end >= 0 {
            let end = ends[Int(node.end)]
            let kinds: [(entry: Int32, end: Pattern.End)] = [
                (end.closed, .closed), (end.oneOrMore, .oneOrMore), (end.zeroOrMore, .zeroOrMore),
            ]
            for (entry, end) in kinds where entry >= 0 {
                patterns.append(Pattern(keys: keys(to: index), end: end))
            }
        }
        return patterns
    }

    private func keys(to index: Int) -> [KeySet] {
        var keys: [KeySet] = []
        var index = index
        while index > 0 {
            keys.append(nodes[index].keys)
            index = Int(parents[index])
        }
        return keys.reversed()
    }

    /// The entries that cover some number of the pattern, at most so many.
    func overlapping(_ pattern: Pattern, limit: Int) -> [Int] {
        var found: [Int] = []
        collect(0, pattern.looped, 0, limit, &found)
        return found
    }

    private func collect(
        _ index: Int, _ pattern: Pattern, _ depth: Int, _ limit: Int, _ found: inout [Int]
    ) {
        guard found.count < limit else { return }
        let node = nodes[index]
        let isLong = depth >= pattern.keys.count
        if node.end >= 0 {
            let end = ends[Int(node.end)]
            let hasDigitsLeft =
                isLong || pattern.keys[depth...].allSatisfy { $0.intersects(.digits) }
            if end.closed >= 0, depth == pattern.keys.count || isLong && pattern.end != .closed {
                found.append(Int(end.closed))
            }
            if end.zeroOrMore >= 0, hasDigitsLeft { found.append(Int(end.zeroOrMore)) }
            if end.oneOrMore >= 0, hasDigitsLeft, !isLong || pattern.end != .closed {
                found.append(Int(end.oneOrMore))
            }
        }
        if isLong, pattern.end == .closed { return }
        let keys = isLong ? KeySet.digits : pattern.keys[depth]
        for child in Int(node.firstChild)..<Int(node.firstChild) + Int(node.childCount)
        where nodes[child].keys.intersects(keys) {
            collect(child, pattern, depth + 1, limit, &found)
        }
    }

    private func isMoreSpecific(_ a: Candidate, _ b: Candidate) -> Bool {
        let (left, right) = (widths(a), widths(b))
        for (x, y) in zip(left, right) where x != y { return x < y }
        return a.entry < b.entry
    }

    private func widths(_ candidate: Candidate) -> [Int] {
        var widths = [candidate.endWidth]
        var index = Int(candidate.node)
        while index > 0 {
            widths.append(nodes[index].keys.count)
            index = Int(parents[index])
        }
        return widths.reversed()
    }
}

extension PatternTable {
    /// The tree while it grows: children of a node in a list, narrowest first.
    private struct Builder {
        struct Twig {
            var keys: KeySet
            var firstChild: Int32 = -1
            var nextSibling: Int32 = -1
            var ends: Ends?
        }

        var twigs = [Twig(keys: KeySet(bits: 0))]

        mutating func insert(_ pattern: Pattern, _ entry: Int32) {
            var index = 0
            for keys in pattern.keys { index = child(of: index, keys) }
            var ends = twigs[index].ends ?? Ends()
            switch pattern.end {
            case .closed where ends.closed < 0: ends.closed = entry
            case .oneOrMore where ends.oneOrMore < 0: ends.oneOrMore = entry
            case .zeroOrMore where ends.zeroOrMore < 0: ends.zeroOrMore = entry
            case .closed, .oneOrMore, .zeroOrMore: break
            }
            twigs[index].ends = ends
        }

        private mutating func child(of parent: Int, _ keys: KeySet) -> Int {
            var before: Int32 = -1
            var next = twigs[parent].firstChild
            while next >= 0 {
                let other = twigs[Int(next)].keys
                if other == keys { return Int(next) }
                if (other.count, other.bits) > (keys.count, keys.bits) { break }
                before = next
                next = twigs[Int(next)].nextSibling
            }
            let new = Int32(twigs.count)
            twigs.append(Twig(keys: keys, nextSibling: next))
            if before < 0 {
                twigs[parent].firstChild = new
            } else {
                twigs[Int(before)].nextSibling = new
            }
            return Int(new)
        }
    }

    /// The children of a node stand together, and behind them what is below the first of them: a
    /// pattern's last keys, which no other pattern shares, lie side by side.
    private mutating func take(_ builder: Builder) {
        nodes.reserveCapacity(builder.twigs.count)
        parents.reserveCapacity(builder.twigs.count)
        add(builder.twigs[0], parent: 0)
        var open: [(node: Int, twig: Int)] = [(0, 0)]
        while let (index, twig) = open.popLast() {
            nodes[index].firstChild = Int32(nodes.count)
            let firstOpen = open.count
            var next = builder.twigs[twig].firstChild
            while next >= 0 {
                let child = builder.twigs[Int(next)]
                open.append((nodes.count, Int(next)))
                add(child, parent: index)
                nodes[index].childCount += 1
                if child.keys.count == 1 { nodes[index].singles |= child.keys.bits }
                next = child.nextSibling
            }
            open[firstOpen...].reverse()
        }
    }

    private mutating func add(_ twig: Builder.Twig, parent: Int) {
        var node = Node(keys: twig.keys)
        if let end = twig.ends {
            node.end = Int32(ends.count)
            ends.append(end)
        }
        nodes.append(node)
        parents.append(Int32(parent))
    }
}
