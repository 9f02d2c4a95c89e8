/// `incoming office from inside + group partners`: who may ring.
struct IncomingTable: Sendable {
    var name: String
    var place: Place
    /// Its own and those of the levels it builds on; nobody when there are none.
    var callers: [CallerSet]

    func allows(_ asker: Asker) -> Bool { callers.contains { $0.contains(asker) } }
}
