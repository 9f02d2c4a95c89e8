/// The calls of one extension at the moment. A phone that rings is in a call in.
struct CallCount: Sendable, Hashable {
    /// Whose caller it is.
    var out: Int32 = 0
    /// Whose callee it is.
    var `in`: Int32 = 0

    var together: Int { Int(out) + Int(`in`) }

    enum Direction: Sendable { case out, `in` }

    subscript(direction: Direction) -> Int32 {
        get {
            switch direction {
            case .out: out
            case .in: `in`
            }
        }
        set {
            switch direction {
            case .out: out = newValue
            case .in: `in` = newValue
            }
        }
    }
}
