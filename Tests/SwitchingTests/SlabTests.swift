import SIP
import Testing

@testable import Switching

@Suite struct SlabTests {
    /// 20,000 random operations against a plain dictionary; the values are on the heap, so that one
    /// that is lost or freed twice is noticed.
    @Test func itAgreesWithAPlainTable() {
        var random = TokenGenerator(seed: [UInt8](repeating: 3, count: 32))
        var slab = Slab<[UInt64]>()
        var table: [Handle: [UInt64]] = [:]
        var gone: [Handle] = []
        for _ in 0..<20_000 {
            let number = random.next()
            let some = table.keys.sorted { $0.slot < $1.slot }
            switch number % 8 {
            case 0...4 where table.count < 300:
                let handle = slab.insert([number])
                #expect(table[handle] == nil && !gone.contains(handle))
                table[handle] = [number]
            case 5 where !some.isEmpty:
                let handle = some[Int(number / 8) % some.count]
                slab[handle].append(number)
                table[handle]?.append(number)
            default:
                guard !some.isEmpty else { break }
                let handle = some[Int(number / 8) % some.count]
                let removed = slab.remove(handle)
                #expect(removed == table.removeValue(forKey: handle))
                gone.append(handle)
            }
            let count = slab.count
            #expect(count == table.count)
        }
        let handles = slab.handles
        #expect(handles == table.keys.sorted { $0.slot < $1.slot })
        for handle in handles {
            let value = slab[handle]
            #expect(value == table[handle])
        }
        for handle in gone {
            let (isThere, removed) = (slab.contains(handle), slab.remove(handle))
            #expect(!isThere && removed == nil)
        }
        var sum: UInt64 = 0
        slab.forEach { for number in $0 { sum &+= number } }
        #expect(sum == table.values.joined().reduce(0, &+))
        #expect(slab.handle(at: 1_000_000) == nil)
    }

    @Test func whatIsInItEndsWithIt() {
        final class Counted: Sendable {}
        weak var first: Counted?
        weak var second: Counted?
        do {
            var slab = Slab<Counted>()
            for _ in 0..<200 { _ = slab.insert(Counted()) }
            let (one, other) = (Counted(), Counted())
            first = one
            second = other
            let handle = slab.insert(one)
            _ = slab.insert(other)
            slab.remove(handle)
        }
        #expect(first == nil && second == nil)
    }

    @Test func everyDeadlineHasANumberOfItsOwn() {
        #expect(DeadlineKey.Kind.allCases.allSatisfy { Int($0.rawValue) < DeadlineKey.kinds })
    }
}
