import SIP

extension Message {
    /// What the sender's software calls itself, as it is kept and shown; empty where it says nothing.
    var shownUserAgent: String {
        String(decoding: (value(.userAgent) ?? []).prefix(120), as: UTF8.self).storable
    }
}

extension String {
    /// The text as a record keeps it: U+FFFD stands for U+0000, at which a text ends for SQLite and for
    /// much else. `8002%00` is not to be read as 8002 later.
    var storable: String {
        utf8.contains(0)
            ? String(
                String.UnicodeScalarView(unicodeScalars.map { $0.value == 0 ? "\u{fffd}" : $0 }))
            : self
    }
}
