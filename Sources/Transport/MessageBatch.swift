import CSockets
import Glibc
import SIP

/// Room for a batch of datagrams as the kernel wants it: headers, addresses and bytes side by side,
/// allocated once.
final class MessageBatch {
    let capacity: Int
    let headers: UnsafeMutablePointer<csockets_message>
    private let vectors: UnsafeMutablePointer<iovec>
    private let addresses: UnsafeMutablePointer<sockaddr_in6>
    let bytes: UnsafeMutablePointer<UInt8>

    init(capacity: Int, bytes byteCount: Int) {
        self.capacity = capacity
        headers = .allocate(capacity: capacity)
        vectors = .allocate(capacity: capacity)
        addresses = .allocate(capacity: capacity)
        bytes = .allocate(capacity: byteCount)
        vectors.initialize(repeating: iovec(), count: capacity)
        addresses.initialize(repeating: sockaddr_in6(), count: capacity)
        headers.initialize(repeating: csockets_message(), count: capacity)
        for place in 0..<capacity {
            headers[place].header.msg_iov = vectors + place
            headers[place].header.msg_iovlen = 1
            headers[place].header.msg_name = UnsafeMutableRawPointer(addresses + place)
        }
    }

    deinit {
        headers.deallocate()
        vectors.deallocate()
        addresses.deallocate()
        bytes.deallocate()
    }

    /// Points a message at its bytes.
    @inline(__always) func place(_ message: Int, at offset: Int, count: Int) {
        vectors[message] = iovec(iov_base: bytes + offset, iov_len: count)
    }

    @inline(__always) func setRemote(_ endpoint: Endpoint, of message: Int) {
        headers[message].header.msg_namelen = SocketAddress.write(
            endpoint, to: UnsafeMutableRawPointer(addresses + message))
    }

    /// Tells the kernel how much room the sender's address has; it overwrites that each time.
    @inline(__always) func offerRemote(of message: Int) {
        headers[message].header.msg_namelen = SocketAddress.capacity
    }

    @inline(__always) func remote(of message: Int) -> Endpoint? {
        SocketAddress.read(from: addresses + message)
    }
}
