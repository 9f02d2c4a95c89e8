/// A way to dial a number other than its one form, as networks understand it: `0311` before a number
/// of one's own area, `179XX` before a number for a carrier.
struct Spelling {
    enum Kind: CaseIterable {
        /// The site's own area code before a subscriber or a service number.
        case area
        /// The site's own country code: `00`, `86`.
        case country
        /// A 0 before a mobile number.
        case trunkPrefix
        /// The prefix of a carrier, with whatever stands behind it.
        case carrier
    }

    var kind: Kind
    /// The numbers that may be spelled so.
    var numbers: Pattern
    /// The keys that all of them begin with and that the spelling leaves out.
    var omitted: [UInt8]
    var front: [KeySet]

    /// How some of the numbers are dialled in this spelling; nil where none may be.
    func dialled(_ pattern: Pattern) -> Pattern? {
        guard let part = pattern.intersection(numbers) else { return nil }
        let spelled = part.replacing(first: omitted.count, with: front)
        return spelled.keys.count <= PlanLimits.dialledKeys ? spelled : nil
    }

    /// What dialled numbers mean.
    func meant(_ dialled: Pattern) -> Pattern {
        dialled.replacing(first: front.count, with: omitted.map(KeySet.init(key:)))
    }

    func meant(_ dialled: String) -> String {
        String(decoding: omitted.map(byte(of:)), as: UTF8.self) + dialled.dropFirst(front.count)
    }
}

/// How the network around a site reads numbers.
struct NumberingScheme {
    let country: String
    let area: String
    private let isChina: Bool

    init(_ site: Plan.Site) {
        country = site.country
        area = site.area
        isChina = site.country == "86"
    }

    /// The area code as it follows a country code.
    private var significantArea: String { String(area.drop { $0 == "0" }) }

    private static let national = shape("0Z!")
    private static let international = shape("00Z!")
    private static let mobile = shape("1[3-9]XXXXXXXXX")
    private static let subscribers = ["NXXXXXX", "NXXXXXXX"].map(shape)
    private static let services = ["[19]XX", "[19]XXX", "[19]XXXX", "[19]XXXXX"].map(shape)

    private static func shape(_ text: String) -> Pattern {
        do throws(PatternError) {
            return try Pattern(parsing: text)
        } catch {
            preconditionFailure("\(text) is no pattern: \(error.message)")
        }
    }

    private func keys(_ digits: String) -> [KeySet] {
        digits.utf8.compactMap { key(of: $0) }.map(KeySet.init(key:))
    }

    /// Every spelling that the check tries.
    var spellings: [Spelling] {
        var spellings: [Spelling] = []
        func add(
            _ kind: Spelling.Kind, _ shapes: [Pattern], omitted: [UInt8] = [], _ front: [KeySet]
        ) {
            for shape in shapes {
                spellings.append(
                    Spelling(kind: kind, numbers: shape, omitted: omitted, front: front))
            }
        }
        let local = Self.subscribers + Self.services
        let abroad = keys("00" + country)
        if !area.isEmpty {
            add(.area, local, keys(area))
            add(.country, local, abroad + keys(significantArea))
            if significantArea != area { add(.country, local, abroad + keys(area)) }
        }
        add(.country, [Self.national], omitted: [0], abroad)
        add(.country, [Self.national], abroad)
        guard isChina else { return spellings }
        let carrier = keys("179") + [.digits, .digits]
        add(.trunkPrefix, [Self.mobile], keys("0"))
        add(.country, [Self.mobile], abroad)
        add(.country, [Self.mobile], abroad + keys("0"))
        add(.carrier, [Self.national, Self.international, Self.mobile], carrier)
        add(.carrier, [Self.mobile], carrier + keys("0"))
        add(.carrier, [Self.national], omitted: [0], carrier + abroad)
        if !area.isEmpty { add(.carrier, Self.subscribers, carrier + keys(area)) }
        return spellings
    }

    /// The one form of a number that was sent out, as the network takes it.
    func reading(of sent: String) -> String {
        var number = sent
        if number.hasPrefix("+") { number = "00" + number.dropFirst() }
        for _ in 0..<PlanLimits.rewrites {
            guard let next = step(number) else { return number }
            number = next
        }
        return number
    }

    private func step(_ number: String) -> String? {
        let abroad = "00" + country
        if number.hasPrefix(abroad) {
            let rest = String(number.dropFirst(abroad.count))
            if rest.isEmpty { return nil }
            return rest.hasPrefix("0") || covers([Self.mobile], rest) ? rest : "0" + rest
        }
        if !area.isEmpty, number.hasPrefix(area) {
            let rest = String(number.dropFirst(area.count))
            if covers(Self.subscribers + Self.services, rest) { return rest }
        }
        guard isChina else { return nil }
        if number.hasPrefix("0"), covers([Self.mobile], String(number.dropFirst())) {
            return String(number.dropFirst())
        }
        if number.hasPrefix("179"), number.utf8.count > 7 { return String(number.dropFirst(5)) }
        return nil
    }

    private func covers(_ shapes: [Pattern], _ number: String) -> Bool {
        guard let keys = DialString(number) else { return false }
        return shapes.contains { $0.covers(keys) }
    }

    /// What to write so that this spelling is brought to the one form.
    func remedy(_ kind: Spelling.Kind) -> String {
        switch kind {
        case .area: "write in normalise: \(area)[2-9]XXXXXX! -> drop \(area.utf8.count)"
        case .country:
            "write in normalise: 00\(country)0. -> drop \(2 + country.utf8.count) and "
                + "00\(country)[1-9]. -> drop \(2 + country.utf8.count) prefix 0"
        case .trunkPrefix: "write in normalise: 01[3-9]XXXXXXXXX -> drop 1"
        case .carrier: "write in normalise: 179XX. -> drop 5"
        }
    }
}

extension Pattern {
    func covers(_ number: DialString) -> Bool {
        guard number.count >= minimumCount, end != .closed || number.count == keys.count else {
            return false
        }
        for index in 0..<number.count {
            let set = index < keys.count ? keys[index] : .digits
            if !set.contains(number[index]) { return false }
        }
        return true
    }
}
