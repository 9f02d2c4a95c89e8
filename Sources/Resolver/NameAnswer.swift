import SIP

/// What a name server says to one question.
public enum NameAnswer: Sendable, Hashable {
    /// Records of the type that was asked for, and for how many seconds they hold.
    case records([NameRecord], seconds: Int)
    /// The name has none of them.
    case nothing(seconds: Int)
    case failure(String)
}

/// A record of a name.
public enum NameRecord: Sendable, Hashable {
    /// RFC 2782; an empty target says that the service is not there.
    case service(target: String, port: UInt16, priority: UInt16, weight: UInt16)
    /// RFC 3403: a service of the name, and where its records are.
    case pointer(
        order: UInt16, preference: UInt16, flags: String, service: String, replacement: String)
    case address(IPAddress)
}

/// What is asked for.
public enum NameQuestion: Sendable, Hashable {
    /// Which transports a domain is reached by: NAPTR.
    case pointers(String)
    case service(String)
    case addressV4(String)
    case addressV6(String)
}
