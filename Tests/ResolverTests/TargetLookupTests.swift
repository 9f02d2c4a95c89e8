import SIP
import Switching
import Testing

@testable import Resolver

/// From a name to addresses (RFC 3263), with name servers made of values.
@Suite struct TargetLookupTests {
    /// What the zone says; a question that is not in it has no records.
    private let zone: [NameQuestion: NameAnswer] = [
        .service("_sip._udp.a.example"): .records(
            [
                .service(target: "one.example", port: 5060, priority: 10, weight: 60),
                .service(target: "two.example", port: 5070, priority: 20, weight: 0),
            ], seconds: 300),
        .service("_sip._udp.closed.example"): .records(
            [.service(target: "", port: 0, priority: 0, weight: 0)], seconds: 90),
        .service("_sip._udp.mute.example"): .failure("no name server answers"),
        .service("_sip._udp.half.example"): .records(
            [
                .service(target: "mute.example", port: 5060, priority: 1, weight: 0),
                .service(target: "two.example", port: 5060, priority: 2, weight: 0),
            ], seconds: 300),
        .addressV4("one.example"): .records([.address(IPAddress(v4: 0xc000_0201))], seconds: 60),
        .addressV4("two.example"): .records(
            [.address(IPAddress(v4: 0xc000_0202)), .address(IPAddress(v4: 0xc000_0203))],
            seconds: 200),
        .addressV6("two.example"): .records(
            [.address(IPAddress(high: 0x2001_0db8_0000_0000, low: 7))], seconds: 200),
        .addressV4("mute.example"): .failure("no name server answers"),
    ]

    private func look(_ name: String, port: UInt16? = nil, isV4: Bool = true) -> String {
        let outcome = TargetLookup.targets(
            of: TrunkHost(name: name, port: port), isV4: isV4,
            ask: { zone[$0] ?? .nothing(seconds: 60) })
        let targets = outcome.targets.map { "\($0.endpoint) \($0.priority)/\($0.weight)" }
        return (targets + ["\(outcome.seconds) s"] + (outcome.failure.map { [$0] } ?? []))
            .joined(separator: ", ")
    }

    @Test func servicesGiveTargetsWithTheirPrioritiesAndTheShortestTime() {
        #expect(
            look("a.example")
                == "192.0.2.1:5060 10/60, 192.0.2.2:5070 20/0, 192.0.2.3:5070 20/0, 60 s")
    }

    @Test func withAPortNoServiceIsLookedFor() {
        #expect(look("one.example", port: 5080) == "192.0.2.1:5080 0/0, 60 s")
    }

    @Test func aNameWithoutServicesIsTriedAtThePortOfSIP() {
        #expect(look("one.example") == "192.0.2.1:5060 0/0, 60 s")
    }

    @Test func theFamilyIsThatOfTheListener() {
        #expect(look("two.example", isV4: false) == "[2001:db8::7]:5060 0/0, 60 s")
    }

    @Test func aServiceThatIsNotThereGivesNothing() {
        #expect(look("closed.example") == "90 s")
    }

    @Test func aFailureIsToldAndIsNoAnswer() {
        #expect(look("mute.example") == "0 s, no name server answers")
    }

    @Test func oneTargetThatFailsDoesNotTakeTheOthersAway() {
        #expect(look("half.example") == "192.0.2.2:5060 2/0, 192.0.2.3:5060 2/0, 0 s")
    }

    @Test func aNameThatNobodyKnowsGivesNothing() {
        #expect(look("unknown.example") == "60 s")
    }
}
