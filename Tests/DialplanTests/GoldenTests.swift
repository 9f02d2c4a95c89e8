import Dialplan
import Foundation
import Testing

/// Every file of Golden: what the check says of NAME.dialplan stands in NAME.expected, to the letter.
/// An empty file means that the plan is accepted without a remark.
@Suite struct GoldenTests {
    static let folder = Bundle.module.resourceURL!.appendingPathComponent("Golden")

    static func text(_ name: String) -> String? {
        guard
            let data = FileManager.default.contents(
                atPath: folder.appendingPathComponent(name).path)
        else { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    static let names: [String] =
        (FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? [])
        .filter { $0.hasSuffix(".dialplan") }.sorted()

    @Test("the check says exactly what is expected", arguments: names)
    func diagnostics(name: String) throws {
        let text = try #require(Self.text(name))
        let expected = try #require(
            Self.text(name.replacingOccurrences(of: ".dialplan", with: ".expected")))
        let (plan, diagnostics) = Plan.compile(
            PlanSources(main: SourceFile(path: name, text: text), included: { Self.text($0) }),
            context: context)
        let said = diagnostics.map { $0.rendered + "\n" }.joined()
        #expect(said == expected)
        #expect((plan == nil) == diagnostics.contains { $0.severity == .error })
    }

    @Test func thereAreGoldenFiles() {
        #expect(Self.names.count >= 18)
    }

    @Test("cutting a plan off anywhere gives a remark or a plan and never traps", arguments: names)
    func truncated(name: String) throws {
        let text = try #require(Self.text(name))
        let bytes = Array(text.utf8)
        for end in stride(from: 0, through: bytes.count, by: 7) {
            let cut = String(decoding: bytes[..<end], as: UTF8.self)
            let (plan, diagnostics) = Plan.compile(
                PlanSources(main: SourceFile(path: name, text: cut), included: { Self.text($0) }),
                context: context)
            #expect((plan == nil) == diagnostics.contains { $0.severity == .error })
        }
    }
}
