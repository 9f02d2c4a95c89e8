/// Why a daemon could not be asked.
public enum ControlFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// Nobody listens at the control socket.
    case notRunning(path: String)
    /// Somebody may listen, but this process does not get there; says why.
    case unreachable(String)
    /// The conversation ended before the answer; the request may have been done.
    case broken(String)

    public var description: String {
        switch self {
        case .notRunning(let path): "the daemon is not running: nobody answers at \(path)"
        case .unreachable(let reason), .broken(let reason): reason
        }
    }
}
