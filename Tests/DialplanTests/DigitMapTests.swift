@testable import Dialplan
import TestSupport
import Testing

/// The map as a gateway reads it, by its text alone.
@Suite struct DigitMapTests {
    /// RFC 3435 §2.1.5: what a gateway makes of keys.
    private struct Gateway {
        enum Verdict { case goesOn, sends, sendsAfterWaiting, never }

        private var entries: [[(keys: Set<Character>, repeats: Bool)]] = []
        private var waits: [Bool] = []

        init(_ text: String) {
            let inner = text.hasPrefix("(") ? String(text.dropFirst().dropLast()) : text
            for entry in inner.split(separator: "|") {
                var elements: [(keys: Set<Character>, repeats: Bool)] = []
                var isWaiting = false
                var rest = Array(entry)[...]
                while let letter = rest.popFirst() {
                    switch letter {
                    case "T": isWaiting = true
                    case "x": elements.append((Set("0123456789"), false))
                    case ".": elements[elements.count - 1].repeats = true
                    case "[":
                        var set: Set<Character> = []
                        while let inside = rest.popFirst(), inside != "]" {
                            if inside == "-", let high = rest.popFirst(), let low = set.max() {
                                for digit in "0123456789" where digit >= low && digit <= high {
                                    set.insert(digit)
                                }
                            } else {
                                set.insert(inside)
                            }
                        }
                        elements.append((set, false))
                    default: elements.append(([letter], false))
                    }
                }
                entries.append(elements)
                waits.append(isWaiting)
            }
        }

        func verdict(_ dialled: String) -> Verdict {
            var (isBegun, isWhole) = (false, false)
            for (entry, waits) in zip(entries, waits) {
                var places: Set<Int> = [0]
                func close() {
                    for place in places.sorted() {
                        var next = place
                        while next < entry.count, entry[next].repeats {
                            next += 1
                            places.insert(next)
                        }
                    }
                }
                close()
                for key in dialled {
                    var next: Set<Int> = []
                    for place in places where place < entry.count && entry[place].keys.contains(key)
                    {
                        next.insert(entry[place].repeats ? place : place + 1)
                    }
                    places = next
                    close()
                }
                if places.contains(entry.count) {
                    if !waits { return .sends }
                    isWhole = true
                }
                if !places.isEmpty { isBegun = true }
            }
            return isWhole ? .sendsAfterWaiting : isBegun ? .goesOn : .never
        }
    }

    @Test func theSampleMap() throws {
        let map = try compiled(sample).digitMap()
        #expect(
            map.text(.mgcp)
                == "(110|119|120T|122T|00[1-9]xxxxxxxx.T|0086xxx.T|0[1-9]xxxxxxxxxx.T|"
                + "0311[19]xxx.T|1[02]xxx|1[3-9]xxxxxxxxxT|179xxxx.T|[2-8]xxxxxxx|8[0-7]xxT|"
                + "9[56]xxx)")
        #expect(map.text(.common) == String(map.text(.mgcp).dropFirst().dropLast()))
    }

    @Test(
        "every number that can be dialled comes to its end and is not cut short",
        arguments: [0, 200, 400, 2048, 100_000], 0..<3)
    func neverCutShort(limit: Int, seed: Int) throws {
        let plan = try compiled(sample)
        let gateway = Gateway(plan.digitMap(limit: limit).text(.mgcp))
        var generator = SeededGenerator(seed: UInt64(seed))
        var count = 0
        let patterns = plan.tables.coveredPatterns
        for _ in 0..<400 {
            let pattern = patterns.randomElement(using: &generator)!.looped
            var number = ""
            for set in pattern.keys {
                let key = (UInt8(0)..<12).filter(set.contains).randomElement(using: &generator)!
                number += String(decoding: [byte(of: key)], as: UTF8.self)
            }
            if pattern.end == .zeroOrMore {
                for _ in 0..<Int.random(in: 0...6, using: &generator) {
                    number += String(Int.random(in: 0...9, using: &generator))
                }
            }
            for end in 1..<number.count {
                let verdict = gateway.verdict(String(number.prefix(end)))
                #expect(verdict != .sends && verdict != .never, "\(number) is cut at \(end)")
            }
            let verdict = gateway.verdict(number)
            #expect(verdict == .sends || verdict == .sendsAfterWaiting, "\(number)")
            count += 1
        }
        #expect(count == 400)
    }

    @Test func featureCodesAndShortCodesAreInTheMap() throws {
        let plan = try compiled(
            sample + """

                short *901 -> 02088886666
                feature forward-busy on *40*{number} off #40
                feature pickup *8
                feature pickup-extension *8{extension}
                feature lock on *33 off #33*{pin}
                feature call-by-pin *{pin}*{number}
                feature balance *10
                """)
        let gateway = Gateway(plan.digitMap().text(.mgcp))
        let codes = [
            "*901", "*40*02088886666", "*40*8200", "#40", "*8", "*88100", "*33", "#33*1234",
            "#33*12345678", "*1234*02088886666", "*10",
        ]
        for code in codes {
            for end in 1..<code.count {
                let verdict = gateway.verdict(String(code.prefix(end)))
                #expect(verdict != .sends && verdict != .never, "\(code) is cut at \(end)")
            }
            let verdict = gateway.verdict(code)
            #expect(verdict == .sends || verdict == .sendsAfterWaiting, "\(code)")
        }
        #expect(gateway.verdict("#40") == .sends)
        #expect(gateway.verdict("*8") == .sendsAfterWaiting)
    }

    @Test func manyNumbersMakeAShortMap() throws {
        let prefixes = (0..<3000).map { "1\(3 + $0 % 7)\(10000 + $0 * 7)XXXX" }
        let plan = try compiled(
            sample.split(separator: "\n").filter { !$0.contains("179XX") }.joined(separator: "\n")
                + "\nclass near \(prefixes.joined(separator: " "))\nroute near via line\n"
                + "level other may near\n")
        let map = plan.digitMap(limit: 2048)
        #expect(map.text(.mgcp).utf8.count <= 2048)
        let gateway = Gateway(map.text(.common))
        for prefix in prefixes.prefix(200) {
            let number = prefix.split(separator: "X")[0] + "1234"
            #expect(gateway.verdict(String(number.dropLast())) == .goesOn)
            #expect(gateway.verdict(String(number)) != .goesOn)
        }
    }
}
