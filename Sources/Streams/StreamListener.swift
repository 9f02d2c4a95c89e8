import SIP

/// A place where connections are accepted, or by whose address they are made.
public struct StreamListener: Sendable {
    /// In `Flow.listener`.
    public var number: UInt16
    public var transport: TransportKind
    public var bound: Endpoint
    /// Of TLS: whoever connects is asked for a certificate, which has to be good when there is one.
    public var asksCertificate: Bool

    public init(
        number: UInt16, transport: TransportKind, bound: Endpoint, asksCertificate: Bool = false
    ) {
        self.asksCertificate = asksCertificate
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
