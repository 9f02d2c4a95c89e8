/// In which order the channels of an E1 are taken for calls out (Q.931 leaves it to the two sides to
/// agree; the other side should hunt from the other end, so that both rarely seize one channel at
/// once).
public enum Hunting: String, Sendable, Hashable, Codable, CaseIterable {
    case lowestFirst = "lowest-first"
    case highestFirst = "highest-first"
    /// The one after the last that was taken.
    case cyclic

    /// The order that the other side most likely hunts in.
    var opposite: Hunting {
        switch self {
        case .lowestFirst: .highestFirst
        case .highestFirst: .lowestFirst
        case .cyclic: .highestFirst
        }
    }
}
