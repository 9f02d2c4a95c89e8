import Dialplan
import Testing

@testable import Switching

/// A ring group at work, as a machine: who is rung next.
@Suite struct HuntTests {
    private static func stage(
        _ members: [String], _ strategy: RingGroup.Strategy
    ) -> RingGroup.Stage {
        RingGroup.Stage(members: members, strategy: strategy, milliseconds: 20_000)
    }

    @Test func allRingAtOnceThenTheNextStageThenNobody() {
        var hunt = Hunt(
            RingGroup(
                name: "reception",
                stages: [
                    Self.stage(["8001", "8002"], .together), Self.stage(["8003"], .together),
                ]))
        #expect(hunt.next { _ in [] } == .ring(["8001", "8002"], milliseconds: 20_000))
        #expect(hunt.next { _ in [] } == .ring(["8003"], milliseconds: 20_000))
        #expect(hunt.next { _ in [] } == .overflow)
        #expect(hunt.next { _ in [] } == .overflow)
    }

    @Test func oneAfterAnotherIsAskedForItsOrderOnce() {
        var hunt = Hunt(
            RingGroup(name: "sales", stages: [Self.stage(["8001", "8002"], .longestIdle)]))
        var questions = 0
        let order: (Int) -> [String] = { _ in
            questions += 1
            return ["8002", "8001"]
        }
        #expect(hunt.next(order: order) == .ring(["8002"], milliseconds: 20_000))
        #expect(hunt.next(order: order) == .ring(["8001"], milliseconds: 20_000))
        #expect(hunt.next(order: order) == .overflow)
        #expect(questions == 1)
    }

    @Test(arguments: [
        (nil, ["8001", "8002", "8003"]), ("8001", ["8002", "8003", "8001"]),
        ("8003", ["8001", "8002", "8003"]), ("8099", ["8001", "8002", "8003"]),
    ])
    func roundRobinBeginsBehindWhoWasFirst(last: String?, order: [String]) {
        let stage = Self.stage(["8001", "8002", "8003"], .roundRobin)
        #expect(Hunt.order(stage, lastFirst: last, idleSince: { _ in nil }) == order)
    }

    @Test func theLongestIdleRingsFirstAndWhoNeverHadACallBeforeAll() {
        let stage = Self.stage(["8001", "8002", "8003", "8004"], .longestIdle)
        let idle: [String: Int64] = ["8001": 30, "8002": 10, "8004": 10]
        #expect(
            Hunt.order(stage, lastFirst: nil, idleSince: { idle[$0] })
                == ["8003", "8002", "8004", "8001"])
    }
}
