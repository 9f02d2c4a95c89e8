/// The deadlines of many things, soonest first: a heap with one entry for each key.
///
/// `set` replaces the deadline its key had, so nothing stale is ever handed out. Entries of the
/// same instant come out in the order in which they were set. A change costs one hash of the key
/// and O(log n) moves of 24 bytes; `next` costs nothing. All of it is inlinable, since a
/// generic type that another module cannot specialise looks its metadata up at every step.
public struct DeadlineQueue<Key: Hashable & Sendable>: Sendable {
    @usableFromInline struct Entry: Sendable {
        @usableFromInline var deadline: Instant
        /// Makes the order of equal deadlines the order of setting, never that of hashes.
        @usableFromInline var order: UInt64
        @usableFromInline var slot: Int

        @inlinable init(deadline: Instant, order: UInt64, slot: Int) {
            self.deadline = deadline
            self.order = order
            self.slot = slot
        }

        @inlinable func isBefore(_ other: Entry) -> Bool {
            deadline == other.deadline ? order < other.order : deadline < other.deadline
        }
    }

    @usableFromInline struct Slot: Sendable {
        @usableFromInline var key: Key?
        @usableFromInline var position: Int

        @inlinable init(key: Key?, position: Int) {
            self.key = key
            self.position = position
        }
    }

    @usableFromInline var heap: [Entry] = []
    @usableFromInline var slots: [Slot] = []
    @usableFromInline var freeSlots: [Int] = []
    @usableFromInline var slotOfKey: [Key: Int] = [:]
    @usableFromInline var nextOrder: UInt64 = 0

    @inlinable public init() {}

    @inlinable public var count: Int { heap.count }
    @inlinable public var isEmpty: Bool { heap.isEmpty }

    /// The soonest deadline, `nil` when there is none.
    @inlinable public var next: Instant? { heap.first?.deadline }

    /// The deadline of `key`, `nil` when it has none.
    @inlinable public func deadline(of key: Key) -> Instant? {
        guard let slot = slotOfKey[key] else { return nil }
        return heap[slots[slot].position].deadline
    }

    /// Gives `key` this deadline in place of any it had; `distantFuture` takes it away.
    @inlinable public mutating func set(_ key: Key, at deadline: Instant) {
        guard deadline != .distantFuture else {
            remove(key)
            return
        }
        nextOrder += 1
        if let slot = slotOfKey[key] {
            let position = slots[slot].position
            let isSooner = deadline < heap[position].deadline
            heap[position].deadline = deadline
            heap[position].order = nextOrder
            if isSooner { siftUp(from: position) } else { siftDown(from: position) }
            return
        }
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            slots[slot] = Slot(key: key, position: heap.count)
        } else {
            slot = slots.count
            slots.append(Slot(key: key, position: heap.count))
        }
        slotOfKey[key] = slot
        heap.append(Entry(deadline: deadline, order: nextOrder, slot: slot))
        siftUp(from: heap.count - 1)
    }

    /// Takes the deadline of `key` away, if it has one.
    @inlinable public mutating func remove(_ key: Key) {
        guard let slot = slotOfKey.removeValue(forKey: key) else { return }
        removeEntry(at: slots[slot].position)
    }

    /// Takes out the soonest key whose deadline is `now` or before; `nil` when none is due.
    @inlinable public mutating func popDue(now: Instant) -> Key? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        guard let key = slots[first.slot].key else { return nil }
        slotOfKey.removeValue(forKey: key)
        removeEntry(at: 0)
        return key
    }

    @inlinable mutating func removeEntry(at position: Int) {
        let slot = heap[position].slot
        slots[slot].key = nil
        freeSlots.append(slot)
        let last = heap.removeLast()
        guard position < heap.count else { return }
        heap[position] = last
        slots[last.slot].position = position
        siftUp(from: position)
        siftDown(from: slots[last.slot].position)
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
        slots[entry.slot].position = position
    }
}
