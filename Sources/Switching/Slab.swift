/// Names one entry of a slab. A handle of an entry that is gone finds nothing, even when its place was
/// taken again.
struct Handle: Hashable, Sendable {
    var slot: UInt32
    var generation: UInt32

    /// Finds nothing in any slab.
    static let none = Handle(slot: .max, generation: .max)
}

/// Values in one array with a list of free places: O(1) to add, find and remove, mutated where they
/// live.
struct Slab<Element: Sendable>: Sendable {
    private struct Place: Sendable {
        var generation: UInt32 = 0
        var element: Element?
    }

    private var places: [Place] = []
    private var free: [UInt32] = []

    var count: Int { places.count - free.count }

    mutating func insert(_ element: Element) -> Handle {
        if let slot = free.popLast() {
            places[Int(slot)].element = element
            return Handle(slot: slot, generation: places[Int(slot)].generation)
        }
        places.append(Place(element: element))
        return Handle(slot: UInt32(places.count - 1), generation: 0)
    }

    func contains(_ handle: Handle) -> Bool {
        let slot = Int(handle.slot)
        return slot < places.count && places[slot].generation == handle.generation
            && places[slot].element != nil
    }

    /// The handle of whatever lives at a place.
    func handle(at slot: UInt32) -> Handle? {
        guard Int(slot) < places.count, places[Int(slot)].element != nil else { return nil }
        return Handle(slot: slot, generation: places[Int(slot)].generation)
    }

    /// Traps when the entry is gone: ask `contains` where it may be.
    subscript(handle: Handle) -> Element {
        get {
            precondition(contains(handle), "the entry is gone")
            return places[Int(handle.slot)].element!
        }
        _modify {
            precondition(contains(handle), "the entry is gone")
            yield &places[Int(handle.slot)].element!
        }
    }

    @discardableResult
    mutating func remove(_ handle: Handle) -> Element? {
        guard contains(handle) else { return nil }
        let slot = Int(handle.slot)
        let element = places[slot].element
        places[slot].element = nil
        places[slot].generation &+= 1
        free.append(handle.slot)
        return element
    }

    /// All handles, by place.
    var handles: [Handle] {
        places.indices.compactMap { handle(at: UInt32($0)) }
    }
}
