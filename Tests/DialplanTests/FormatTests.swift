@testable import Dialplan
import Foundation
import TestSupport
import Testing

@Suite struct FormatTests {
    private static func format(_ text: String) throws -> String {
        let (formatted, diagnostics) = Plan.formatted(SourceFile(path: "p.dialplan", text: text))
        guard let formatted else { throw Refused(remarks: diagnostics.map(\.rendered)) }
        return formatted
    }

    /// The tokens without their places.
    private static func tokens(_ text: String) -> [String] {
        // The last line may have no end.
        let source = SourceText(path: "p", text: text.hasSuffix("\n") ? text : text + "\n")
        return Lexer(source, file: 0, remarks: Remarks()).tokens.map { token in
            "\(token.kind) \(token.text)"
        }
    }

    private static let plans: [String] =
        [sample]
        + GoldenTests.names.compactMap { GoldenTests.text($0) }.filter { text in
            Plan.formatted(SourceFile(path: "p", text: text)).text != nil
        }

    @Test func aPlanGetsItsCanonicalForm() throws {
        let written = """
            \u{feff}
            // The site.
            site   headquarters{country 86 area 0311   timezone Asia/Shanghai}   // one
              extensions 8000-8799 ,8900 // two


            normalise{
            // own area code
              0311[2-8]XXXXXXX->drop 4 // local

                 01[3-9]XXXXXXXXX    ->   drop 1

            }
            class local [2-8]XXXXXXX
            class mobile   1[3-9]XXXXXXXXX   // phones
            level house may internal
            level city may house+local    mobile
            route local   via line ,pstn( send   e164 )
            route mobile via ip-e1,
                    line      present +86311{line} send national
            rule sea{from 8000-8009 to mobile
              outside office refuse "no, (not now)"}
            hours office mon-fri 08:00-18:00
            expect 8100 dials 110->emergency
            expect 8100 (city) dials 86035566 at "mon 10:00" -> via line
            """
        #expect(
            try Self.format(written) == """
                // The site.
                site headquarters { country 86  area 0311  timezone Asia/Shanghai }  // one
                extensions 8000-8799, 8900                                           // two

                normalise {
                    // own area code
                    0311[2-8]XXXXXXX  -> drop 4  // local

                    01[3-9]XXXXXXXXX  -> drop 1
                }
                class local   [2-8]XXXXXXX
                class mobile  1[3-9]XXXXXXXXX  // phones
                level house  may internal
                level city   may house+local mobile
                route local   via line, pstn (send e164)
                route mobile  via ip-e1,
                    line present +86311{line} send national
                rule sea  { from 8000-8009  to mobile
                    outside office  refuse "no, (not now)" }
                hours office  mon-fri 08:00-18:00
                expect 8100 dials 110                             -> emergency
                expect 8100 (city) dials 86035566 at "mon 10:00"  -> via line

                """)
    }

    @Test func everyStatementHasItsColumns() throws {
        let written = """
            incoming open from inside+outside
            incoming house from inside
            trunks far ip-e1 (share 3),pstn (share 1) by share send e164
            lines front 66770001-66770009
            inbound ip-e1 4001234567 rings group sales during office, 8003
            inbound pstn rings 8000
            forward 8000-8099 when unanswered 25s to group reception
            forward group sales when busy to 8003
            short *901->02088886666
            short { 700->86035566, 701  ->  8200 }
            feature forward-always on *57*{number} off #57
            feature pickup *8
            phones 8001,8010-8019 presents 4001234567 , +8631166770000
            phones 8002 presents 4001234568
            pin {digits 4-8 attempts 3 lockout 15m}
            group sales {
              8100-8119 longest-idle 15s
                calls sales reception
            }
            """
        #expect(
            try Self.format(written) == """
                incoming open   from inside+outside
                incoming house  from inside
                trunks far  ip-e1 (share 3), pstn (share 1)  by share  send e164
                lines front  66770001-66770009
                inbound ip-e1 4001234567  rings group sales during office, 8003
                inbound pstn              rings 8000
                forward 8000-8099    when unanswered 25s  to group reception
                forward group sales  when busy            to 8003
                short *901   -> 02088886666
                short { 700  -> 86035566, 701  -> 8200 }
                feature forward-always  on *57*{number}  off #57
                feature pickup          *8
                phones 8001, 8010-8019  presents 4001234567, +8631166770000
                phones 8002             presents 4001234568
                pin { digits 4-8  attempts 3  lockout 15m }
                group sales  {
                    8100-8119 longest-idle 15s
                    calls sales reception
                }

                """)
    }

    @Test("formatting again changes nothing", arguments: plans)
    func idempotent(text: String) throws {
        let once = try Self.format(text)
        #expect(try Self.format(once) == once)
    }

    @Test("the words of a plan and its comments stay", arguments: plans)
    func sameTokens(text: String) throws {
        let formatted = try Self.format(text)
        #expect(Self.tokens(formatted) == Self.tokens(text))
        let comments = { (text: String) in
            Lexer(SourceText(path: "p", text: text), file: 0, remarks: Remarks()).comments.map {
                $0.text.split(separator: " ").joined(separator: " ")
            }
        }
        #expect(comments(formatted) == comments(text))
    }

    @Test("whatever blanks a plan is written with, its form keeps its words", arguments: 0..<24)
    func anyBlanks(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let text = Self.plans.randomElement(using: &generator)!
        var written = ""
        var isQuoted = false
        var isComment = false
        for character in text {
            if character == "\n" { (isQuoted, isComment) = (false, false) }
            if character == "\"", !isComment { isQuoted.toggle() }
            if character == "/", !isQuoted { isComment = true }
            written.append(character)
            guard !isQuoted, !isComment else { continue }
            // A blank where there is one already means nothing, but at the margin.
            if character == " ", Bool.random(using: &generator) { written += "   " }
            if character == "\n", Int.random(in: 0..<8, using: &generator) == 0,
                !written.hasSuffix(",\n")
            {
                written += "// here\n"
            }
        }
        let formatted = try Self.format(written)
        #expect(Self.tokens(formatted) == Self.tokens(written))
        #expect(try Self.format(formatted) == formatted)
    }

    @Test("the formatted plan decides the same", arguments: 400..<404)
    func decidesTheSame(seed: Int) throws {
        let plan = try compiled(sample)
        let other = try compiled(Self.format(sample))
        var generator = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<500 {
            let dialled = PropertyTests.dialled(&generator)
            for level in plan.levels {
                let (one, two) = (
                    plan.dialled(dialled, level: level), other.dialled(dialled, level: level)
                )
                #expect(
                    one.outcome == two.outcome && one.limitMilliseconds == two.limitMilliseconds)
            }
        }
    }

    @Test func aPlanThatCannotBeReadIsNotFormatted() {
        let (text, diagnostics) = Plan.formatted(
            SourceFile(path: "p.dialplan", text: "levl city may internal\n"))
        #expect(text == nil)
        #expect(diagnostics.first?.message == "there is no statement \"levl\"")
    }

    @Test func lineEndsOfWindowsAreTakenOut() throws {
        #expect(
            try Self.format("class a 1X\r\n\r\nclass b 2X  // two\r\n")
                == "class a  1X\n\nclass b  2X  // two\n")
    }

    @Test func theFilesThatAPlanIncludesAreNamed() {
        let text = """
            include "features.dialplan"  // first
            levl wrong
            include "sites/far.dialplan"
            include "features.dialplan"
            class far from "far.numbers"
            """
        #expect(
            Plan.includes(SourceFile(path: "p", text: text))
                == ["features.dialplan", "sites/far.dialplan"])
        #expect(Plan.includes(SourceFile(path: "p", text: "")).isEmpty)
    }

    @Test func nothingIsNothing() throws {
        #expect(try Self.format("") == "")
        #expect(try Self.format("\n\n  \n") == "")
        #expect(try Self.format("// alone") == "// alone\n")
    }
}
