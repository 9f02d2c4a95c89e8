import CSockets
import Glibc
import Synchronization

/// Where other threads leave what the loop shall hear of.
///
/// It has no limit of its own: the store has one report for each group of commits it was handed,
/// and a client of the control socket one request at a time.
public final class Mailbox<Message: Sendable>: Sendable {
    private struct State {
        var messages: [Message] = []
        var isLoopWoken = false
    }

    let descriptor: CInt
    private let state = Mutex(State())

    init() throws(TransportError) {
        descriptor = csockets_make_event()
        guard descriptor >= 0 else { throw .system("open an event descriptor") }
    }

    deinit { close(descriptor) }

    /// Leaves a message, from any thread; never waits. The loop is woken once for all that was left
    /// since it last looked.
    public func post(_ message: consuming Message) {
        var message = Optional(message)
        let mustWake = state.withLock { state in
            state.messages.append(message.take()!)
            defer { state.isLoopWoken = true }
            return !state.isLoopWoken
        }
        guard mustWake else { return }
        var one: UInt64 = 1
        let written = write(descriptor, &one, MemoryLayout<UInt64>.size)
        precondition(written == MemoryLayout<UInt64>.size, "an event descriptor refused to count")
    }

    /// Takes all that was left; the loop's own call.
    func takeAll(into messages: inout [Message]) {
        var count: UInt64 = 0
        // Fails only when nothing was counted, and then there is nothing to take.
        _ = read(descriptor, &count, MemoryLayout<UInt64>.size)
        state.withLock { state in
            swap(&state.messages, &messages)
            state.isLoopWoken = false
        }
    }
}
