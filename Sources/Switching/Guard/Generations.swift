/// A table that strangers make grow, and that forgets who has not been there for long.
///
/// Entries stand in a young and an old half. When the young one is full it becomes the old one, and what
/// was in the old one is forgotten; what is asked for is young again.
struct Generations<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let half: Int
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]

    /// - Parameter limit: of both halves together, at least two.
    init(limit: Int) { half = max(limit / 2, 1) }

    var count: Int { young.count + old.count }
    var isEmpty: Bool { young.isEmpty && old.isEmpty }

    func contains(_ key: Key) -> Bool { young[key] != nil || old[key] != nil }

    /// What is known of it, which makes it young.
    mutating func value(of key: Key) -> Value? {
        if let value = young[key] { return value }
        guard let value = old.removeValue(forKey: key) else { return nil }
        insert(value, key)
        return value
    }

    mutating func set(_ key: Key, to value: Value) {
        old[key] = nil
        if young[key] == nil { insert(value, key) } else { young[key] = value }
    }

    private mutating func insert(_ value: Value, _ key: Key) {
        if young.count >= half {
            old = young
            young = [:]
        }
        young[key] = value
    }

    /// Changes an entry where it is; of one that is not there nothing comes to be.
    mutating func change(_ key: Key, _ body: (inout Value) -> Void) {
        if let place = young.index(forKey: key) {
            body(&young.values[place])
        } else if let place = old.index(forKey: key) {
            body(&old.values[place])
        }
    }

    @discardableResult
    mutating func remove(_ key: Key) -> Value? {
        young.removeValue(forKey: key) ?? old.removeValue(forKey: key)
    }
}
