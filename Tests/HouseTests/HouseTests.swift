import Foundation
import Testing

/// The rules of the house that no compiler checks: which target may import what, and that the core
/// decides and touches nothing.
@Suite struct HouseTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The arrows of the house. A target that is not in here may not exist.
    static let mayImport: [String: Set<String>] = [
        "SIP": [],
        "SDP": ["SIP"],
        "Dialplan": [],
        "Charging": [],
        "Switching": ["SIP", "SDP", "Dialplan", "Charging"],
        "Simulation": ["SIP", "Dialplan", "Charging", "Switching"],
        "Transport": ["SIP", "CSockets", "Glibc", "Synchronization"],
        "Streams": [
            "SIP", "NIOCore", "NIOPosix", "NIOSSL", "NIOTLS", "Glibc", "Synchronization",
        ],
        "Store": [
            "CLibcrypto", "CSQLiteSettings", "Charging", "SIP", "Switching", "GRDB", "GRDBSQLite",
            "Dispatch", "Foundation", "Glibc", "Synchronization",
        ],
        "Resolver": ["SIP", "Switching", "CResolver", "Dispatch", "Glibc", "Synchronization"],
        "SpanPolling": ["SIP", "Switching", "CSNMP", "Dispatch", "Glibc"],
        "Control": [
            "Switching", "Charging", "Dialplan", "SIP", "Foundation", "FoundationEssentials",
            "Glibc",
        ],
        "Runtime": [
            "CLibcrypto", "SIP", "Dialplan", "Charging", "Switching", "Transport",
            "Store", "Control", "Resolver", "SpanPolling", "Streams", "Yams", "Logging", "NIOCore",
            "NIOPosix",
            "Foundation", "Glibc",
            "Synchronization", "Dispatch",
        ],
        "tandem": [
            "Runtime", "Control", "Simulation", "Switching", "Charging", "Dialplan",
            "ArgumentParser",
            "Foundation", "Glibc",
        ],
    ]

    static let core = ["SIP", "SDP", "Dialplan", "Charging", "Switching"]

    /// Words of a world that the core must not know, each with why.
    static let forbiddenInCore: [(word: String, why: String)] = [
        ("await", "the core never waits"), ("async", "the core never waits"),
        ("Task", "the core starts nothing"), ("ContinuousClock", "time is handed in"),
        ("SuspendingClock", "time is handed in"), ("clock_gettime", "time is handed in"),
        ("Date", "time is handed in"), ("SystemRandomNumberGenerator", "chance is handed in"),
        ("random(in", "chance is handed in"), ("randomElement", "chance is handed in"),
        ("shuffled", "chance is handed in"), ("getrandom", "chance is handed in"),
        ("arc4random", "chance is handed in"), ("print", "the shell writes"),
        ("FileHandle", "the core touches no file"), ("fopen", "the core touches no file"),
        ("Thread", "the core knows one thread"), ("DispatchQueue", "the core knows one thread"),
    ]

    struct SourceFile {
        var path: String
        var target: String
        /// Without comments and the insides of strings.
        var code: [(number: Int, text: String)]
    }

    static func sources(of target: String) throws -> [SourceFile] {
        let folder = root.appending(path: "Sources/\(target)")
        let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        return try paths.filter { $0.hasSuffix(".swift") }.sorted().map { path in
            let text = try String(contentsOf: folder.appending(path: path), encoding: .utf8)
            return SourceFile(
                path: "Sources/\(target)/\(path)", target: target, code: stripped(text))
        }
    }

    static func stripped(_ text: String) -> [(number: Int, text: String)] {
        var lines: [(Int, String)] = []
        var isMultiline = false
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            let marks = line.components(separatedBy: "\"\"\"").count - 1
            let wasMultiline = isMultiline
            if marks % 2 == 1 { isMultiline.toggle() }
            if wasMultiline || marks > 0 { continue }
            var code = ""
            var isString = false
            var previous: Character = " "
            for character in line {
                if character == "\"", previous != "\\" { isString.toggle() }
                if !isString {
                    if character == "/", previous == "/" {
                        code.removeLast()
                        break
                    }
                    code.append(character)
                }
                previous = character
            }
            lines.append((index + 1, code))
        }
        return lines
    }

    static func words(_ line: String) -> Set<Substring> {
        Set(line.split { !($0.isLetter || $0.isNumber || $0 == "_") })
    }

    @Test func everyTargetIsInTheTableOfArrows() throws {
        let folders = try FileManager.default.contentsOfDirectory(
            atPath: Self.root.appending(path: "Sources").path)
        let swift = try folders.filter { try !Self.sources(of: $0).isEmpty }
        #expect(Set(swift) == Set(Self.mayImport.keys))
    }

    @Test(arguments: mayImport.keys.sorted())
    func importsFollowTheArrows(target: String) throws {
        let allowed = try #require(Self.mayImport[target])
        let files = try Self.sources(of: target)
        #expect(!files.isEmpty)
        for file in files {
            for (number, line) in file.code {
                var words = line.split(separator: " ").map(String.init)
                words.removeAll { $0.hasPrefix("@") || $0 == "public" || $0 == "internal" }
                guard words.first == "import", words.count >= 2 else { continue }
                let kinds = ["struct", "class", "enum", "func", "protocol", "typealias", "var"]
                let name = kinds.contains(words[1]) ? words[2] : words[1]
                let module = name.split(separator: ".")[0]
                #expect(
                    allowed.contains(String(module)),
                    "\(file.path):\(number): \(target) may not import \(module)")
            }
        }
    }

    @Test(arguments: core)
    func theCoreIsPure(target: String) throws {
        for file in try Self.sources(of: target) {
            for (number, line) in file.code {
                let words = Self.words(line)
                for (word, why) in Self.forbiddenInCore {
                    let isThere =
                        word.contains("(")
                        ? line.contains(word) : words.contains(Substring(word))
                    #expect(!isThere, "\(file.path):\(number): \(word): \(why)")
                }
            }
        }
    }

    @Test func noErrorIsSwallowedAndNothingIsForced() throws {
        for target in Self.mayImport.keys.sorted() {
            for file in try Self.sources(of: target) {
                for (number, line) in file.code {
                    for habit in ["try?", "try!", "as!"] {
                        #expect(!line.contains(habit), "\(file.path):\(number): \(habit)")
                    }
                    #expect(
                        line.range(of: #"catch *\{ *\}"#, options: .regularExpression) == nil,
                        "\(file.path):\(number): an empty catch")
                }
            }
        }
    }

    /// The check itself can fail: it sees what it forbids.
    @Test func theCheckSeesWhatItForbids() {
        let code = Self.stripped(
            """
            import Foundation // fine in a comment: await
            let text = "await"
            let now = await clock()
            """)
        #expect(code.map { Self.words($0.text).contains("await") } == [false, false, true])
        #expect(Self.words(code[0].text).contains("Foundation"))
    }
}
