import Control
import Switching
import Testing

@Suite struct WireTests {
    @Test func aRequestIsOneLineAndReadsAsItself() throws {
        let note = "two\nlines, \"quoted\" and 中文"
        let change = ExtensionChange(number: "8001", name: note, level: "city")
        let line = try Wire.line(.perform(.extensionsChanged([change])))
        #expect(line.last == UInt8(ascii: "\n"))
        #expect(line.dropLast().contains(UInt8(ascii: "\n")) == false)
        guard case .perform(.extensionsChanged(let read)) = try Wire.request(line.dropLast()) else {
            Issue.record("another request came back")
            return
        }
        #expect(read == [change])
    }

    @Test func aQueryKeepsEveryCondition() throws {
        let query = RecordQuery(
            from: "8001", to: "110", since: 1, until: 2, trunk: "ip-e1", cause: 34, account: "a",
            call: "3-1042", limit: 7, after: 99)
        guard case .records(let read) = try Wire.request(Wire.line(.records(query)).dropLast())
        else {
            Issue.record("another request came back")
            return
        }
        #expect(read == query)
    }

    @Test func aResponseReadsAsItself() throws {
        let line = try Wire.line(.refused(["a.yaml:1:1: error: wrong", "second"]))
        guard case .refused(let reasons) = try Wire.response(line.dropLast()) else {
            Issue.record("another response came back")
            return
        }
        #expect(reasons == ["a.yaml:1:1: error: wrong", "second"])
    }

    @Test(arguments: ["", "{", "[]", "{\"unknown\":{}}", "\u{0}", "{\"reload\":{}}x"])
    func whatIsNoRequestIsRefusedWithAReason(text: String) {
        #expect(throws: WireError.self) { try Wire.request(Array(text.utf8)) }
    }

    @Test func namesAreSortedSoThatEqualRequestsAreEqualLines() throws {
        let line = String(
            decoding: try Wire.line(.tariffRows(TariffQuery(prefix: "02", limit: 5))), as: UTF8.self
        )
        #expect(
            line
                == "{\"tariffRows\":{\"_0\":{\"asCSV\":false,\"limit\":5,\"plan\":\"standard\",\"prefix\":\"02\"}}}\n"
        )
    }
}
