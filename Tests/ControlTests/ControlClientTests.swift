import Control
import Foundation
import Switching
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// A daemon of one connection: answers each request line with the line that `answer` makes of it.
private final class StandIn: Sendable {
    let path: String
    private let descriptor: Int32

    init(answer: @escaping @Sendable (ArraySlice<UInt8>) -> [UInt8]?) throws {
        path = NSTemporaryDirectory() + "tandem-\(UUID().uuidString.prefix(8)).sock"
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(descriptor, 1) == 0)
        Thread.detachNewThread {
            let connection = accept(descriptor, nil, nil)
            var splitter = LineSplitter(limit: Wire.requestLimit)
            var piece = [UInt8](repeating: 0, count: 65_536)
            serving: while true {
                let count = read(connection, &piece, piece.count)
                guard count > 0 else { break }
                splitter.append(piece[..<count])
                while case .success(let line?) = Result(catching: { try splitter.next() }) {
                    guard let response = answer(line) else { break serving }
                    _ = response.withUnsafeBytes {
                        send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                    }
                }
            }
            close(connection)
        }
    }

    deinit {
        close(descriptor)
        unlink(path)
    }
}

@Suite struct ControlClientTests {
    @Test func manyRequestsAreAnsweredInTheirOrder() throws {
        let daemon = try StandIn { line in
            guard
                case .success(.perform(.hungUp(let call))) = Result(catching: {
                    try Wire.request(line)
                })
            else { return nil }
            return Array("{\"done\":{\"_0\":\"\(call)\"}}\n".utf8)
        }
        var client = try ControlClient(path: daemon.path)
        let calls = (0..<500).map { "1-\($0)" }
        let responses = try client.ask(calls.map { .perform(.hungUp(call: $0)) })
        let answered = responses.map { response in
            if case .done(let text) = response { text } else { "" }
        }
        #expect(answered == calls)
    }

    @Test func aPathWhereNobodyListensIsNotRunning() {
        let path = NSTemporaryDirectory() + "tandem-none.sock"
        #expect(throws: ControlFailure.notRunning(path: path)) {
            _ = try ControlClient(path: path)
        }
    }

    @Test func aPathThatIsTooLongSaysSo() {
        let path = "/" + String(repeating: "x", count: 120)
        do {
            _ = try ControlClient(path: path)
            Issue.record("connected")
        } catch {
            #expect("\(error)".contains("longer than 107 bytes"))
        }
    }

    @Test func aDaemonThatClosesWithoutAnAnswerIsAnError() throws {
        let daemon = try StandIn { _ in nil }
        var client = try ControlClient(path: daemon.path)
        do {
            _ = try client.ask(.reload(by: nil))
            Issue.record("answered")
        } catch {
            #expect("\(error)".contains("without an answer"))
        }
    }

    @Test func anAnswerOfAnotherVersionIsAnError() throws {
        let daemon = try StandIn { _ in Array("{\"novel\":1}\n".utf8) }
        var client = try ControlClient(path: daemon.path)
        do {
            _ = try client.ask(.reload(by: nil))
            Issue.record("answered")
        } catch {
            #expect("\(error)".contains("do not agree"))
        }
    }
}
