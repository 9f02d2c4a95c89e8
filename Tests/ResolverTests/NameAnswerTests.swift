import CResolver
import SIP
import TestSupport
import Testing

@testable import Resolver

/// The bytes of a name server's answer (RFC 1035 §4): whole, cut off anywhere, and broken from a seed,
/// since what a gateway names in its Contact is looked up at servers of whoever holds that name.
@Suite struct NameAnswerTests {
    private static let srv = CInt(ns_t_srv.rawValue)
    private static let naptr = CInt(ns_t_naptr.rawValue)
    private static let a = CInt(ns_t_a.rawValue)
    private static let aaaa = CInt(ns_t_aaaa.rawValue)

    private static func name(_ text: String) -> [UInt8] {
        text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    private static func two(_ number: Int) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 255)] }

    private static func text(_ text: String) -> [UInt8] {
        [UInt8(text.utf8.count)] + Array(text.utf8)
    }

    /// A record of the name that was asked for (a pointer to the question, RFC 1035 §4.1.4).
    private static func record(_ type: CInt, seconds: Int = 300, _ data: [UInt8]) -> [UInt8] {
        [0xc0, 12] + two(Int(type)) + two(1) + two(seconds >> 16) + two(seconds & 0xffff)
            + two(data.count) + data
    }

    private static func answer(_ type: CInt, _ records: [[UInt8]]) -> [UInt8] {
        two(7) + [0x81, 0x80] + two(1) + two(records.count) + two(0) + two(0)
            + name("a.example") + two(Int(type)) + two(1) + records.flatMap { $0 }
    }

    private static func read(_ bytes: [UInt8], _ type: CInt) -> NameAnswer {
        NameServers.records(in: bytes, length: CInt(bytes.count), type: type, name: "a.example")
    }

    private static let alias = record(CInt(ns_t_cname.rawValue), seconds: 20, name("b.example"))
    private static let services = answer(
        srv,
        [
            alias,
            record(srv, two(10) + two(60) + two(5070) + name("one.example")),
            // The name's end is a pointer to the question's.
            record(srv, two(20) + two(0) + two(5060) + text("two") + [0xc0, 14]),
            record(srv, two(0) + two(0) + two(0) + [0]),
        ])
    private static let pointers = answer(
        naptr,
        [
            record(
                naptr,
                two(10) + two(20) + text("s") + text("SIPS+D2T") + text("")
                    + name("_sips._tcp.a.example")),
            record(
                naptr, two(1) + two(1) + text("u") + text("E2U+sip") + text("!^.*$!sip:x@y!") + [0]),
        ])
    private static let v4 = answer(a, [record(a, [192, 0, 2, 1]), record(a, [192, 0, 2, 2])])
    private static let v6 = answer(
        aaaa,
        [
            record(
                aaaa, seconds: 0x1_0002,
                [0x20, 1, 0xd, 0xb8] + Array(repeating: 0, count: 11) + [7])
        ])

    @Test func servicesAreRead() {
        #expect(
            Self.read(Self.services, Self.srv)
                == .records(
                    [
                        .service(target: "one.example", port: 5070, priority: 10, weight: 60),
                        .service(target: "two.example", port: 5060, priority: 20, weight: 0),
                        .service(target: "", port: 0, priority: 0, weight: 0),
                    ], seconds: 20))
    }

    @Test func pointersAreReadAndPatternsAreNotForDomains() {
        #expect(
            Self.read(Self.pointers, Self.naptr)
                == .records(
                    [
                        .pointer(
                            order: 10, preference: 20, flags: "s", service: "SIPS+D2T",
                            replacement: "_sips._tcp.a.example")
                    ], seconds: 300))
    }

    @Test func addressesAreRead() {
        #expect(
            Self.read(Self.v4, Self.a)
                == .records(
                    [
                        .address(IPAddress(v4: 0xc000_0201)), .address(IPAddress(v4: 0xc000_0202)),
                    ], seconds: 300))
        #expect(
            Self.read(Self.v6, Self.aaaa)
                == .records(
                    [.address(IPAddress(high: 0x2001_0db8_0000_0000, low: 7))], seconds: 65_538))
    }

    @Test func recordsOfAnotherTypeAreNoAnswer() {
        #expect(Self.read(Self.v4, Self.aaaa) == .nothing(seconds: NameServers.nothingSeconds))
        #expect(
            Self.read(Self.answer(Self.a, []), Self.a)
                == .nothing(seconds: NameServers.nothingSeconds))
    }

    /// Each of them lacks a byte of what its type needs, or has one more.
    @Test(arguments: [
        (a, [192, 0, 2]), (a, [192, 0, 2, 1, 9]), (aaaa, [192, 0, 2, 1]), (srv, [0, 1, 0, 2, 0]),
        (naptr, [0, 1, 0, 2, 1, 0x73, 9, 0x53]), (naptr, [0, 1, 0, 2, 1, 0x73, 1, 0x53, 0]),
    ])
    func aRecordThatIsNotWholeSpoilsTheAnswer(_ type: CInt, _ data: [UInt8]) {
        #expect(
            Self.read(Self.answer(type, [Self.record(type, data)]), type)
                == .failure("the answer for a.example is not whole"))
    }

    @Test func whatIsCutOffAnywhereIsNoAnswer() {
        for (bytes, type) in [
            (Self.services, Self.srv), (Self.pointers, Self.naptr), (Self.v4, Self.a),
            (Self.v6, Self.aaaa),
        ] {
            for count in bytes.indices {
                #expect(
                    Self.read(Array(bytes[..<count]), type)
                        == .failure("the answer for a.example is not whole"), "\(count) bytes")
            }
        }
    }

    @Test func brokenAnswersNeverTrap() {
        var random = SeededGenerator(seed: 1035)
        var read = 0
        for _ in 0..<40_000 {
            let type = [Self.srv, Self.naptr, Self.a, Self.aaaa][Int(random.next() % 4)]
            var bytes =
                switch type {
                case Self.srv: Self.services
                case Self.naptr: Self.pointers
                case Self.a: Self.v4
                default: Self.v6
                }
            for _ in 0...random.next() % 4 {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch random.next() % 4 {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                // What pointers, lengths and counts are made of.
                case 1: bytes[place] = [0, 1, 12, 63, 64, 192, 255][Int(random.next() % 7)]
                case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
                default: bytes.remove(at: place)
                }
            }
            guard case .records(let records, let seconds) = Self.read(bytes, type) else { continue }
            read += 1
            #expect(seconds >= 0 && records.count <= 1000)
        }
        // The changes are mild enough that much is still read.
        #expect(read > 4_000 && read < 40_000)
    }
}
