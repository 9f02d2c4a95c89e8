import SIP
import Testing

/// A letter or a number.
private struct Key: DeadlineKeying, Hashable, ExpressibleByStringLiteral {
    var deadlineNumber: Int

    init(_ number: Int) { deadlineNumber = number }

    init(stringLiteral letter: String) {
        deadlineNumber = Int(letter.unicodeScalars.first!.value)
    }
}

@Suite struct DeadlineQueueTests {
    private func at(_ milliseconds: Int) -> Instant { MachineFixture.at(milliseconds) }

    private func drained(_ start: DeadlineQueue<Key>, at now: Instant) -> [Key] {
        var queue = start
        var keys: [Key] = []
        while let key = queue.popDue(now: now) { keys.append(key) }
        return keys
    }

    @Test func keysComeOutBySoonestDeadline() {
        var queue = DeadlineQueue<Key>()
        #expect(queue.next == nil)
        queue.set("c", at: at(30))
        queue.set("a", at: at(10))
        queue.set("b", at: at(20))
        #expect(queue.next == at(10))
        #expect(drained(queue, at: at(20)) == ["a", "b"])
        #expect(drained(queue, at: at(9)) == [])
    }

    @Test func equalDeadlinesComeOutInTheOrderOfSetting() {
        var queue = DeadlineQueue<Key>()
        let keys: [Key] = ["d", "b", "e", "a", "c"]
        for key in keys { queue.set(key, at: at(5)) }
        #expect(drained(queue, at: at(5)) == keys)
    }

    @Test func settingAgainReplaces() {
        var queue = DeadlineQueue<Key>()
        queue.set("a", at: at(10))
        queue.set("b", at: at(20))
        queue.set("a", at: at(30))
        #expect(queue.count == 2)
        #expect(queue.deadline(of: "a") == at(30))
        #expect(drained(queue, at: at(40)) == ["b", "a"])
        queue.set("a", at: at(5))
        #expect(queue.next == at(5))
    }

    @Test func removingAndTheDistantFutureTakeAKeyOut() {
        var queue = DeadlineQueue<Key>()
        queue.set("a", at: at(10))
        queue.set("b", at: at(20))
        queue.remove("a")
        queue.remove("a")
        queue.set("b", at: .distantFuture)
        #expect(queue.isEmpty)
        #expect(queue.deadline(of: "b") == nil)
        #expect(queue.popDue(now: .distantFuture) == nil)
    }

    /// 20,000 random operations against a plain dictionary.
    @Test func itAgreesWithAPlainTable() {
        var random = TokenGenerator(seed: [UInt8](repeating: 9, count: 32))
        var queue = DeadlineQueue<Key>()
        var table: [Key: Instant] = [:]
        var now = 0
        var popped = 0
        for _ in 0..<20_000 {
            let key = Key(Int(random.next() % 300))
            switch random.next() % 8 {
            case 0...4:
                let deadline = at(now + Int(random.next() % 1_000))
                queue.set(key, at: deadline)
                table[key] = deadline
            case 5:
                queue.remove(key)
                table[key] = nil
            default:
                now += Int(random.next() % 20)
                while let due = queue.popDue(now: at(now)) {
                    let soonest = table.values.min()
                    #expect(table[due] == soonest)
                    table[due] = nil
                    popped += 1
                }
                #expect(table.values.allSatisfy { $0 > at(now) })
            }
            #expect(queue.count == table.count)
            #expect(queue.next == table.values.min())
        }
        #expect(popped > 1_000)
    }
}
