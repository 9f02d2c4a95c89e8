/// A group of extensions: who is in it, whom it may call and what it may use, and how it rings.
struct GroupTable: Sendable {
    var name: String
    var place: Place
    var members: [NumberRange]

    func contains(_ number: PackedNumber) -> Bool { members.contains { $0.contains(number) } }
}
