import Dispatch
import Foundation

/// Signals as calls on a queue: nothing runs inside a signal handler.
final class Signals {
    private let sources: [any DispatchSourceSignal]

    /// - Parameter handlers: by number; they run one after another on a queue and may block.
    init(_ handlers: [CInt: @Sendable () -> Void]) {
        let queue = DispatchQueue(label: "tandem.signals")
        sources = handlers.map { number, handler in
            // The default action would end the process before the source hears of it.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { handler() }
            source.resume()
            return source
        }
    }

    deinit { for source in sources { source.cancel() } }
}
