/// What others have written, made fit to be shown. A caller chooses its own name, and it must not steer
/// the operator's terminal nor make one number look like another.
public enum TerminalText {
    /// Whether a character steers a terminal where it should stand in it: the control characters of C0 and
    /// C1, and those that turn the direction of writing (UAX #9).
    public static func steers(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f...0x9f, 0x200e, 0x200f, 0x202a...0x202e, 0x2066...0x2069: true
        default: false
        }
    }

    /// The text with U+FFFD in place of each such character.
    ///
    /// - Parameter keepsLayout: line ends and tabs stay: the text has several lines.
    public static func harmless(_ text: String, keepsLayout: Bool = false) -> String {
        guard text.utf8.contains(where: mayBelongToOne) else { return text }
        var clean = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isLayout = scalar == "\n" || scalar == "\t"
            clean.append(steers(scalar) && !(keepsLayout && isLayout) ? "\u{fffd}" : scalar)
        }
        return String(clean)
    }

    /// Whether a byte is one of a character that steers, or may be: most texts have none.
    private static func mayBelongToOne(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == 0x7f || byte == 0xc2 || byte == 0xe2
    }
}
