/// Takes digits off the front of a number and puts others there: `drop 1 prefix 00`.
struct DigitsForm: Sendable {
    var drop: Int
    var prefix: DialString

    /// Nil when nothing is left or it becomes too long.
    func apply(to number: DialString) -> DialString? {
        number.rewritten(drop: drop, prefix: prefix)
    }
}

/// The form a number is sent in.
enum SendForm: Sendable {
    /// Key for key what was dialled.
    case asDialled
    /// The one form that levels and tariffs look at.
    case normalised
    /// With the area code in front where it is a subscriber number of the site's own area.
    case national
    /// `+`, country code, area code without its trunk prefix, number.
    case e164
    case digits(DigitsForm)
}

/// How numbers are built up at the site: what the forms `national` and `e164` need.
///
/// A normalised number is international with `00` in front, national with `0`; a mobile number of
/// country 86 has eleven digits and begins with 1; a number of seven or eight digits that begins with
/// 2 to 9 is a subscriber of the site's area; what is left (service and 400 numbers) has one form
/// only.
struct NumberForms: Sendable {
    var country: String
    var area: String

    func form(_ form: SendForm, dialled: String, normalised: DialString) -> String {
        switch form {
        case .asDialled: return cleaned(dialled)
        case .normalised: return normalised.text
        case .national: return national(normalised)
        case .e164: return e164(normalised)
        case .digits(let digits): return (digits.apply(to: normalised) ?? normalised).text
        }
    }

    /// What was dialled without its separators; the caller has read it before.
    private func cleaned(_ dialled: String) -> String {
        if dialled.utf8.allSatisfy({ key(of: $0) != nil }) { return dialled }
        return String(dialled.filter { $0 == "+" || $0.asciiValue.flatMap(key(of:)) != nil })
    }

    /// A line of the site with the area code in front.
    func national(_ line: String) -> String { DialString(line).map(national) ?? line }

    private func isSubscriber(_ number: DialString) -> Bool {
        (7...8).contains(number.count) && (2...9).contains(number[0]) && isAllDigits(number)
    }

    private func isMobile(_ number: DialString) -> Bool {
        country == "86" && number.count == 11 && number[0] == 1 && isAllDigits(number)
    }

    private func isAllDigits(_ number: DialString) -> Bool {
        for index in 0..<number.count where number[index] > 9 { return false }
        return true
    }

    private func national(_ number: DialString) -> String {
        isSubscriber(number) ? area + number.text : number.text
    }

    private func e164(_ number: DialString) -> String {
        guard isAllDigits(number) else { return number.text }
        if isMobile(number) { return international(country[...], "", number, from: 0) }
        if isSubscriber(number) {
            return international(country[...], significantArea, number, from: 0)
        }
        guard number[0] == 0, number.count > 5 else { return number.text }
        if number[1] == 0 { return international("", "", number, from: 2) }
        return international(country[...], "", number, from: 1)
    }

    /// `+`, two codes, and the number from a place on, written in one go.
    private func international(
        _ country: Substring, _ area: Substring, _ number: DialString, from place: Int
    ) -> String {
        let length = 1 + country.utf8.count + area.utf8.count + number.count - place
        return String(unsafeUninitializedCapacity: length) { buffer in
            buffer[0] = UInt8(ascii: "+")
            var count = 1
            for digit in country.utf8 {
                buffer[count] = digit
                count += 1
            }
            for digit in area.utf8 {
                buffer[count] = digit
                count += 1
            }
            for index in place..<number.count {
                buffer[count] = byte(of: number[index])
                count += 1
            }
            return count
        }
    }

    /// The area code as it follows a country code: without its trunk prefix.
    private var significantArea: Substring { area.drop { $0 == "0" } }
}
