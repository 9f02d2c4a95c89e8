import Dialplan
import Foundation
import Switching
import Testing

@testable import Runtime

@Suite struct ExtensionFileTests {
    private func read(_ text: String) -> ExtensionFile {
        let sources = PlanSources(
            main: SourceFile(path: "p", text: ConfigurationFolder.dialplan))
        let context = PlanContext(trunks: [.init(name: "pstn", isE1: false)])
        return ExtensionFile(
            text: text, file: "e.csv", plan: Plan.compile(sources, context: context).plan)
    }

    private func errors(_ text: String) -> [String] {
        read(text).diagnostics.map { "\($0.line):\($0.column) \($0.message)" }
    }

    @Test func columnsStandInAnyOrderAndEmptyFieldsChangeNothing() {
        let file = read("level,extension,account\r\ncity,8001,a-1\r\n\r\n# a remark\r\n,8002,-\r\n")
        #expect(file.diagnostics.isEmpty)
        #expect(
            file.rows == [
                ExtensionChange(number: "8001", level: "city", account: "a-1"),
                ExtensionChange(number: "8002", account: ""),
            ])
    }

    @Test func settingsOfUsersStandInColumnsOfTheirOwn() {
        let file = read(
            "extension,pin,forward_busy,forward_always,incoming_level\n8001,4711,8002,-,\n")
        var settings = SettingsChange()
        settings.pin = "4711"
        settings.forwardBusy = "8002"
        settings.forwardAlways = ""
        #expect(file.rows == [ExtensionChange(number: "8001", settings: settings)])
    }

    @Test func aPINThatIsNoneIsRefusedWithoutBeingShown() {
        let file = read("extension,pin\n8001,47x1\n")
        #expect(file.diagnostics.map(\.message) == ["a PIN is digits"])
        #expect(!"\(file.diagnostics)".contains("47x1"))
    }

    @Test func limitsOfCallsAndCallWaitingAreRead() {
        let file = read(
            "extension,call_limit_in,call_limit_out,call_waiting\n8001,2,-,off\n8002,,,\n")
        #expect(file.rows.map(\.callLimitIn) == [.set(2), nil])
        #expect(file.rows.map(\.callLimitOut) == [.cleared, nil])
        #expect(file.rows.map(\.settings.callWaiting) == [false, nil])
        #expect(
            errors("extension,call_limit_in,call_waiting\n8001,0,maybe\n") == [
                "2:6 call_limit_in is 1 to 1000 or \"-\", not \"0\"",
                "2:8 call_waiting is on or off, not \"maybe\"",
            ])
    }

    @Test func quotedFieldsHoldCommasQuotesAndLineBreaks() {
        let file = read("extension,name\n8001,\"a, \"\"b\"\"\nc\"\n8002, d \n")
        #expect(file.rows.map(\.name) == ["a, \"b\"\nc", "d"])
    }

    @Test func everyBadRowIsNamedWithItsLine() {
        #expect(
            errors(
                """
                extension,password,level,call_limit
                8001,short,city,1
                8001,,cty,0
                99,,,
                8002,"long enough,
                """) == [
                    "2:6 a password has 8 to 128 characters",
                    "3:1 extension 8001 is on line 2 already",
                    "3:7 the dialplan has no level \"cty\"",
                    "3:11 call_limit is 1 to 1000, not \"0\"",
                    "4:1 the dialplan has no extension 99",
                    "5:1 a quote is opened and never closed",
                ])
    }

    @Test(arguments: [
        ("", "1:1 the file is empty"), ("extension,pasword", "1:11 there is no column \"pasword\""),
        ("name,level", "1:1 the first line must name the column \"extension\""),
        ("extension,extension", "1:11 the column \"extension\" is there twice"),
        ("extension,name\n8001", "2:1 there are 1 fields, and the first line names 2"),
        ("extension\n80a1", "2:1 an extension is digits, not \"80a1\""),
    ])
    func aFileOfTheWrongShapeIsRefused(text: String, error: String) {
        #expect(errors(text) == [error])
        #expect(read(text).rows.isEmpty)
    }

    @Test func aDiagnosticNeverShowsALineWithPasswords() {
        let file = read("extension,password,level\n8001,very secret,cty\n")
        #expect(file.diagnostics.count == 1)
        #expect(!file.diagnostics.map(\.rendered).joined().contains("secret"))
    }

    @Test func errorsStopAtTheLimit() {
        let rows = (0..<1000).map { _ in "9\n" }.joined()
        #expect(read("extension\n" + rows).diagnostics.count >= ExtensionFile.diagnosticLimit)
        #expect(read("extension\n" + rows).diagnostics.count <= ExtensionFile.diagnosticLimit + 4)
    }

    @Test func anImportMakesPasswordsAndOpensAccountsThatAreMissing() {
        var count = 0
        let plan = ExtensionImport(
            rows: [
                ExtensionChange(number: "8001", name: "One", account: "a"),
                ExtensionChange(number: "8002", name: "Two", password: "given one", account: "b"),
                ExtensionChange(number: "8003", name: "Three", account: "b"),
                ExtensionChange(number: "8004", account: "known"),
                ExtensionChange(number: "8005", account: ""),
            ], extensions: ["8003"], accounts: ["known"]
        ) {
            count += 1
            return "generated-\(count)"
        }
        #expect(plan.openings.map(\.id) == ["a", "b"])
        #expect(plan.openings.map(\.name) == ["One", "b"])
        #expect(
            plan.changes.map(\.password) == [
                "generated-1", "given one", nil, "generated-2", "generated-3",
            ])
        #expect(plan.generated.map(\.number) == ["8001", "8004", "8005"])
    }

    @Test func generatedPasswordsAreLongAndDiffer() {
        let passwords = (0..<100).map { _ in Password.generated() }
        #expect(Set(passwords).count == 100)
        #expect(passwords.allSatisfy { $0.count == Password.length })
    }

    @Test func thePasswordFileIsForItsOwnerOnlyAndGrows() throws {
        let folder = try ConfigurationFolder()
        _ = try Password.append([("8001", "one")], folder: folder.path)
        let path = try Password.append([("8002", "two")], folder: folder.path)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text == "extension,password\n8001,one\n8002,two\n")
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
}
