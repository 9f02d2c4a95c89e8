import Dialplan
import Testing

@testable import Switching

/// What a gateway calls its lines.
@Suite struct LineGatewayTests {
    private func gateway(_ label: String) throws -> LineGatewaySettings {
        var gateway = LineGatewaySettings(trunk: "pstn")
        gateway.lines = [
            try #require(NumberRange(first: "66778000", last: "66778003")),
            try #require(NumberRange(first: "66779010", last: "66779011")),
        ]
        gateway.label = label
        return gateway
    }

    @Test(arguments: [
        ("{line}", "66778002", "66778002"), ("port-{port}", "66778002", "port-3"),
        ("fxo{port}x", "66779011", "fxo6x"), ("l{line}", "66779010", "l66779010"),
    ])
    func aLabelNamesTheLineBothWays(label: String, line: String, expected: String) throws {
        let gateway = try gateway(label)
        #expect(gateway.label(of: line) == expected)
        #expect(gateway.line(labelled: expected) == line)
    }

    @Test(arguments: ["port-0", "port-7", "port-", "port-x", "66778001", "xport-1"])
    func aLabelOfNoLineNamesNone(text: String) throws {
        #expect(try gateway("port-{port}").line(labelled: text) == nil)
    }

    @Test func theGatewayWithoutRangesHasWhatIsLeft() throws {
        var rest = LineGatewaySettings(trunk: "other")
        rest.lines = []
        let gateways = LineGateways([rest, try gateway("{line}")])
        #expect(gateways.gateway(of: "66778001")?.trunk == "pstn")
        #expect(gateways.gateway(of: "66770000")?.trunk == "other")
        #expect(LineGateways([]).gateway(of: "66770000") == nil)
    }
}
