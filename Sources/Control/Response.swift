import Charging
import Switching

/// One line to a client of the control socket: the answer to its request.
public enum Response: Sendable, Codable {
    /// The switch's own answer, refusals included.
    case reply(ControlReply)
    case records([CallRecord])
    case postings([Posting])
    case tariff([TariffEntry])
    /// Done; says what was done.
    case done(String)
    /// Not done; nothing changed. One line for each thing that is wrong.
    case refused([String])
}

/// A row of the price list as people write it.
public struct TariffEntry: Sendable, Codable, Hashable {
    public var prefix: String
    public var name: String
    public var connectFee: Amount
    /// The steps in order, the last one repeating: `0.22/180`, `0.11/60`.
    public var steps: [String]

    public init(prefix: String, name: String, connectFee: Amount, steps: [String]) {
        self.prefix = prefix
        self.name = name
        self.connectFee = connectFee
        self.steps = steps
    }
}
