import Foundation
import SIP
import TestSupport
import Testing

/// Broken input from a seed: nothing may trap, whatever is read.
///
/// `TANDEM_FUZZ` is how many mutated messages a run has where it is set; then it is printed too how
/// much memory the process has at a tenth of them and at the end.
@Suite struct FuzzTests {

    private static let parts = 4
    static let inputs: Int? = ProcessInfo.processInfo.environment["TANDEM_FUZZ"].flatMap {
        Int($0.filter { $0 != "_" })
    }

    /// What the kernel says that this process holds in memory.
    static func residentKilobytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 4 } ?? 0
    }

    static let delicate: [UInt8] = Array(" \t\r\n:;,<>\"\\=@?%[]/&09-".utf8) + [0, 127, 128, 255]

    /// One to four changes: a byte set, removed, doubled, a piece moved, cut or filled.
    static func mutate(_ bytes: [UInt8], with other: [UInt8], _ random: inout SeededGenerator)
        -> [UInt8]
    {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, place + Int.random(in: 1...24, using: &random))
            switch Int.random(in: 0..<20, using: &random) {
            case 0...3: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 4...9: bytes[place] = delicate.randomElement(using: &random) ?? 0
            case 10...12: bytes.insert(delicate.randomElement(using: &random) ?? 0, at: place)
            case 13...15: bytes.removeSubrange(place..<end)
            case 16, 17: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 18:
                let from = Int.random(in: 0..<other.count, using: &random)
                bytes.insert(contentsOf: other[from...].prefix(40), at: place)
            default: bytes.removeSubrange(place...)
            }
        }
        return bytes
    }

    @Test(arguments: 0..<parts)
    func mutatedMessagesNeverTrap(_ part: Int) throws {
        let count = Self.inputs.map { $0 / Self.parts } ?? 6_000
        var random = SeededGenerator(seed: 0x7a4d_e700 + UInt64(part))
        var seeds = try Sample.tortureNames.map { try Sample.torture($0) }.filter {
            $0.count < 1200
        }
        seeds += [Sample.invite, Sample.ringing, Sample.options()]
        var readCount = 0
        var early = 0
        for number in 0..<count {
            if number == count / 10 { early = try Self.residentKilobytes() }
            let seed = seeds.randomElement(using: &random) ?? []
            let other = seeds.randomElement(using: &random) ?? []
            let bytes = Self.mutate(seed, with: other, &random)
            exercise(bytes)
            if parseError(bytes) == nil { readCount += 1 }
        }
        // The mutations are mild enough that much is still read, and exercised all the way down.
        #expect(readCount > count / 10)
        #expect(readCount < count)
        guard Self.inputs != nil else { return }
        let late = try Self.residentKilobytes()
        print(
            "part \(part): \(count) messages, \(readCount) read, \(early) kB, at the end \(late) kB"
        )
        #expect(late - early < 32_768, "it grows")
    }

    @Test func noiseNeverTraps() {
        var random = SeededGenerator(seed: 42)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0..<120, using: &random)
            let bytes = (0..<count).map { _ in
                Bool.random(using: &random)
                    ? Self.delicate.randomElement(using: &random) ?? 0
                    : UInt8.random(in: 0x61...0x66, using: &random)
            }
            exercise(bytes)
            let slice = bytes[...]
            _ = NameAddr(parsing: slice)?.displayName
            _ = URI(parsing: slice)?.addressOfRecord
            _ = Via(parsing: slice)?.rport
            _ = Parameters(slice, separator: 0x2c).map(\.unescaped)
            _ = Array(Elements(slice))
            _ = Endpoint(parsing: slice)
            let header = Array("SIP:a@".utf8) + bytes
            _ = URI(parsing: header[...]).map { ($0 == $0, $0.telephoneNumber) }
            #expect(Message.reads(bytes) == false)
        }
    }

    @Test func whatIsReadHoldsNoLineEnd() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<5_000 {
            let bytes = Self.mutate(
                try Sample.torture("wsinv"), with: Sample.invite, &random)
            guard Message.reads(bytes) else { continue }
            let message = try Message(parsing: bytes)
            for field in message.fields {
                #expect(!field.value.contains { $0 == 13 || $0 == 10 })
            }
        }
    }
}

extension Message {
    static func reads(_ bytes: [UInt8]) -> Bool { parseError(bytes) == nil }
}
