import Dialplan
import Testing

@Suite struct SelectionTests {
    static func way(_ name: String, _ stage: Int, _ selection: RouteChoice.Selection) -> RouteChoice
    {
        var choice = RouteChoice(via: .trunk(name), number: "1", presented: nil, down: false)
        choice.stage = stage
        choice.selection = selection
        return choice
    }

    static func names(_ choices: [RouteChoice]) -> [String] { choices.map(\.via.description) }

    @Test func waysInOrderStayInOrder() {
        let choices = ["a", "b", "c"].map { Self.way($0, 0, .inOrder) }
        #expect(RouteChoice.ordered(choices, draw: { $0 - 1 }, price: { _ in 1 }) == choices)
    }

    @Test func theCheapestGoesFirstAndOneWithoutPriceLast() {
        let prices: [String: Int64] = ["a": 30, "b": 10, "d": 10]
        let choices = ["a", "b", "c", "d"].map { Self.way($0, 0, .leastCost) }
        let ordered = RouteChoice.ordered(
            choices, draw: { _ in 0 }, price: { prices[$0.via.description] })
        #expect(Self.names(ordered) == ["b", "d", "a", "c"])
    }

    @Test("a draw falls on a way as often as its weight", arguments: 0..<10)
    func shares(point: Int) {
        let choices = [
            Self.way("a", 0, .share(weight: 7)), Self.way("b", 0, .share(weight: 3)),
            Self.way("c", 1, .inOrder),
        ]
        let ordered = RouteChoice.ordered(
            choices, draw: { $0 == 10 ? point : 0 }, price: { _ in nil })
        #expect(Self.names(ordered) == (point < 7 ? ["a", "b", "c"] : ["b", "a", "c"]))
    }

    @Test func aStageIsOrderedForItselfAndEveryWayIsKept() {
        let choices = [
            Self.way("a", 0, .share(weight: 0)), Self.way("b", 0, .share(weight: 1)),
            Self.way("c", 1, .leastCost), Self.way("d", 1, .leastCost),
        ]
        let ordered = RouteChoice.ordered(
            choices, draw: { _ in 99 }, price: { $0.via == .trunk("d") ? 1 : 2 })
        #expect(Self.names(ordered) == ["b", "a", "d", "c"])
        #expect(RouteChoice.ordered([], draw: { _ in 0 }, price: { _ in nil }).isEmpty)
    }
}
