import Charging
import Switching

/// One line to a client of the control socket: the answer to its request.
public enum Response: Sendable, Codable {
    /// The switch's own answer, refusals included.
    case reply(ControlReply)
    case records([CallRecord])
    case postings([Posting])
    case tariff([TariffRow])
    case versions([DialplanVersionRow])
    /// Done; says what was done.
    case done(String)
    /// Not done; nothing changed. One line for each thing that is wrong.
    case refused([String])
}
