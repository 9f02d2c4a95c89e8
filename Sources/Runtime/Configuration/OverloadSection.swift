import SIP
import Switching

/// The section `overload` of `tandem.yaml`: from which delay on newcomers are turned away.
///
///     overload: { delay: 250ms, calm: 50ms, retry-after: 5s }
enum OverloadSection {
    static func read(
        _ top: ConfigurationReader.Section, _ reader: inout ConfigurationReader
    ) -> OverloadSettings {
        var settings = OverloadSettings()
        let keys = ["delay", "calm", "retry-after"]
        guard let section = reader.section("overload", in: top, keys: keys) else {
            return settings
        }
        let delays = Instant.Span.milliseconds(1)...Instant.Span.seconds(60)
        if let span = reader.span("delay", in: section, delays) { settings.delay = span }
        if let span = reader.span("calm", in: section, delays) { settings.calm = span }
        if let span = reader.span("retry-after", in: section, .seconds(1)...(.seconds(600))) {
            settings.retryAfter = Int(span.milliseconds / 1000)
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
