import Foundation
import Testing

/// The list of RFCs (`SIP.md`) is worth what its tests are: each row names some, and all are there.
@Suite struct ListOfRFCsTests {
    static let list = HouseTests.root.appending(path: "Sources/Dialplan/Dialplan.docc/SIP.md")
    static let tests = HouseTests.root.appending(path: "Tests")
    static let flows = tests.appending(path: "SwitchingTests/Flows")

    struct Row {
        var subject: String
        var tests: [String]
    }

    /// The rows of all tables, with what stands between backticks in their last cell.
    static func rows(_ text: String) -> [Row] {
        text.split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).dropFirst()
                .dropLast().map { $0.trimmingCharacters(in: .whitespaces) }
            guard let subject = cells.first, let last = cells.last,
                subject.first?.isNumber == true
            else { return nil }
            let names = last.split(separator: "`", omittingEmptySubsequences: false).enumerated()
                .filter { $0.offset % 2 == 1 }.map { String($0.element) }
            return Row(subject: subject, tests: names)
        }
    }

    /// Names that a row may use, each with whether there is a test behind it: targets and files of unit
    /// tests, files of acceptance tests, and flows.
    static func known() throws -> [String: Bool] {
        var known: [String: Bool] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: tests.path) {
            let url = tests.appending(path: path)
            let name = url.lastPathComponent
            if name.hasSuffix(".swift") {
                let text = try String(contentsOf: url, encoding: .utf8)
                let target = String(path.prefix { $0 != "/" })
                known[String(name.dropLast(6))] = text.contains("@Test")
                known[target] = known[target] == true || text.contains("@Test")
            } else if name.hasSuffix(".py") {
                let text = try String(contentsOf: url, encoding: .utf8)
                known[name] = text.contains("\ndef test_")
            } else if name.hasSuffix(".flow") {
                known[String(name.dropLast(5))] = true
            }
        }
        return known
    }

    @Test func everyRowNamesTestsThatAreThere() throws {
        let rows = Self.rows(try String(contentsOf: Self.list, encoding: .utf8))
        let known = try Self.known()
        #expect(rows.count > 40)
        for row in rows {
            #expect(!row.tests.isEmpty, "RFC \(row.subject) has no test")
            for name in row.tests {
                #expect(known[name] == true, "RFC \(row.subject) names \(name): no such tests")
            }
        }
    }

    @Test func everyFlowOfAServiceIsInTheList() throws {
        let named = Self.rows(try String(contentsOf: Self.list, encoding: .utf8)).flatMap(\.tests)
        let flows = try FileManager.default.contentsOfDirectory(atPath: Self.flows.path)
            .filter { $0.hasPrefix("rfc5359-") }
        #expect(!flows.isEmpty)
        for flow in flows { #expect(named.contains(String(flow.dropLast(5))), "\(flow)") }
    }

    /// Whoever looks for an RFC finds it by its number, and what stands outside the table is none.
    @Test func rowsStandInTheTableInOrder() throws {
        let lines = try String(contentsOf: Self.list, encoding: .utf8).split(separator: "\n")
        let head = try #require(lines.firstIndex { $0.hasPrefix("| RFC |") })
        let first = try #require(lines.firstIndex { $0.dropFirst(2).first?.isNumber == true })
        #expect(first == head + 2)
        let numbers = lines[first...].prefix { $0.hasPrefix("|") }.compactMap {
            Int($0.dropFirst(2).prefix { $0.isNumber })
        }
        #expect(numbers.count > 40)
        #expect(numbers == numbers.sorted())
    }

    /// The check itself can fail.
    @Test func theCheckSeesRowsWithoutTests() throws {
        let rows = Self.rows("| RFC | tests |\n|---|---|\n| 3261 | `A`, `b.py` |\n| 1 | none |")
        #expect(rows.map(\.subject) == ["3261", "1"])
        #expect(rows.map(\.tests) == [["A", "b.py"], []])
        #expect(try Self.known()["Party"] == false)
    }
}
