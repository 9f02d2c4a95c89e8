/// Names one entry of a slab. A handle of an entry that is gone finds nothing, even when its place was
/// taken again.
struct Handle: Hashable, Sendable {
    var slot: UInt32
    var generation: UInt32

    /// Finds nothing in any slab.
    static let none = Handle(slot: .max, generation: .max)
}

/// Values side by side in one array, found by handles: O(1) to add, find and remove, read and mutated
/// where they live. The last value moves into the place of one that is removed.
struct Slab<Element: Sendable>: Sendable {
    /// A handle's side of an entry.
    private struct Slot: Sendable {
        /// Odd while the entry lives, so that no look at the entry itself is needed.
        var generation: UInt32
        /// Where the entry is.
        var position: UInt32

        var isLive: Bool { generation & 1 == 1 }
    }

    private var slots: [Slot] = []
    private var elements: [Element] = []
    /// By position, the slot whose entry is there.
    private var slotOfPosition: [UInt32] = []
    private var free: [UInt32] = []

    var count: Int { elements.count }

    mutating func insert(_ element: consuming Element) -> Handle {
        let slot: UInt32
        if let known = free.popLast() {
            slot = known
        } else {
            slot = UInt32(slots.count)
            slots.append(Slot(generation: 0, position: 0))
        }
        slots[Int(slot)].generation &+= 1
        slots[Int(slot)].position = UInt32(elements.count)
        elements.append(element)
        slotOfPosition.append(slot)
        return Handle(slot: slot, generation: slots[Int(slot)].generation)
    }

    func contains(_ handle: Handle) -> Bool { position(of: handle) != nil }

    private func position(of handle: Handle) -> Int? {
        let slot = Int(handle.slot)
        guard slot < slots.count, slots[slot].generation == handle.generation,
            slots[slot].isLive
        else { return nil }
        return Int(slots[slot].position)
    }

    /// The handle of whatever has this slot.
    func handle(at slot: UInt32) -> Handle? {
        guard Int(slot) < slots.count, slots[Int(slot)].isLive else { return nil }
        return Handle(slot: slot, generation: slots[Int(slot)].generation)
    }

    /// Traps when the entry is gone: ask `contains` where it may be.
    subscript(handle: Handle) -> Element {
        // A getter and inlined: a coroutine keeps a copy of the entry on the heap meanwhile, and this
        // becomes a load of the one field that is asked for.
        @inline(__always) get {
            guard let position = position(of: handle) else { preconditionFailure("it is gone") }
            return elements[position]
        }
        _modify {
            guard let position = position(of: handle) else { preconditionFailure("it is gone") }
            yield &elements[position]
        }
    }

    @discardableResult
    mutating func remove(_ handle: Handle) -> Element? {
        guard let position = position(of: handle) else { return nil }
        slots[Int(handle.slot)].generation &+= 1
        free.append(handle.slot)
        var removed = elements.removeLast()
        let moved = slotOfPosition.removeLast()
        if position != elements.count {
            // Not `swapAt`, which copies both.
            swap(&removed, &elements[position])
            slotOfPosition[position] = moved
            slots[Int(moved)].position = UInt32(position)
        }
        return removed
    }

    /// All handles, by slot.
    var handles: [Handle] {
        slots.indices.compactMap { handle(at: UInt32($0)) }
    }
}
