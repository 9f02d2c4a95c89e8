/// What became of one `expect` line.
public struct ExpectationResult: Hashable, Sendable {
    public var place: Place
    /// The line as it is written.
    public var text: String
    public var holds: Bool
    /// What was decided, in the words of an `expect` line; for the level it was asked with.
    public var decided: String

    public init(place: Place, text: String, holds: Bool, decided: String) {
        self.place = place
        self.text = text
        self.holds = holds
        self.decided = decided
    }
}
