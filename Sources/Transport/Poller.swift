import CSockets
import Glibc

/// epoll(7), level-triggered: says which descriptors have something to read or an error to tell.
///
/// Level-triggered, so that a batch may stop before a socket is empty: what is left announces
/// itself again, after the other sockets had their turn.
struct Poller: ~Copyable {
    struct Ready {
        /// The number the descriptor was added with.
        var number: Int
        var isReadable: Bool
        var hasError: Bool
    }

    private let descriptor: CInt
    private let events: UnsafeMutablePointer<epoll_event>
    private static let eventCount = TransportLimits.listeners + 1

    init() throws(TransportError) {
        descriptor = epoll_create1(CInt(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw .system("open an epoll descriptor") }
        events = .allocate(capacity: Self.eventCount)
        events.initialize(repeating: epoll_event(), count: Self.eventCount)
    }

    deinit {
        close(descriptor)
        events.deallocate()
    }

    func add(_ watched: CInt, number: Int) throws(TransportError) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u64 = UInt64(number)
        guard epoll_ctl(descriptor, EPOLL_CTL_ADD, watched, &event) == 0 else {
            throw .system("watch a socket")
        }
    }

    /// Waits for the first descriptor that is ready, at most so long.
    /// - Parameter milliseconds: 0 does not wait, -1 waits for ever.
    func wait(milliseconds: CInt, _ body: (Ready) -> Void) {
        let count = epoll_wait(descriptor, events, CInt(Self.eventCount), milliseconds)
        guard count > 0 else {
            precondition(count == 0 || errno == EINTR, "epoll_wait refused our own descriptor")
            return
        }
        for place in 0..<Int(count) {
            let flags = events[place].events
            body(
                Ready(
                    number: Int(events[place].data.u64),
                    isReadable: flags & EPOLLIN.rawValue != 0,
                    hasError: flags & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0))
        }
    }
}
