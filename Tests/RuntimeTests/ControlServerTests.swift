import Control
import Foundation
import Switching
import Synchronization
import Testing

@testable import Runtime

@Suite struct ControlServerTests {
    private func path() -> String { "/tmp/tandem-\(UUID().uuidString.prefix(8)).sock" }

    /// Answers with the name of what was asked, from another thread, later ones sooner.
    private static func answer(
        _ request: Request, _ answer: @escaping @Sendable (Response) -> Void
    ) {
        guard case .tariffRows(let query) = request else {
            answer(.refused(["not expected"]))
            return
        }
        let delay = Double((query.limit * 7) % 13) / 5000
        DispatchQueue.global().asyncAfter(deadline: .now() + delay) {
            answer(.done("\(query.prefix ?? "") \(query.limit)"))
        }
    }

    @Test func answersComeInTheOrderOfTheRequests() throws {
        let path = path()
        let server = try ControlServer(path: path, responder: Self.answer)
        var client = try ControlClient(path: path)
        let requests = (0..<100).map { Request.tariffRows(TariffQuery(prefix: "p", limit: $0)) }
        let texts = try client.ask(requests).map { response in
            guard case .done(let text) = response else { return "\(response)" }
            return text
        }
        #expect(texts == (0..<100).map { "p \($0)" })
        try server.close()
    }

    @Test func aRequestOfMegabytesPasses() throws {
        let path = path()
        let server = try ControlServer(path: path) { request, answer in
            guard case .tariffImported(let order) = request else { return }
            answer(.done("\(order.csv.utf8.count)"))
        }
        let csv = String(repeating: "8001,Reception,secret-8001,city,8001,1\n", count: 250_000)
        #expect(csv.utf8.count > ControlServer.shortRequest)
        let order = TariffImport(csv: csv, file: "x.csv")
        // One that was read, or whose client is gone, is none of those that are being read.
        for _ in 0...ControlServer.longRequestLimit {
            var client = try ControlClient(path: path)
            guard case .done(let text) = try client.ask(.tariffImported(order)) else {
                Issue.record("no answer")
                return
            }
            #expect(text == "\(csv.utf8.count)")
        }
        try server.close()
    }

    @Test func onlySoManyLongRequestsAreReadAtOnce() {
        let connections = ControlConnections(limit: 64)
        for _ in 0..<ControlServer.longRequestLimit { #expect(connections.enterLong()) }
        #expect(!connections.enterLong())
        connections.leaveLong()
        #expect(connections.enterLong())
    }

    @Test func onlyOwnerAndGroupMayUseIt() throws {
        let path = path()
        let server = try ControlServer(path: path, responder: Self.answer)
        var details = stat()
        #expect(lstat(path, &details) == 0)
        #expect(details.st_mode & 0o777 == 0o660)
        try server.close()
        #expect(lstat(path, &details) != 0)
    }

    @Test func aSocketSomebodyAnswersOnIsLeftAlone() throws {
        let path = path()
        let server = try ControlServer(path: path, responder: Self.answer)
        #expect {
            try ControlServer(path: path, responder: Self.answer)
        } throws: {
            "\($0)".contains("another daemon answers at \(path)")
        }
        var client = try ControlClient(path: path)
        guard case .done = try client.ask(.tariffRows(TariffQuery(limit: 1))) else {
            Issue.record("the first server is gone")
            return
        }
        try server.close()
    }

    @Test func aSocketLeftByACrashIsReplaced() throws {
        let path = path()
        // The descriptor is closed at once, the file stays.
        #expect(UnixSocket().call(.bind, path) == 0)
        let server = try ControlServer(path: path, responder: Self.answer)
        try server.close()
    }

    @Test func aFileThatIsNoSocketIsLeftAlone() throws {
        let path = path()
        try Data("precious".utf8).write(to: URL(fileURLWithPath: path))
        defer { unlink(path) }
        #expect {
            try ControlServer(path: path, responder: Self.answer)
        } throws: {
            "\($0)".contains("is no socket")
        }
        #expect(FileManager.default.contents(atPath: path) == Data("precious".utf8))
    }

    @Test func aPathThatIsTooLongIsSaidSo() {
        let path = "/tmp/" + String(repeating: "x", count: 120)
        #expect {
            try ControlServer(path: path, responder: Self.answer)
        } throws: {
            "\($0)".contains("has 125 bytes, and the system takes 107")
        }
    }

    @Test func oneClientTooManyIsToldAndTheOthersStay() throws {
        let path = path()
        let server = try ControlServer(path: path, responder: Self.answer)
        var others: [Other] = []
        for _ in 0..<ControlServer.connectionLimit {
            others.append(Other())
            #expect(others.last?.socket.call(.connect, path) == 0)
        }
        var client = try ControlClient(path: path)
        guard case .refused(let reasons) = try client.ask(.tariffRows(TariffQuery(limit: 1))) else {
            Issue.record("the client was let in")
            return
        }
        #expect(reasons == ["64 commands are at work already; try again later"])
        #expect(others.count == 64)
        try server.close()
    }

    @Test func whatIsNoRequestIsAnsweredOnceAndTheConnectionEnds() throws {
        let path = path()
        let server = try ControlServer(path: path, responder: Self.answer)
        let client = UnixSocket()
        #expect(client.call(.connect, path) == 0)
        let line = "GET / HTTP/1.1\n"
        #expect(client.send(line) == line.utf8.count)
        let answer = client.readToEnd()
        #expect(answer.hasPrefix("{\"refused\""))
        #expect(answer.split(separator: "\n").count == 1)
        try server.close()
    }

    /// Keeps a socket open.
    private final class Other {
        let socket = UnixSocket()
    }
}
