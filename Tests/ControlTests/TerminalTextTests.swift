import Testing

@testable import Control

@Suite struct TerminalTextTests {
    @Test(arguments: [
        ("\u{1b}]0;title\u{7}", "\u{fffd}]0;title\u{fffd}"), ("a\u{9b}2J", "a\u{fffd}2J"),
        ("8001\r8002", "8001\u{fffd}8002"), ("\u{7f}\u{0}", "\u{fffd}\u{fffd}"),
        ("\u{202e}1008\u{202c}", "\u{fffd}1008\u{fffd}"),
        ("\u{2066}x\u{2069}", "\u{fffd}x\u{fffd}"),
        ("張 é ü – “x” 👍", "張 é ü – “x” 👍"), ("", ""),
    ])
    func nothingSteersATerminal(text: String, shown: String) {
        #expect(TerminalText.harmless(text) == shown)
        #expect(TerminalText.harmless(text, keepsLayout: true) == shown)
    }

    @Test func aTextOfSeveralLinesKeepsThem() {
        let text = "a\tb\nc\r\u{1b}[1m\n"
        #expect(TerminalText.harmless(text, keepsLayout: true) == "a\tb\nc\u{fffd}\u{fffd}[1m\n")
        #expect(!TerminalText.harmless(text).contains { $0 == "\n" || $0 == "\t" })
    }
}
