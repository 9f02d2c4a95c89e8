/// A feature code: keys, with places for what the caller fills in.
struct FeatureTable: Sendable {
    enum Piece: Sendable, Hashable {
        case key(UInt8)
        case argument(Argument)
    }

    /// What a caller fills in: `{number}` and so on. It ends at the next key of the code, or with the
    /// number.
    enum Argument: String, Sendable, Hashable, CaseIterable {
        case number, `extension`, pin, code
    }

    var feature: Feature
    var action: FeatureCall.Action
    /// As it is written: `*40*{number}`.
    var text: String
    var pieces: [Piece]
    var place: Place

    /// What the caller filled in.
    struct Arguments: Sendable {
        var number: String?
        var `extension`: String?
        var pin: String?
        var code: String?

        subscript(argument: Argument) -> String? {
            get {
                switch argument {
                case .number: number
                case .extension: self.extension
                case .pin: pin
                case .code: code
                }
            }
            set {
                switch argument {
                case .number: number = newValue
                case .extension: self.extension = newValue
                case .pin: pin = newValue
                case .code: code = newValue
                }
            }
        }
    }

    /// How many keys stand before the first argument: the more, the more specific.
    var fixedKeys: Int {
        pieces.firstIndex { piece in
            if case .argument = piece { return true }
            return false
        } ?? pieces.count
    }

    /// Nil when the number is not this code. An argument holds at least one key; one behind which a
    /// key stands goes up to where that key comes next.
    func match(_ number: DialString) -> Arguments? {
        var arguments = Arguments()
        var place = 0
        for index in pieces.indices {
            switch pieces[index] {
            case .key(let key):
                guard place < number.count, number[place] == key else { return nil }
                place += 1
            case .argument(let argument):
                var end = number.count
                if index + 1 < pieces.count {
                    guard case .key(let stop) = pieces[index + 1] else { return nil }
                    end = place
                    while end < number.count, number[end] != stop { end += 1 }
                    guard end < number.count else { return nil }
                }
                // Only a number may hold * and #, so that a code may be forwarded to.
                if argument != .number {
                    for key in place..<end where number[key] > 9 { return nil }
                }
                guard end > place else { return nil }
                arguments[argument] = number.text(place..<end)
                place = end
            }
        }
        return place == number.count ? arguments : nil
    }
}
