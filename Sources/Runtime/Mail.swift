import SIP
import Switching

/// What other threads say to the loop.
enum Mail: Sendable {
    /// Something for the switch.
    /// - Parameter then: called on the loop when the switch has taken it.
    case event(Event, then: (@Sendable () -> Void)?)
    /// The files were read again; the zones may be others.
    /// - Parameter then: called on the loop when the new rules are in force, with how long the loop
    ///   was held up for that.
    case configured(Configuration, SiteZones, then: @Sendable (Instant.Span) -> Void)
    /// No more calls: settle what is under way and end.
    case stop
}
