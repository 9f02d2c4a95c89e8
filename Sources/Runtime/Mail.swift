import Streams
import Switching

/// What other threads say to the loop.
enum Mail: Sendable {
    /// Something for the switch.
    /// - Parameter then: called on the loop when the switch has taken it.
    case event(Event, then: (@Sendable () -> Void)?)
    /// What happened on connections, in order.
    case streams([StreamEvent])
    /// The files were read again; the zone may be another.
    case configured(Configuration, then: @Sendable () -> Void)
    /// No more calls: settle what is under way and end.
    case stop
}
