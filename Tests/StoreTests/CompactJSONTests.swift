import Testing

@testable import Store

@Suite struct CompactJSONTests {
    @Test(arguments: [
        "", "plain", "a \"quoted\" \\ text", "\u{0}\u{1f}\n\t", "直线 é 😀", "null", "[]", ",",
    ])
    func aTextComesBackAsItWas(_ text: String) throws {
        var writer = CompactJSONWriter()
        writer.beginArray()
        writer.string(text)
        writer.string(nil)
        writer.integer(.min)
        writer.integer(nil)
        writer.endArray()
        var reader = CompactJSONReader(writer.text)
        try reader.beginArray()
        #expect(try reader.string() == text)
        try reader.comma()
        #expect(try reader.optionalString() == nil)
        try reader.comma()
        #expect(try reader.integer() == .min)
        try reader.comma()
        #expect(try reader.optionalInteger() == nil)
        try reader.endArray()
        try reader.end()
    }

    @Test func itIsJSON() {
        var writer = CompactJSONWriter()
        writer.beginArray()
        writer.beginArray()
        writer.integer(-1)
        writer.string("a\"b\n")
        writer.endArray()
        writer.beginArray()
        writer.endArray()
        writer.endArray()
        #expect(writer.text == #"[[-1,"a\"b\u000a"],[]]"#)
    }

    @Test(arguments: [
        "", "[", "[\"", "[\"a", "[\"a\\", "[\"\\u00", "[\"\\x\"]", "[\"a\" ]", "[\"a\"]]",
        "[\"a\",]",
        "[nul]", "[1]", "[\"a\"",
    ])
    func whatItDidNotWriteIsRefused(_ text: String) {
        #expect(throws: CompactJSONReader.Malformed.self) {
            var reader = CompactJSONReader(text)
            try reader.array { (reader) throws(CompactJSONReader.Malformed) in
                _ = try reader.string()
            }
            try reader.end()
        }
    }
}
