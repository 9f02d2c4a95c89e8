import Charging
import Switching

/// The section `spending` of `tandem.yaml`: what may be spent in a call, an hour and on a day.
enum SpendingSection {
    static func read(
        _ top: ConfigurationReader.Section, _ reader: inout ConfigurationReader
    ) -> SpendingSettings {
        var settings = SpendingSettings()
        guard let section = reader.section("spending", in: top, keys: ["extension", "account"])
        else { return settings }
        read("extension", in: section, &settings.ofExtension, &reader)
        read("account", in: section, &settings.ofAccount, &reader)
        return settings
    }

    private static func read(
        _ key: String, in section: ConfigurationReader.Section, _ limits: inout SpendingLimits,
        _ reader: inout ConfigurationReader
    ) {
        let fields: [(key: String, path: WritableKeyPath<SpendingLimits, Amount?>)] = [
            ("call", \.call), ("hour", \.hour), ("day", \.day),
        ]
        guard let part = reader.section(key, in: section, keys: fields.map(\.key)) else { return }
        for (key, path) in fields {
            guard let text = reader.text(key, in: part) else { continue }
            if text == "off" {
                limits[keyPath: path] = nil
            } else if let amount = Amount(text), amount.isPositive, amount <= Ledger.largestBalance
            {
                limits[keyPath: path] = amount
            } else {
                reader.report(
                    "\(part.path(of: key)) must be an amount above zero or off, not \"\(text)\"",
                    at: part.place(of: key), suggestion: "write it as 500 or 99.50",
                    length: text.count)
            }
        }
    }
}
