import CSockets
import Glibc
import SIP

/// One bound UDP socket that reads and sends in batches and hears of what was not delivered.
///
/// The kernel is asked to queue ICMP errors on the socket (`IP_RECVERR`, ip(7)), each with the
/// destination of the datagram it speaks of. Besides that it makes the next call on the socket
/// fail, whatever that call was about; so every failed call first empties the queue, and only a
/// failure without an entry of somebody else's in it is taken to be the call's own.
///
/// Confined to the thread of its loop. No method waits.
final class DatagramSocket {
    let descriptor: CInt
    /// The number in `Flow.listener`.
    let listener: UInt16
    /// The address as bound: the port is the system's choice when zero was asked for.
    let bound: Endpoint
    private let received: MessageBatch
    private let waiting: MessageBatch
    private var waitingCount = 0
    private var waitingBytes = 0
    /// Where each waiting datagram goes.
    private var waitingRemotes: [Endpoint] = []
    private(set) var counters = DatagramCounters()
    /// Flows that the kernel refused and that were not told yet.
    private(set) var failures: [Flow] = []
    /// What came back by ICMP and was not told yet: as much of each datagram as is quoted.
    private(set) var undelivered: [(quote: [UInt8], flow: Flow)] = []
    private let quote = UnsafeMutablePointer<UInt8>.allocate(
        capacity: TransportLimits.quoteBytes)

    /// - Throws: `TransportError` that names the address.
    init(binding endpoint: Endpoint, listener: UInt16) throws(TransportError) {
        let doing = "listen on udp \(endpoint.description)"
        let family = SocketAddress.family(of: endpoint)
        let descriptor = socket(
            family, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system(doing) }
        csockets_set_buffer(descriptor, 1, TransportLimits.kernelBufferBytes)
        csockets_set_buffer(descriptor, 0, TransportLimits.kernelBufferBytes)
        var address = sockaddr_in6()
        let bindResult = withUnsafeMutablePointer(to: &address) { pointer in
            let length = SocketAddress.write(endpoint, to: UnsafeMutableRawPointer(pointer))
            return pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                csockets_prepare_datagrams(descriptor, family) == 0
                    ? bind(descriptor, $0, length) : -1
            }
        }
        guard bindResult == 0 else {
            let error = TransportError.system(doing)
            close(descriptor)
            throw error
        }
        var length = SocketAddress.capacity
        let named = withUnsafeMutablePointer(to: &address) { pointer -> Endpoint? in
            let result = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &length)
            }
            return result == 0 ? SocketAddress.read(from: UnsafeRawPointer(pointer)) : nil
        }
        self.descriptor = descriptor
        self.listener = listener
        bound = named ?? endpoint
        let capacity = TransportLimits.batch
        received = MessageBatch(
            capacity: capacity, bytes: capacity * TransportLimits.datagramBytes)
        for place in 0..<capacity {
            received.place(
                place, at: place * TransportLimits.datagramBytes,
                count: TransportLimits.datagramBytes)
        }
        waiting = MessageBatch(capacity: capacity, bytes: TransportLimits.sendBytes)
        waitingRemotes.reserveCapacity(capacity)
    }

    deinit {
        quote.deallocate()
        close(descriptor)
    }

    /// Moves what failed since the last call to the end of a list.
    func takeFailures(into list: inout [Flow]) {
        list.append(contentsOf: failures)
        failures.removeAll(keepingCapacity: true)
    }

    /// The same of what came back.
    func takeUndelivered(into list: inout [(quote: [UInt8], flow: Flow)]) {
        list.append(contentsOf: undelivered)
        undelivered.removeAll(keepingCapacity: true)
    }

    private func flow(to remote: Endpoint) -> Flow {
        Flow(transport: .udp, listener: listener, remote: remote)
    }
}

// MARK: Receiving

extension DatagramSocket {
    /// Takes a batch from the kernel: one system call, and for each datagram one allocation of
    /// exactly its size. What is left announces itself again.
    /// - Parameter keepAlive: is told of what is too short to be SIP, which is not read.
    /// - Returns: how many the kernel had; as many as a batch holds when there may be more.
    @discardableResult
    func receive(
        _ body: (consuming [UInt8], Flow) -> Void, keepAlive: (Flow) -> Void
    ) -> Int {
        for place in 0..<received.capacity { received.offerRemote(of: place) }
        let count = csockets_receive(descriptor, received.headers, UInt32(received.capacity))
        guard count >= 0 else {
            let number = errno
            if number != EAGAIN && number != EINTR {
                takeErrors()
            }
            return 0
        }
        for place in 0..<Int(count) {
            let length = Int(received.headers[place].length)
            guard length > TransportLimits.keepAliveBytes else {
                counters.keepAlives &+= 1
                if let remote = received.remote(of: place) { keepAlive(flow(to: remote)) }
                continue
            }
            guard let remote = received.remote(of: place) else {
                counters.ignoredErrors &+= 1
                continue
            }
            counters.received &+= 1
            let start = received.bytes + place * TransportLimits.datagramBytes
            let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, initialized in
                buffer.baseAddress!.initialize(from: start, count: length)
                initialized = length
            }
            body(bytes, flow(to: remote))
        }
        return Int(count)
    }
}

// MARK: Sending

extension DatagramSocket {
    /// Puts a datagram with those that leave at the next `flush`; flushes by itself when full.
    func enqueue(_ bytes: borrowing [UInt8], to remote: Endpoint) {
        let count = bytes.count
        guard count < TransportLimits.datagramBytes, remote.port != 0,
            remote.ip.isV4 == bound.ip.isV4
        else {
            fail(remote)
            return
        }
        if waitingCount == waiting.capacity
            || waitingBytes + count > TransportLimits.sendBytes
        {
            flush()
        }
        let target = waiting.bytes + waitingBytes
        bytes.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { target.update(from: base, count: count) }
        }
        waiting.place(waitingCount, at: waitingBytes, count: count)
        waiting.setRemote(remote, of: waitingCount)
        waitingRemotes.append(remote)
        waitingBytes += count
        waitingCount += 1
    }

    /// Hands all waiting datagrams to the kernel, in order, in one system call when all goes well.
    func flush() {
        var next = 0
        var tries = 0
        while next < waitingCount {
            let sent = csockets_send(
                descriptor, waiting.headers + next, UInt32(waitingCount - next))
            if sent > 0 {
                next += Int(sent)
                tries = 0
                counters.sent &+= UInt64(sent)
                continue
            }
            let number = errno
            if number == EINTR { continue }
            if number == EAGAIN || number == ENOBUFS || number == ENOMEM {
                // The kernel's buffer is full, or the queue of a device: what is left is lost as on
                // a full wire, and the transactions send it again.
                counters.overflows &+= UInt64(waitingCount - next)
                break
            }
            tries += 1
            switch takeErrors() {
            case .nothing, .refused: fail(waitingRemotes[next])
            case .undelivered:
                if tries < TransportLimits.sendTries { continue }
                // Errors of others come faster than it can be sent. That is no fault of its own, and
                // whoever forges them is not to choose whose datagrams have failed: it is lost as on a
                // full wire.
                counters.overflows &+= 1
            }
            next += 1
            tries = 0
        }
        waitingCount = 0
        waitingBytes = 0
        waitingRemotes.removeAll(keepingCapacity: true)
    }

    private func fail(_ remote: Endpoint) {
        counters.failures &+= 1
        let flow = flow(to: remote)
        if failures.last != flow { failures.append(flow) }
    }
}

// MARK: Errors

extension DatagramSocket {
    /// What was in the error queue.
    enum Errors {
        case nothing
        /// ICMP, of datagrams that had left.
        case undelivered
        /// Among them one of this machine itself, about the datagram whose call has failed.
        case refused
    }

    /// Empties the error queue. Unreachable hosts, networks, ports and protocols are told with what ICMP
    /// quotes of the datagram, since anybody can send that in any router's name; source quench and time
    /// exceeded are ignored (RFC 3261 §18.4).
    @discardableResult
    func takeErrors() -> Errors {
        var taken = 0
        var isRefused = false
        var error = csockets_error()
        while taken < TransportLimits.errorsAtOnce,
            csockets_take_error(descriptor, &error, quote, TransportLimits.quoteBytes) == 1
        {
            taken += 1
            let remote = withUnsafePointer(to: &error.destination) {
                SocketAddress.read(from: UnsafeRawPointer($0))
            }
            switch (meaning(of: error), remote) {
            // It names no port where the socket is not connected; whoever made the call knows which.
            case (.refused, _): isRefused = true
            case (.undelivered, let remote?):
                comeBack(from: remote, quoted: Int(error.quoted))
            case (.undelivered, nil), (.nothing, _): counters.ignoredErrors &+= 1
            }
        }
        if taken == 0 { clearPendingError() }
        return isRefused ? .refused : taken > 0 ? .undelivered : .nothing
    }

    private func meaning(of error: csockets_error) -> Errors {
        switch error.origin {
        case 1: .refused  // SO_EE_ORIGIN_LOCAL: too large for the device.
        // ICMP: unreachable, parameter problem.
        case 2: error.type == 3 || error.type == 12 ? .undelivered : .nothing
        // ICMPv6: the same two.
        case 3: error.type == 1 || error.type == 4 ? .undelivered : .nothing
        default: .nothing
        }
    }

    private func comeBack(from remote: Endpoint, quoted: Int) {
        counters.failures &+= 1
        // Requests have times of their own: more is not told than a turn can look at.
        guard undelivered.count < TransportLimits.errorsAtOnce else { return }
        let bytes = UnsafeBufferPointer(
            start: quote, count: min(quoted, TransportLimits.quoteBytes))
        undelivered.append((Array(bytes), flow(to: remote)))
    }

    /// An error without an entry (the queue was full) would make the socket readable for ever.
    private func clearPendingError() {
        var number: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &length)
    }
}
