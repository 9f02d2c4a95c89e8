import Glibc

/// Why a socket could not be had. The message names the address and what to do.
public struct TransportError: Error, CustomStringConvertible, Equatable {
    public var description: String

    public init(_ description: String) { self.description = description }

    /// - Parameter doing: what was tried, as `listen on 127.0.0.1:5060`.
    static func system(_ doing: String, _ number: CInt = errno) -> TransportError {
        let hint =
            switch number {
            case EADDRINUSE: " (another program has this port: is the daemon running already?)"
            case EADDRNOTAVAIL: " (this machine has no such address)"
            case EACCES: " (ports below 1024 need CAP_NET_BIND_SERVICE)"
            default: ""
            }
        return TransportError("cannot \(doing): \(String(cString: strerror(number)))\(hint)")
    }
}
