/// A key of a `DeadlineQueue`.
public protocol DeadlineKeying: Sendable {
    /// Another number for every key, and small: the queue has a place for each up to the largest.
    var deadlineNumber: Int { get }
}

/// The deadlines of many things, soonest first: a heap with one entry for each key.
///
/// `set` replaces the deadline its key had, so nothing stale is ever handed out. Entries of the
/// same instant come out in the order in which they were set. A change costs O(log n) moves of an
/// entry and no hash: a table says where the entry of each key is, 4 bytes for each number. `next`
/// costs nothing. All of it is inlinable, since a generic type that another module cannot specialise
/// looks its metadata up at every step.
public struct DeadlineQueue<Key: DeadlineKeying>: Sendable {
    @usableFromInline struct Entry: Sendable {
        @usableFromInline var deadline: Instant
        /// Makes the order of equal deadlines the order of setting.
        @usableFromInline var order: UInt64
        @usableFromInline var key: Key

        @inlinable init(deadline: Instant, order: UInt64, key: Key) {
            self.deadline = deadline
            self.order = order
            self.key = key
        }

        @inlinable func isBefore(_ other: Entry) -> Bool {
            deadline == other.deadline ? order < other.order : deadline < other.deadline
        }
    }

    @usableFromInline var heap: [Entry] = []
    /// By the number of a key, its place in the heap; -1 where it has no deadline.
    @usableFromInline var positions: [Int32] = []
    @usableFromInline var nextOrder: UInt64 = 0

    @inlinable public init() {}

    @inlinable public var count: Int { heap.count }
    @inlinable public var isEmpty: Bool { heap.isEmpty }

    /// The soonest deadline, `nil` when there is none.
    @inlinable public var next: Instant? { heap.first?.deadline }

    /// The deadline of `key`, `nil` when it has none.
    @inlinable public func deadline(of key: Key) -> Instant? {
        position(of: key).map { heap[$0].deadline }
    }

    @inlinable @inline(__always) func position(of key: Key) -> Int? {
        let number = key.deadlineNumber
        guard number < positions.count, positions[number] >= 0 else { return nil }
        return Int(positions[number])
    }

    /// Gives `key` this deadline in place of any it had; `distantFuture` takes it away.
    @inlinable public mutating func set(_ key: Key, at deadline: Instant) {
        guard deadline != .distantFuture else {
            remove(key)
            return
        }
        nextOrder += 1
        if let position = position(of: key) {
            let isSooner = deadline < heap[position].deadline
            heap[position].deadline = deadline
            heap[position].order = nextOrder
            if isSooner { siftUp(from: position) } else { siftDown(from: position) }
            return
        }
        let missing = key.deadlineNumber + 1 - positions.count
        if missing > 0 { positions.append(contentsOf: repeatElement(-1, count: missing)) }
        heap.append(Entry(deadline: deadline, order: nextOrder, key: key))
        siftUp(from: heap.count - 1)
    }

    /// Takes the deadline of `key` away, if it has one.
    @inlinable public mutating func remove(_ key: Key) {
        guard let position = position(of: key) else { return }
        removeEntry(at: position)
    }

    /// Takes out the soonest key whose deadline is `now` or before; `nil` when none is due.
    @inlinable public mutating func popDue(now: Instant) -> Key? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        removeEntry(at: 0)
        return first.key
    }

    @inlinable mutating func removeEntry(at position: Int) {
        positions[heap[position].key.deadlineNumber] = -1
        let last = heap.removeLast()
        guard position < heap.count else { return }
        place(last, at: position)
        siftUp(from: position)
        siftDown(from: Int(positions[last.key.deadlineNumber]))
    }

    @inlinable mutating func siftUp(from start: Int) {
        var position = start
        let entry = heap[position]
        while position > 0 {
            let parent = (position - 1) / 2
            guard entry.isBefore(heap[parent]) else { break }
            place(heap[parent], at: position)
            position = parent
        }
        place(entry, at: position)
    }

    @inlinable mutating func siftDown(from start: Int) {
        var position = start
        let entry = heap[position]
        while true {
            var child = 2 * position + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count && heap[child + 1].isBefore(heap[child]) { child += 1 }
            guard heap[child].isBefore(entry) else { break }
            place(heap[child], at: position)
            position = child
        }
        place(entry, at: position)
    }

    @inlinable @inline(__always)
    mutating func place(_ entry: Entry, at position: Int) {
        heap[position] = entry
        positions[entry.key.deadlineNumber] = Int32(truncatingIfNeeded: position)
    }
}
