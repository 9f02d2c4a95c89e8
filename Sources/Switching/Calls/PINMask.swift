import Dialplan

/// Takes PINs out of what was dialled, before anybody reads it.
enum PINMask {
    /// The text without any of the secrets, see `Plan.secrets(in:)`.
    static func masked(_ text: String, _ secrets: [String]) -> String {
        secrets.reduce(text) { masked($0, pin: $1) }
    }

    /// The text with `****` in place of the PIN, wherever it ends a run of digits: that is how it is
    /// dialled, `*31*PIN*number`. However long it is, four stars stand for it.
    static func masked(_ text: String, pin: String) -> String {
        let digits = Array(pin.utf8)
        guard !digits.isEmpty else { return text }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var place = 0
        while place < bytes.count {
            let end = place + digits.count
            if end <= bytes.count, bytes[place..<end].elementsEqual(digits),
                end == bytes.count || !(48...57 ~= bytes[end])
            {
                result.append(contentsOf: "****".utf8)
                place = end
            } else {
                result.append(bytes[place])
                place += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// What was dialled without any of the secrets: as `masked`, and `****` for all of it when a
    /// secret was written in some other way, such as with visual separators in it.
    static func masked(dialled: String, _ secrets: [String]) -> String {
        let masked = masked(dialled, secrets)
        let digits = String(
            decoding: masked.utf8.filter { 48...57 ~= $0 || $0 == 42 }, as: UTF8.self)
        return PINMask.masked(digits, secrets) == digits ? masked : "****"
    }
}

extension Decision {
    /// Takes PINs out of the numbers and reasons of a decision; the steps are masked as texts.
    mutating func mask(_ secrets: [String]) {
        dialled = PINMask.masked(dialled, secrets)
        normalised = PINMask.masked(normalised, secrets)
        if case .refuse(var refusal) = outcome {
            refusal.reason = PINMask.masked(refusal.reason, secrets)
            outcome = .refuse(refusal)
        }
    }
}
