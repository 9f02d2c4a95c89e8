import SIP

extension Message {
    /// Whether whoever sends this takes a body of a type, such as `application/pidf+xml`: of the ranges in
    /// Accept that it falls under the narrowest says so, and one with `q=0` says no (RFC 3261 §20.1,
    /// RFC 7231 §5.3.2). Without Accept anything is taken; other parameters are not looked at.
    func accepts(_ type: String) -> Bool {
        guard has(.accept) else { return true }
        let family = type.prefix { $0 != "/" } + "/*"
        let ranges = ["*/*", String(family), type]
        var narrowest = -1
        var isTaken = false
        for element in elements(.accept) {
            let name = element.prefix { $0 != UInt8(ascii: ";") }
            let bare = name.filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
            let range = String(decoding: bare, as: UTF8.self).lowercased()
            guard let width = ranges.firstIndex(of: range), width > narrowest else { continue }
            narrowest = width
            let quality = Parameters(element.dropFirst(name.count)).value("q") ?? nil
            isTaken =
                quality?.allSatisfy { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: ".") } != true
        }
        return isTaken
    }
}
