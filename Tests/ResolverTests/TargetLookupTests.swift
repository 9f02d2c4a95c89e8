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
        .addressV6("mute.example"): .failure("no name server answers"),
        .addressV4("lame.example"): .failure("no name server answers"),
        .addressV6("lame.example"): .records(
            [.address(IPAddress(high: 0x2001_0db8_0000_0000, low: 9))], seconds: 50),
        .pointers("all.example"): .records(
            [
                Self.pointer(20, 10, "SIP+D2U", "_sip._udp.all.example"),
                Self.pointer(10, 20, "SIP+D2T", "_sip._tcp.elsewhere.example"),
                Self.pointer(10, 10, "SIPS+D2T", "_sips._tcp.all.example"),
                Self.pointer(5, 10, "E2U+sip", "_sip._udp.wrong.example"),
                Self.pointer(1, 10, "SIP+D2U", "two.example", flags: "a"),
            ], seconds: 100),
        .pointers("dual.example"): .records(
            [
                Self.pointer(1, 1, "SIP+D2T", "_sip._tcp.dual.example"),
                Self.pointer(2, 1, "SIP+D2U", "_sip._udp.dual.example"),
            ], seconds: 100),
        .service("_sip._tcp.dual.example"): .records(
            [.service(target: "two.example", port: 5070, priority: 1, weight: 0)], seconds: 300),
        .service("_sip._udp.dual.example"): .records(
            [.service(target: "two.example", port: 5060, priority: 1, weight: 0)], seconds: 300),
        .pointers("deaf.example"): .failure("no name server answers"),
        .pointers("secure.example"): .records(
            [Self.pointer(1, 1, "SIPS+D2T", "_sips._tcp.all.example")], seconds: 100),
        .service("_sip._udp.all.example"): .records(
            [.service(target: "one.example", port: 5060, priority: 1, weight: 0)], seconds: 300),
        .service("_sip._tcp.elsewhere.example"): .records(
            [
                .service(target: "one.example", port: 5070, priority: 9, weight: 0),
                .service(target: "two.example", port: 5080, priority: 3, weight: 0),
            ], seconds: 300),
        .service("_sips._tcp.all.example"): .records(
            [.service(target: "one.example", port: 5061, priority: 1, weight: 0)], seconds: 300),
        .service("_sip._tcp.both.example"): .records(
            [.service(target: "one.example", port: 5070, priority: 1, weight: 0)], seconds: 300),
        .service("_sip._udp.both.example"): .records(
            [.service(target: "one.example", port: 5060, priority: 7, weight: 0)], seconds: 300),
        .service("_sips._tcp.both.example"): .records(
            [.service(target: "one.example", port: 5061, priority: 0, weight: 0)], seconds: 300),
        .service("_sip._tcp.stream.example"): .records(
            [.service(target: "one.example", port: 5070, priority: 1, weight: 0)], seconds: 300),
    ]

    private static func pointer(
        _ order: UInt16, _ preference: UInt16, _ service: String, _ replacement: String,
        flags: String = "s"
    ) -> NameRecord {
        .pointer(
            order: order, preference: preference, flags: flags, service: service,
            replacement: replacement)
    }

    /// What a name stands for where it says itself by which of these transports it is reached.
    private func open(_ name: String, _ transports: [TransportKind] = TransportKind.allCases)
        -> String
    {
        let ways = transports.map { TrunkWay(transport: $0, listener: 0, isV4: true) }
        let outcome = TargetLookup.targets(
            of: TrunkHost(name: name), ways: ways, isOpen: true,
            ask: { zone[$0] ?? .nothing(seconds: 60) })
        let targets = outcome.targets.map { "\($0.transport.name) \($0.endpoint) \($0.rank)" }
        return (targets + (outcome.failure.map { [$0] } ?? [])).joined(separator: ", ")
    }

    @Test func theNameSaysWhichTransportItLikesBestAndTheOthersComeAfterIt() {
        #expect(
            open("all.example")
                == "tls 192.0.2.1:5061 0, tcp 192.0.2.2:5080 1, tcp 192.0.2.3:5080 1, "
                + "tcp 192.0.2.1:5070 1, udp 192.0.2.1:5060 2")
    }

    @Test func aTransportThatWeHaveNotIsNotChosen() {
        #expect(
            open("all.example", [.udp, .tls]) == "tls 192.0.2.1:5061 0, udp 192.0.2.1:5060 1")
        #expect(open("secure.example", [.udp]) == "")
    }

    @Test func aNameWithoutPointersIsAskedForItsServicesByUDPAndTCP() {
        #expect(open("both.example") == "udp 192.0.2.1:5060 0, tcp 192.0.2.1:5070 1")
        #expect(open("stream.example") == "tcp 192.0.2.1:5070 1")
    }

    @Test func aNameWithoutPointersAndServicesIsTriedByUDP() {
        #expect(open("one.example") == "udp 192.0.2.1:5060 0")
    }

    @Test func whoeverCannotTellTheTransportsIsNotSpokenToInTheClear() {
        #expect(open("deaf.example") == "no name server answers")
    }

    private func look(_ name: String, port: UInt16? = nil, families: [Bool] = [true]) -> String {
        let outcome = TargetLookup.targets(
            of: TrunkHost(name: name, port: port),
            ways: families.map { TrunkWay(transport: .udp, listener: 0, isV4: $0) },
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
        #expect(look("two.example", families: [false]) == "[2001:db8::7]:5060 0/0, 60 s")
    }

    @Test func withListenersOfBothFamiliesAllAddressesAreTargets() {
        #expect(
            look("a.example", families: [true, false])
                == "192.0.2.1:5060 10/60, 192.0.2.2:5070 20/0, 192.0.2.3:5070 20/0, "
                + "[2001:db8::7]:5070 20/0, 60 s")
        #expect(
            look("two.example", port: 5080, families: [false, true])
                == "[2001:db8::7]:5080 0/0, 192.0.2.2:5080 0/0, 192.0.2.3:5080 0/0, 200 s")
    }

    @Test func aFamilyThatCannotBeAskedForDoesNotTakeTheOtherAway() {
        #expect(look("lame.example", families: [true, false]) == "[2001:db8::9]:5060 0/0, 50 s")
        #expect(look("lame.example") == "0 s, no name server answers")
        #expect(look("mute.example", families: [true, false]) == "0 s, no name server answers")
    }

    @Test func bothFamiliesAreReachedByTheTransportThatTheNameSays() {
        let ways = [TransportKind.udp, .tcp].flatMap { transport in
            [true, false].map { TrunkWay(transport: transport, listener: 0, isV4: $0) }
        }
        let outcome = TargetLookup.targets(
            of: TrunkHost(name: "dual.example"), ways: ways, isOpen: true,
            ask: { zone[$0] ?? .nothing(seconds: 60) })
        #expect(
            outcome.targets.map { "\($0.transport.name) \($0.endpoint) \($0.rank)" }
                == [
                    "tcp 192.0.2.2:5070 0", "tcp 192.0.2.3:5070 0", "tcp [2001:db8::7]:5070 0",
                    "udp 192.0.2.2:5060 1", "udp 192.0.2.3:5060 1", "udp [2001:db8::7]:5060 1",
                ])
    }

    @Test func aServiceThatIsNotThereGivesNothing() {
        #expect(look("closed.example") == "90 s")
    }

    @Test func aFailureIsToldAndIsNoAnswer() {
        #expect(look("mute.example") == "0 s, no name server answers")
    }

    @Test func oneTargetThatFailsDoesNotTakeTheOthersAway() {
        #expect(look("half.example") == "192.0.2.2:5060 2/0, 192.0.2.3:5060 2/0, 10 s")
    }

    @Test(arguments: [true, false])
    func ofAThousandServicesTheBestAreFollowedAndNoOtherIsAskedFor(isThere: Bool) {
        let services = (0..<1_000).map { number in
            NameRecord.service(
                target: "g\(number).example", port: 5060, priority: UInt16(1_000 - number / 2),
                weight: UInt16(number % 2))
        }
        var asked: [NameQuestion] = []
        let outcome = TargetLookup.targets(
            of: TrunkHost(name: "a.example"),
            ways: [true, false].map { TrunkWay(transport: .udp, listener: 0, isV4: $0) }
        ) { question in
            asked.append(question)
            switch question {
            case .service: return .records(services, seconds: 300)
            case .addressV4 where isThere:
                return .records([.address(IPAddress(v4: UInt32(asked.count)))], seconds: 300)
            default: return isThere ? .nothing(seconds: 300) : .failure("no name server answers")
            }
        }
        #expect(asked.count == 1 + 2 * TargetLookup.limit)
        // The best are the last, and of each pair the one with the greater weight.
        #expect(
            asked.dropFirst().prefix(4) == [
                .addressV4("g999.example"), .addressV6("g999.example"),
                .addressV4("g998.example"), .addressV6("g998.example"),
            ])
        #expect(outcome.targets.count == (isThere ? TargetLookup.limit : 0))
        #expect(outcome.seconds == (isThere ? 300 : 0))
    }

    @Test func noServiceIsAskedForWhereTheOnesBeforeItGaveEnough() {
        let many = (0..<20).map { NameRecord.address(IPAddress(v4: 0xc000_0200 + $0)) }
        var asked = 0
        let outcome = TargetLookup.targets(
            of: TrunkHost(name: "a.example"),
            ways: [TrunkWay(transport: .udp, listener: 0, isV4: true)]
        ) { question in
            asked += 1
            guard case .service = question else { return .records(many, seconds: 300) }
            return .records(
                (0..<5).map { number in
                    .service(target: "g\(number)", port: 5060, priority: number, weight: 0)
                }, seconds: 300)
        }
        #expect(outcome.targets.count == TargetLookup.limit && asked == 3)
    }

    @Test func aNameThatNobodyKnowsGivesNothing() {
        #expect(look("unknown.example") == "60 s")
    }
}
