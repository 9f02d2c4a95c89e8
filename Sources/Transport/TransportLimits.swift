/// The limits of the transport, each with a name.
public enum TransportLimits {
    /// Datagrams taken from one socket, and sent to one, by one call of the kernel; and what one
    /// socket may put before a turn, so that a flood on one starves no other.
    public static let batch = 64
    /// The largest payload a UDP datagram can have, rounded up to whole pages; nothing is cut off.
    public static let datagramBytes = 65_536
    /// Bytes waiting for one call of `sendmmsg`.
    public static let sendBytes = 4 * datagramBytes
    /// Nothing shorter is SIP; phones behind NAT send such datagrams to keep the way open.
    public static let keepAliveBytes = 4
    /// What the kernel is asked to hold for a socket in each direction.
    public static let kernelBufferBytes: Int32 = 8 << 20
    /// Entries of an error queue read at once.
    public static let errorsAtOnce = 256
    /// What is read of the datagram that an error quotes: more than RFC 1812 §4.3.2.3 has routers send, and
    /// enough for the first lines of a request.
    public static let quoteBytes = 576
    /// How often one datagram is tried when the socket reports errors of earlier ones.
    public static let sendTries = 4
    /// Sockets of one loop.
    public static let listeners = 64
}
