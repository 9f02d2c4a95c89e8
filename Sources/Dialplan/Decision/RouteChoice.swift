/// One way out for a call.
public struct RouteChoice: Hashable, Sendable {
    public var via: Via
    /// The number in the form this way wants it.
    public var number: String
    /// The caller's number to show; nil leaves it to the trunk's own setting.
    public var presented: String?
    /// Known not to work at the moment of the question: skip it while another is left.
    public var down: Bool
    /// Neighbours of one stage are tried in the order of their selection.
    public var stage = 0
    public var selection = Selection.inOrder

    public init(via: Via, number: String, presented: String?, down: Bool) {
        self.via = via
        self.number = number
        self.presented = presented
        self.down = down
    }

    /// What carries the call.
    public enum Via: Hashable, Sendable, CustomStringConvertible {
        /// The caller's own direct line, by its number.
        case line(String)
        /// Any free line of a group of lines, by the group's name.
        case lines(String)
        case trunk(String)

        /// `line 66778100`, `lines front` or the trunk's name.
        public var description: String {
            switch self {
            case .line(let number): "line \(number)"
            case .lines(let name): "lines \(name)"
            case .trunk(let name): name
            }
        }
    }

    /// Which of the ways of one stage goes first.
    public enum Selection: Hashable, Sendable {
        case inOrder
        /// By chance, in proportion to the weights.
        case share(weight: Int)
        /// The cheapest first; one without a price last.
        case leastCost
    }
}

extension RouteChoice {
    /// Puts ways out into the order they are tried: stage by stage, each by its selection.
    ///
    /// - Parameters:
    ///   - draw: a number from 0 up to, not including, its argument, all alike likely. Called once for
    ///     every way of a stage that is chosen by share.
    ///   - price: what the call costs by a way, in any unit; nil where it has no price.
    public static func ordered(
        _ choices: [RouteChoice], draw: (Int) -> Int, price: (RouteChoice) -> Int64?
    ) -> [RouteChoice] {
        var ordered: [RouteChoice] = []
        ordered.reserveCapacity(choices.count)
        var start = 0
        while start < choices.count {
            var end = start + 1
            while end < choices.count, choices[end].stage == choices[start].stage { end += 1 }
            let stage = choices[start..<end]
            switch choices[start].selection {
            case .inOrder: ordered += stage
            case .share: ordered += shared(stage, draw)
            case .leastCost:
                ordered += stage.map { (choice: $0, price: price($0) ?? .max) }.enumerated()
                    .sorted { ($0.element.price, $0.offset) < ($1.element.price, $1.offset) }
                    .map(\.element.choice)
            }
            start = end
        }
        return ordered
    }

    private static func shared(
        _ stage: ArraySlice<RouteChoice>, _ draw: (Int) -> Int
    ) -> [RouteChoice] {
        var left = Array(stage)
        var ordered: [RouteChoice] = []
        while !left.isEmpty {
            let total = left.reduce(0) { $0 + $1.weight }
            guard total > 0 else { return ordered + left }
            var point = min(max(draw(total), 0), total - 1)
            var index = 0
            while index + 1 < left.count, point >= left[index].weight {
                point -= left[index].weight
                index += 1
            }
            ordered.append(left.remove(at: index))
        }
        return ordered
    }

    private var weight: Int {
        switch selection {
        case .share(let weight): weight
        case .inOrder, .leastCost: 0
        }
    }
}
