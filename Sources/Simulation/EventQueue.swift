import SIP

/// What is going to happen, soonest first; what happens at the same instant keeps its order.
struct EventQueue<Element: Sendable>: Sendable {
    private struct Entry: Sendable {
        var at: Instant
        var order: UInt64
        var element: Element

        func isBefore(_ other: Entry) -> Bool {
            at == other.at ? order < other.order : at < other.at
        }
    }

    private var heap: [Entry] = []
    private var lastOrder: UInt64 = 0

    var next: Instant? { heap.first?.at }
    var count: Int { heap.count }

    mutating func add(_ element: Element, at: Instant) {
        lastOrder += 1
        heap.append(Entry(at: at, order: lastOrder, element: element))
        var place = heap.count - 1
        while place > 0 {
            let parent = (place - 1) / 2
            guard heap[place].isBefore(heap[parent]) else { return }
            heap.swapAt(place, parent)
            place = parent
        }
    }

    mutating func popFirst() -> (at: Instant, element: Element)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return (first.at, first.element) }
        heap[0] = last
        var place = 0
        while true {
            var child = 2 * place + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
            guard heap[child].isBefore(heap[place]) else { break }
            heap.swapAt(place, child)
            place = child
        }
        return (first.at, first.element)
    }
}
