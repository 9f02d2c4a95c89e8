/// Finds, among any number of patterns, the most specific one that covers a number.
///
/// A tree of key sets: children of a node stand together in memory, the narrowest first, so that
/// going down depth first meets the most specific pattern first. A look-up visits a node at most
/// once; with 100,000 prefixes it takes some hundred nanoseconds.
struct PatternTable: Sendable {
    private struct Node {
        var keys: KeySet
        /// The keys of the children that stand for one key each; these come first, in the order of
        /// their keys, so that a key's child is found without a search.
        var singles: UInt16 = 0
        var childCount: UInt16 = 0
        var firstChild: Int32 = 0
        var parent: Int32 = 0
        /// Entry that ends here, with nothing after, or -1.
        var closed: Int32 = -1
        /// Entry with `.` from here on, or -1.
        var oneOrMore: Int32 = -1
        /// Entry with `!` from here on, or -1.
        var zeroOrMore: Int32 = -1
    }

    private var nodes: [Node]

    /// Builds the table. Entry `i` is `patterns[i]`; where one is written twice the first stays.
    init(_ patterns: [Pattern]) {
        var builder = Builder()
        for (entry, pattern) in patterns.enumerated() { builder.insert(pattern, Int32(entry)) }
        nodes = builder.flattened()
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

    private func search(_ index: Int, _ number: Span<UInt8>, _ depth: Int) -> Candidate {
        let node = nodes[index]
        if depth == number.count {
            if node.closed >= 0 { return Candidate(entry: node.closed, node: Int32(index)) }
            return Candidate(entry: node.zeroOrMore, node: Int32(index), endWidth: 14)
        }
        let key = number[depth]
        let bit = UInt16(1) << UInt16(key)
        if node.singles & bit != 0 {
            let child = Int(node.firstChild) + (node.singles & (bit - 1)).nonzeroBitCount
            let found = search(child, number, depth + 1)
            if found.entry >= 0 { return found }
        }
        var child = Int(node.firstChild) + node.singles.nonzeroBitCount
        let end = Int(node.firstChild) + Int(node.childCount)
        while child < end {
            let width = nodes[child].keys.count
            // Sets of one width may share the key; then what comes after them decides.
            var best = Candidate()
            while child < end, nodes[child].keys.count == width {
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
        guard node.oneOrMore >= 0 || node.zeroOrMore >= 0 else { return Candidate() }
        for rest in depth..<number.count where number[rest] > 9 { return Candidate() }
        if node.oneOrMore >= 0 {
            return Candidate(entry: node.oneOrMore, node: Int32(index), endWidth: 13)
        }
        return Candidate(entry: node.zeroOrMore, node: Int32(index), endWidth: 14)
    }

    /// Every pattern in it.
    var patterns: [Pattern] {
        var patterns: [Pattern] = []
        for (index, node) in nodes.enumerated() {
            let ends: [(entry: Int32, end: Pattern.End)] = [
                (node.closed, .closed), (node.oneOrMore, .oneOrMore),
                (node.zeroOrMore, .zeroOrMore),
            ]
            for (entry, end) in ends where entry >= 0 {
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
            index = Int(nodes[index].parent)
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
        let hasDigitsLeft =
            isLong || pattern.keys[depth...].allSatisfy { $0.intersects(.digits) }
        if node.closed >= 0, depth == pattern.keys.count || isLong && pattern.end != .closed {
            found.append(Int(node.closed))
        }
        if node.zeroOrMore >= 0, hasDigitsLeft { found.append(Int(node.zeroOrMore)) }
        if node.oneOrMore >= 0, hasDigitsLeft, !isLong || pattern.end != .closed {
            found.append(Int(node.oneOrMore))
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
            index = Int(nodes[index].parent)
        }
        return widths.reversed()
    }
}

extension PatternTable {
    /// The tree while it grows: children of a node in a list, narrowest first.
    private struct Builder {
        private struct Twig {
            var node: Node
            var firstChild: Int32 = -1
            var nextSibling: Int32 = -1
        }

        private var twigs = [Twig(node: Node(keys: KeySet(bits: 0)))]

        mutating func insert(_ pattern: Pattern, _ entry: Int32) {
            var index = 0
            for keys in pattern.keys { index = child(of: index, keys) }
            switch pattern.end {
            case .closed where twigs[index].node.closed < 0: twigs[index].node.closed = entry
            case .oneOrMore where twigs[index].node.oneOrMore < 0:
                twigs[index].node.oneOrMore = entry
            case .zeroOrMore where twigs[index].node.zeroOrMore < 0:
                twigs[index].node.zeroOrMore = entry
            case .closed, .oneOrMore, .zeroOrMore: break
            }
        }

        private mutating func child(of parent: Int, _ keys: KeySet) -> Int {
            var before: Int32 = -1
            var next = twigs[parent].firstChild
            while next >= 0 {
                let other = twigs[Int(next)].node.keys
                if other == keys { return Int(next) }
                if (other.count, other.bits) > (keys.count, keys.bits) { break }
                before = next
                next = twigs[Int(next)].nextSibling
            }
            let new = Int32(twigs.count)
            twigs.append(Twig(node: Node(keys: keys), nextSibling: next))
            if before < 0 {
                twigs[parent].firstChild = new
            } else {
                twigs[Int(before)].nextSibling = new
            }
            return Int(new)
        }

        /// Level by level, so that the children of a node stand together.
        func flattened() -> [Node] {
            var nodes: [Node] = [twigs[0].node]
            var origins: [Int32] = [0]
            nodes.reserveCapacity(twigs.count)
            origins.reserveCapacity(twigs.count)
            var index = 0
            while index < nodes.count {
                nodes[index].firstChild = Int32(nodes.count)
                var next = twigs[Int(origins[index])].firstChild
                while next >= 0 {
                    var node = twigs[Int(next)].node
                    node.parent = Int32(index)
                    nodes.append(node)
                    origins.append(next)
                    nodes[index].childCount += 1
                    if node.keys.count == 1 { nodes[index].singles |= node.keys.bits }
                    next = twigs[Int(next)].nextSibling
                }
                index += 1
            }
            return nodes
        }
    }
}
