import SIP

/// A place where connections are accepted, or by whose address they are made.
public struct StreamListener: Sendable {
    /// In `Flow.listener`.
    public var number: UInt16
    public var transport: TransportKind
    public var bound: Endpoint

    public init(number: UInt16, transport: TransportKind, bound: Endpoint) {
        self.number = number
        self.transport = transport
        self.bound = bound
    }
}

/// Why connections cannot be accepted or made. The message names the address or file and what to do.
public struct StreamError: Error, CustomStringConvertible, Equatable {
    public var description: String

    public init(_ description: String) { self.description = description }
}
