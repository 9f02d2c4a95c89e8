import Foundation

/// What a process that traps still does, since nobody can say anything any more: it says in which world, and
/// begins anew as the one that makes that world smaller.
///
/// All that the handler of the signal needs is made before: it may allocate nothing.
enum LastWords {
    nonisolated(unsafe) private static var text: [UInt8] = []
    /// Null at its end; nil where the process is to end by its signal.
    nonisolated(unsafe) private static var arguments: [UnsafeMutablePointer<CChar>?]?
    nonisolated(unsafe) private static var isListening = false

    /// The world that is about to run.
    static func say(world: [String], isShrunk: Bool, isJSON: Bool) {
        end()
        text = Array("the switch trapped in tandem \(world.joined(separator: " "))\n".utf8)
        if isShrunk {
            let words = ["tandem"] + world + ["--trapped"] + (isJSON ? ["--json"] : [])
            arguments = words.map { strdup($0) } + [nil]
        }
        guard !isListening else { return }
        isListening = true
        for number in [SIGILL, SIGTRAP] {
            signal(number) { number in
                // Only what may be done in a handler of signals.
                LastWords.text.withUnsafeBytes { bytes in
                    _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count)
                }
                signal(number, SIG_DFL)
                LastWords.arguments?.withUnsafeBufferPointer { arguments in
                    _ = execv("/proc/self/exe", arguments.baseAddress!)
                }
                raise(number)
            }
        }
    }

    /// No world runs.
    static func end() {
        text = []
        for word in arguments ?? [] { free(word) }
        arguments = nil
    }
}
