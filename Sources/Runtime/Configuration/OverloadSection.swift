import SIP
import Switching

/// The section `overload` of `tandem.yaml`: from which delay on newcomers are turned away, and how much is
/// read of each source before that.
///
///     overload: { delay: 250ms, calm: 50ms, retry-after: 5s, share-of-phone: 300 }
enum OverloadSection {
    static func read(
        _ top: ConfigurationReader.Section, _ reader: inout ConfigurationReader
    ) -> OverloadSettings {
        var settings = OverloadSettings()
        let keys = [
            "delay", "calm", "retry-after", "share-of-address", "share-of-phone", "share-of-trunk",
        ]
        guard let section = reader.section("overload", in: top, keys: keys) else {
            return settings
        }
        let delays = Instant.Span.milliseconds(1)...Instant.Span.seconds(60)
        if let span = reader.span("delay", in: section, delays) { settings.delay = span }
        if let span = reader.span("calm", in: section, delays) { settings.calm = span }
        if let span = reader.span("retry-after", in: section, .seconds(1)...(.seconds(600))) {
            settings.retryAfter = Int(span.milliseconds / 1000)
        }
        let shares = 1...10_000_000
        if let share = reader.number("share-of-address", in: section, shares) {
            settings.shareOfAddress = share
        }
        if let share = reader.number("share-of-phone", in: section, shares) {
            settings.shareOfPhone = share
        }
        if let share = reader.number("share-of-trunk", in: section, shares) {
            settings.shareOfTrunk = share
        }
        if settings.calm >= settings.delay {
            reader.report(
                "overload.calm (\(settings.calm.written)) must be shorter than overload.delay"
                    + " (\(settings.delay.written))",
                at: section.place(of: section.has("calm") ? "calm" : "delay"))
        }
        return settings
    }
}
