import Glibc
import NIOCore

/// What the kernel does to find out that a peer is gone that never said so, tcp(7); it keeps the way
/// through a NAT open too.
enum KeepAlive {
    /// After so long without a word the peer's kernel is asked.
    static let idle = option(TCP_KEEPIDLE)
    static let idleSeconds: Int = 30
    static let interval = option(TCP_KEEPINTVL)
    static let intervalSeconds: Int = 10
    static let count = option(TCP_KEEPCNT)
    static let probes: Int = 4
    /// How long bytes may stay unacknowledged.
    static let patience = option(TCP_USER_TIMEOUT)
    static let patienceMilliseconds: Int = 30_000

    private static func option(_ name: CInt) -> ChannelOptions.Types.SocketOption {
        ChannelOptions.Types.SocketOption(
            level: .tcp, name: NIOBSDSocket.Option(rawValue: name))
    }
}
