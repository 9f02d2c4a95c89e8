import Dialplan
import SIP

/// A gateway that direct lines are plugged into, and how it is told which of them a call takes.
public struct LineGatewaySettings: Sendable, Hashable {
    public enum Addressing: Sendable, Hashable {
        /// By the number itself: as the caller of a call out, as the number called of a call in.
        case user
        /// By a parameter of the Request-URI: `sip:02088886666@192.0.2.8;line=66778001`.
        case parameter(String)
        /// By the trunk group of RFC 4904: `;tgrp=66778001;trunk-context=pstn.example.com` in the user
        /// part, of the Request-URI on the way out and of the Contact on the way in.
        case trunkGroup(context: String)
    }

    /// The trunk that leads to the gateway.
    public var trunk: String
    /// Its lines; empty for all that no other gateway has.
    public var lines: [NumberRange] = []
    public var addressing = Addressing.user
    /// What a line is called there: `{line}` stands for its number, `{port}` for its place among the
    /// gateway's lines, from 1.
    public var label = "{line}"

    public init(trunk: String) { self.trunk = trunk }

    /// What the gateway calls a line of its own.
    func label(of line: String) -> String {
        guard label.contains("{port}") else { return label.replacing("{line}", with: line) }
        var before = 0
        for range in lines {
            if let offset = range.offset(of: line) {
                return label.replacing("{line}", with: line)
                    .replacing("{port}", with: "\(before + offset + 1)")
            }
            before += range.count
        }
        return label.replacing("{line}", with: line)
    }

    /// The line of its own that the gateway calls so. Costs the number of its ranges.
    func line(labelled text: String) -> String? {
        for variable in ["{port}", "{line}"] {
            guard let place = label.firstRange(of: variable) else { continue }
            let before = label[..<place.lowerBound]
            let after = label[place.upperBound...]
            guard text.utf8.count >= before.utf8.count + after.utf8.count,
                text.hasPrefix(before), text.hasSuffix(after)
            else { return nil }
            let value = String(text.dropFirst(before.count).dropLast(after.count))
            if variable == "{line}" { return value }
            guard var port = Int(value), port >= 1 else { return nil }
            for range in lines {
                if port <= range.count { return range[port - 1] }
                port -= range.count
            }
            return nil
        }
        return nil
    }
}

/// Which gateway has which line.
struct LineGateways: Sendable {
    let all: [LineGatewaySettings]

    init(_ all: [LineGatewaySettings]) { self.all = all }

    /// The gateway of a line; the one without ranges has what is left.
    func gateway(of line: String) -> LineGatewaySettings? {
        all.first { gateway in gateway.lines.contains { $0.contains(line) } }
            ?? all.first { $0.lines.isEmpty }
    }

    func gateways(behind trunk: String) -> [LineGatewaySettings] {
        all.filter { $0.trunk == trunk }
    }
}
