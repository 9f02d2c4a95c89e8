import Dialplan
import SIP
import Switching

/// `lines`: the gateways that the direct lines are plugged into.
///
///     lines:
///       gateway: pstn
///
/// or, where there are several or they want to be told which line a call takes:
///
///     lines:
///       gateways:
///         - { trunk: pstn-a, lines: [66778000-66778399] }
///         - { trunk: pstn-b, lines: [66778400-66778799], addressing: trunk-group,
///             trunk-context: pstn.example.com, label: "fxo{port}" }
enum LinesSection {
    private enum Way: String, CaseIterable {
        case user
        case parameter
        case trunkGroup = "trunk-group"
    }

    static func read(
        _ top: ConfigurationReader.Section, trunks: [TrunkSettings],
        _ reader: inout ConfigurationReader
    ) -> [LineGatewaySettings] {
        guard let section = reader.section("lines", in: top, keys: ["gateway", "gateways"]) else {
            return []
        }
        if section.has("gateway") == section.has("gateways") {
            reader.report(
                "lines needs either \"gateway\", the trunk of all lines, or \"gateways\", a list",
                at: section.node)
            return []
        }
        if section.has("gateway") {
            guard let name = trunk("gateway", section, trunks, &reader) else { return [] }
            return [LineGatewaySettings(trunk: name)]
        }
        var gateways: [LineGatewaySettings] = []
        for (name, node) in reader.list("gateways", in: section) {
            let keys = ["trunk", "lines", "addressing", "parameter", "trunk-context", "label"]
            guard let part = reader.section(node, name: name, keys: keys) else { continue }
            reader.require(["trunk"], in: part)
            guard let trunk = trunk("trunk", part, trunks, &reader) else { continue }
            var gateway = LineGatewaySettings(trunk: trunk)
            gateway.lines = ranges(part, &reader)
            readAddressing(part, &gateway, &reader)
            readLabel(part, &gateway, &reader)
            for other in gateways {
                if gateway.lines.isEmpty, other.lines.isEmpty {
                    reader.report(
                        "two gateways without \"lines\": which has a line, nobody can tell",
                        at: part.node)
                }
                for range in gateway.lines where other.lines.contains(where: range.overlaps) {
                    reader.report(
                        "lines of \(range) are plugged into \(other.trunk) already",
                        at: part.place(of: "lines"))
                }
            }
            gateways.append(gateway)
        }
        return gateways
    }

    /// `mailbox: { trunk: voicemail, subscribe: yes }`: who says what waits for an extension (RFC 3842),
    /// and whether it has to be asked.
    static func readMailbox(
        _ top: ConfigurationReader.Section, trunks: [TrunkSettings],
        _ reader: inout ConfigurationReader
    ) -> (trunk: String?, asks: Bool) {
        let keys = ["trunk", "subscribe"]
        guard let section = reader.section("mailbox", in: top, keys: keys) else {
            return (nil, false)
        }
        reader.require(["trunk"], in: section)
        let asks = reader.flag("subscribe", in: section) ?? false
        return (trunk("trunk", section, trunks, &reader), asks)
    }

    private static func trunk(
        _ key: String, _ section: ConfigurationReader.Section, _ trunks: [TrunkSettings],
        _ reader: inout ConfigurationReader
    ) -> String? {
        guard let name = reader.text(key, in: section) else { return nil }
        let names = trunks.map(\.name)
        if !names.contains(name) {
            reader.report(
                "there is no trunk \"\(name)\"", at: section.place(of: key),
                suggestion: Spelling.advice(for: name, among: names), length: name.count)
        }
        return name
    }

    private static func ranges(
        _ section: ConfigurationReader.Section, _ reader: inout ConfigurationReader
    ) -> [NumberRange] {
        var ranges: [NumberRange] = []
        for (name, node) in reader.list("lines", in: section) {
            guard let text = reader.text(node, name: name) else { continue }
            let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
            guard ends.count <= 2,
                let range = NumberRange(first: ends[0], last: ends[ends.count - 1])
            else {
                reader.report(
                    "\(name) must be a line or a range of them, not \"\(text)\"", at: node,
                    suggestion: "write it as 66778000-66778399", length: text.count)
                continue
            }
            ranges.append(range)
        }
        return ranges
    }

    private static func readAddressing(
        _ section: ConfigurationReader.Section, _ gateway: inout LineGatewaySettings,
        _ reader: inout ConfigurationReader
    ) {
        let way = reader.choice("addressing", in: section, Way.allCases) ?? .user
        if way != .parameter, section.has("parameter") {
            reader.report(
                "\(section.path(of: "parameter")) goes with \"addressing: parameter\"",
                at: section.place(of: "parameter"))
        }
        if way != .trunkGroup, section.has("trunk-context") {
            reader.report(
                "\(section.path(of: "trunk-context")) goes with \"addressing: trunk-group\"",
                at: section.place(of: "trunk-context"))
        }
        switch way {
        case .user: break
        case .parameter:
            let name = reader.text("parameter", in: section) ?? "line"
            if let name = TrunkParts.parameter(name, "parameter", section, &reader) {
                gateway.addressing = .parameter(name)
            }
        case .trunkGroup:
            reader.require(["trunk-context"], in: section)
            guard let context = reader.text("trunk-context", in: section) else { return }
            // A domain, or digits that begin with "+" (RFC 4904 §4).
            let digits = context.hasPrefix("+") && context.dropFirst().allSatisfy(\.isNumber)
            if !digits,
                TrunkHost(written: context)?.port != nil || TrunkHost(written: context) == nil
            {
                reader.report(
                    "\(section.path(of: "trunk-context")) must be a domain or +digits, not"
                        + " \"\(context)\"",
                    at: section.place(of: "trunk-context"), length: context.count)
            }
            gateway.addressing = .trunkGroup(context: context)
        }
    }

    private static func readLabel(
        _ section: ConfigurationReader.Section, _ gateway: inout LineGatewaySettings,
        _ reader: inout ConfigurationReader
    ) {
        guard let label = reader.text("label", in: section) else { return }
        let count = ["{line}", "{port}"].map { label.ranges(of: $0).count }.reduce(0, +)
        let rest = label.replacing("{line}", with: "").replacing("{port}", with: "")
        if count != 1
            || !rest.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
            )
        {
            reader.report(
                "\(section.path(of: "label")) must be letters, digits, \"-\", \"_\" and \".\" around"
                    + " one {line} or {port}, not \"\(label)\"",
                at: section.place(of: "label"), length: label.count)
        }
        if label.contains("{port}"), gateway.lines.isEmpty {
            reader.report(
                "{port} counts among the gateway's lines: say which they are with \"lines\"",
                at: section.place(of: "label"))
        }
        gateway.label = label
    }
}
