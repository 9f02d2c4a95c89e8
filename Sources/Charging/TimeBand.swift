/// Hours of the week with prices of their own: `night`, `weekend`.
public struct TimeBand: Hashable, Sendable, Codable {
    /// Some days and a stretch of time on each of them.
    public struct Hours: Hashable, Sendable, Codable {
        /// Bits 0 to 6 for Monday to Sunday, bit 7 for holidays. A holiday is no weekday.
        public let days: UInt8
        /// Minutes since midnight, 0 to 1439.
        public let from: Int
        /// Minutes since midnight, 1 to 1440. Not above `from` when it lies on the next day; the
        /// hours then belong to the day they begin on.
        public let to: Int
    }

    /// 1 to `longestName` of `a-z0-9-`, beginning with a letter.
    public let name: String
    public let hours: [Hours]

    /// In bytes.
    public static let longestName = 32
    public static let mostHours = 32

    private static let dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"]

    /// Reads hours as a tariff file writes them: `mon-fri 21:00-07:00; sat sun holiday 00:00-24:00`.
    /// `daily` is every day, holidays among them.
    ///
    /// - Returns: nil, or why they are none.
    public static func parse(
        name: String, hours text: String
    ) -> (band: TimeBand?, problem: String) {
        guard isValidName(name) else {
            return (nil, "a band's name is 1 to \(longestName) of a-z 0-9 -, a letter first")
        }
        var hours: [Hours] = []
        for piece in text.split(whereSeparator: { $0 == ";" || $0 == "," }) {
            let words = piece.split(separator: " ").map(String.init)
            guard !words.isEmpty else { continue }
            guard words.count >= 2, let span = span(words[words.count - 1]) else {
                return (
                    nil, "\"\(piece.prefix(40))\" is no hours like mon-fri 21:00-07:00"
                )
            }
            var days: UInt8 = 0
            for word in words.dropLast() {
                guard let bits = bits(word) else {
                    return (
                        nil,
                        "\"\(word.prefix(20))\" is no day: mon to sun, mon-fri, holiday or daily"
                    )
                }
                days |= bits
            }
            hours.append(Hours(days: days, from: span.from, to: span.to))
        }
        guard !hours.isEmpty else { return (nil, "band \(name) has no hours") }
        guard hours.count <= mostHours else {
            return (nil, "a band has at most \(mostHours) stretches of hours")
        }
        return (TimeBand(name: name, hours: hours), "")
    }

    static func isValidName(_ name: String) -> Bool {
        (1...longestName).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte || byte == UInt8(ascii: "-")
                    || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
            } && name.utf8.first.map { $0 >= UInt8(ascii: "a") } ?? false
    }

    private static func bits(_ word: String) -> UInt8? {
        if word == "daily" { return 0xff }
        if let index = dayNames.firstIndex(of: word) { return 1 << UInt8(index) }
        let ends = word.split(separator: "-").map(String.init)
        guard ends.count == 2, let first = dayNames.firstIndex(of: ends[0]), first < 7,
            let last = dayNames.firstIndex(of: ends[1]), last < 7
        else { return nil }
        var bits: UInt8 = 0
        var day = first
        while true {
            bits |= 1 << UInt8(day)
            if day == last { return bits }
            day = (day + 1) % 7
        }
    }

    private static func span(_ text: String) -> (from: Int, to: Int)? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let from = minute(ends[0]), from < 1440,
            let to = minute(ends[1]), to > 0, from != to
        else { return nil }
        return (from, to)
    }

    private static func minute(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, 1...2 ~= parts[0].utf8.count, parts[1].utf8.count == 2,
            let hour = Int(parts[0]), let minute = Int(parts[1]), hour >= 0, minute >= 0,
            minute < 60, hour < 24 || hour == 24 && minute == 0
        else { return nil }
        return hour * 60 + minute
    }

    /// As `parse` reads them.
    public var hoursText: String {
        hours.map { hours in
            var days: [String] = []
            var bits = hours.days
            if bits == 0xff {
                days = ["daily"]
            } else {
                if bits & 0x7f == 0x1f {
                    days = ["mon-fri"]
                    bits &= 0x80
                }
                for (index, name) in TimeBand.dayNames.enumerated()
                where bits & 1 << UInt8(index) != 0 {
                    days.append(name)
                }
            }
            return days.joined(separator: " ")
                + " \(TimeBand.text(hours.from))-\(TimeBand.text(hours.to))"
        }
        .joined(separator: "; ")
    }

    private static func text(_ minute: Int) -> String {
        CivilDay.padded(minute / 60, 2) + ":" + CivilDay.padded(minute % 60, 2)
    }

    /// Whether it holds at a minute of a day of this kind, after a day of that kind.
    func holds(minute: Int, day: UInt8, dayBefore: UInt8) -> Bool {
        hours.contains { hours in
            if hours.from < hours.to {
                return hours.days & day != 0 && hours.from <= minute && minute < hours.to
            }
            return hours.days & day != 0 && hours.from <= minute
                || hours.days & dayBefore != 0 && minute < hours.to
        }
    }
}

/// The time bands of a tariff and its holidays.
public struct TariffCalendar: Hashable, Sendable {
    /// The first one that holds at a moment is in force.
    public let bands: [TimeBand]
    /// Ascending.
    public let holidays: [CivilDay]
    /// Minutes of a day at which some band may begin or end, ascending; midnight is the first.
    private let edges: [Int]

    public static let mostBands = 16
    public static let mostHolidays = 10_000
    /// Every hour is like every other.
    public static let plain = TariffCalendar(bands: [], holidays: [])

    public init(bands: [TimeBand], holidays: [CivilDay]) {
        self.bands = bands
        self.holidays = Set(holidays).sorted()
        var edges: Set<Int> = [0]
        for band in bands {
            for hours in band.hours { edges.formUnion([hours.from, hours.to % 1440]) }
        }
        self.edges = edges.sorted()
    }

    func isHoliday(_ day: CivilDay) -> Bool {
        var low = 0
        var high = holidays.count
        while low < high {
            let middle = (low + high) / 2
            if holidays[middle] < day { low = middle + 1 } else { high = middle }
        }
        return low < holidays.count && holidays[low] == day
    }

    private func kind(of day: CivilDay) -> UInt8 {
        isHoliday(day) ? 0x80 : 1 << UInt8(day.weekday)
    }

    /// Which of some bands is in force at a second since 1970 UTC, and until when that is certain.
    ///
    /// - Parameter candidates: places in `bands`, ascending.
    func bandInForce(
        at unixSeconds: Int64, offset: UTCOffset, among candidates: [Int]
    ) -> (band: Int?, until: Int64) {
        let (seconds, offsetEnd) = offset.inForce(at: unixSeconds)
        let local = unixSeconds + Int64(seconds)
        let day = CivilDay(localSeconds: local)
        let midnight = Int64(day.number) * 86_400
        let minute = Int((local - midnight) / 60)
        let (today, yesterday) = (kind(of: day), kind(of: day.previous))
        let band = candidates.first {
            bands[$0].holds(minute: minute, day: today, dayBefore: yesterday)
        }
        let edge = edges.first { $0 > minute } ?? 1440
        return (band, min(midnight + Int64(edge) * 60 - Int64(seconds), offsetEnd))
    }
}
