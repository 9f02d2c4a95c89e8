/// Names one entry of a slab. A handle of an entry that is gone finds nothing, even when its place was
/// taken again.
struct Handle: Hashable, Sendable {
    var slot: UInt32
    var generation: UInt32

    /// Finds nothing in any slab.
    static let none = Handle(slot: .max, generation: .max)
}

/// Values that stay where they were put, found by handles: O(1) to add, find and remove.
///
/// They lie in pages of their own memory and not in one array: a table of 50,000 calls that doubled its
/// array would stop the loop for the time it takes to copy all of them, and reading one field of an
/// entry in an array may copy the entry. An entry is read and changed through its address.
///
/// Memory is given back when the slab ends; the place of a removed entry is the next that is taken.
struct Slab<Element: Sendable>: ~Copyable, @unchecked Sendable {
    // Unchecked for the pages alone: they are this value's own, which is never copied.

    /// Entries of a page, a power of two.
    private static var pageEntries: Int { 64 }

    private var pages: [UnsafeMutablePointer<Element>] = []
    /// By slot; odd while its entry lives.
    private var generations: [UInt32] = []
    private var free: [UInt32] = []

    var count: Int { generations.count - free.count }

    init() {}

    deinit {
        for slot in generations.indices where isLive(slot) {
            address(slot).deinitialize(count: 1)
        }
        for page in pages { page.deallocate() }
    }

    mutating func insert(_ element: consuming Element) -> Handle {
        let slot: Int
        if let known = free.popLast() {
            slot = Int(known)
        } else {
            slot = generations.count
            generations.append(0)
            if slot / Self.pageEntries == pages.count {
                pages.append(.allocate(capacity: Self.pageEntries))
            }
        }
        generations[slot] &+= 1
        address(slot).initialize(to: element)
        return Handle(slot: UInt32(slot), generation: generations[slot])
    }

    @inline(__always) private func isLive(_ slot: Int) -> Bool { generations[slot] & 1 == 1 }

    @inline(__always) private func address(_ slot: Int) -> UnsafeMutablePointer<Element> {
        pages[slot / Self.pageEntries] + slot % Self.pageEntries
    }

    @inline(__always) func contains(_ handle: Handle) -> Bool {
        let slot = Int(handle.slot)
        return slot < generations.count && generations[slot] == handle.generation && isLive(slot)
    }

    /// The handle of whatever has this slot.
    func handle(at slot: UInt32) -> Handle? {
        guard Int(slot) < generations.count, isLive(Int(slot)) else { return nil }
        return Handle(slot: slot, generation: generations[Int(slot)])
    }

    @inline(__always) private func addressOfEntry(
        _ handle: Handle
    ) -> UnsafeMutablePointer<Element> {
        guard contains(handle) else { preconditionFailure("it is gone") }
        return address(Int(handle.slot))
    }

    /// Traps when the entry is gone: ask `contains` where it may be.
    subscript(handle: Handle) -> Element {
        @inline(__always) unsafeAddress { UnsafePointer(addressOfEntry(handle)) }
        @inline(__always) unsafeMutableAddress { addressOfEntry(handle) }
    }

    @discardableResult
    mutating func remove(_ handle: Handle) -> Element? {
        guard contains(handle) else { return nil }
        let slot = Int(handle.slot)
        generations[slot] &+= 1
        free.append(handle.slot)
        return address(slot).move()
    }

    /// Lends out every entry, by slot, without copying one.
    func forEach(_ body: (borrowing Element) -> Void) {
        for slot in generations.indices where isLive(slot) { body(address(slot).pointee) }
    }

    /// All handles, by slot.
    var handles: [Handle] {
        generations.indices.compactMap { handle(at: UInt32($0)) }
    }
}
