import SIP

/// All UDP sockets of a loop: bytes go out by the flow they are for.
public final class DatagramSockets {
    let sockets: [DatagramSocket]
    /// Flows of no listener that something was to be sent on.
    private var strayFailures: [Flow] = []
    private var strayCount: UInt64 = 0

    init(listeningOn endpoints: [Endpoint]) throws(TransportError) {
        guard endpoints.count <= TransportLimits.listeners else {
            throw TransportError(
                "cannot listen on \(endpoints.count) addresses: the limit is "
                    + "\(TransportLimits.listeners)")
        }
        var sockets: [DatagramSocket] = []
        for (number, endpoint) in endpoints.enumerated() {
            sockets.append(
                try DatagramSocket(binding: endpoint, listener: UInt16(number)))
        }
        self.sockets = sockets
    }

    /// The addresses as bound, in the order of `Flow.listener`.
    public var bound: [Endpoint] { sockets.map(\.bound) }

    /// Sends at the end of the turn, or before when a batch is full. Copies the bytes; no system
    /// call, no allocation.
    ///
    /// A flow of a listener that is no longer there, as a stored binding can have, fails like one
    /// that the kernel refuses.
    public func send(_ bytes: borrowing [UInt8], on flow: Flow) {
        guard flow.transport == .udp, Int(flow.listener) < sockets.count else {
            strayCount &+= 1
            strayFailures.append(flow)
            return
        }
        sockets[Int(flow.listener)].enqueue(bytes, to: flow.remote)
    }

    /// Sends what waits now, and not first at the end of the turn: one system call for each batch.
    public func flush() {
        for socket in sockets { socket.flush() }
    }

    var hasFailures: Bool {
        !strayFailures.isEmpty
            || sockets.contains { !$0.failures.isEmpty || !$0.undelivered.isEmpty }
    }

    func takeFailures(into list: inout [Flow]) {
        swap(&strayFailures, &list)
        for socket in sockets where !socket.failures.isEmpty { socket.takeFailures(into: &list) }
    }

    func takeUndelivered(into list: inout [(quote: [UInt8], flow: Flow)]) {
        for socket in sockets where !socket.undelivered.isEmpty {
            socket.takeUndelivered(into: &list)
        }
    }

    /// What went through all sockets since the start.
    public var counters: DatagramCounters {
        var sum = DatagramCounters()
        for socket in sockets { sum.add(socket.counters) }
        sum.failures &+= strayCount
        return sum
    }
}
