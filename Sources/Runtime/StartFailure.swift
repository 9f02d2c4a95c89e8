/// Why the daemon could not begin, with the file, address or library it failed at and what to do.
public struct StartFailure: Error, Hashable, CustomStringConvertible {
    public var description: String

    public init(_ description: String) { self.description = description }
}
