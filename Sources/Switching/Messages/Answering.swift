// Answers to an offer for which there is nobody at the other end. There is no media of ours, so nothing
// of an offer is understood beyond its lines: each stream is there again, in the same order (RFC 3264
// §6).

extension Switch {
    /// An answer that takes no stream of an offer.
    static func refusal(of offer: ArraySlice<UInt8>) -> [UInt8] {
        answer(to: offer) { _ in 0 }
    }

    /// An answer that takes every stream and lets nothing flow in it, for a side that waits. A stream
    /// whose keys would have to be agreed is refused.
    static func holding(_ offer: ArraySlice<UInt8>) -> [UInt8] {
        answer(to: offer) { transport in
            transport.elementsEqual("RTP/AVP".utf8) || transport.elementsEqual("RTP/AVPF".utf8)
                ? discardPort : 0
        }
    }

    /// RFC 863: where the streams of somebody who waits would go.
    private static let discardPort = 9
    /// Attributes that describe formats; all others are the offerer's own.
    private static let keptAttributes = [
        "a=rtpmap:", "a=fmtp:", "a=ptime:", "a=maxptime:", "a=mid:",
    ]

    /// - Parameter port: of a stream, by its transport; zero refuses it.
    private static func answer(
        to offer: ArraySlice<UInt8>, port: (ArraySlice<UInt8>) -> Int
    ) -> [UInt8] {
        var lines: [[UInt8]] = []
        var isInStream = false
        var isTaken = false
        func endStream() {
            if isInStream, isTaken { lines.append(Array("a=inactive".utf8)) }
        }
        for line in offer.split(whereSeparator: { $0 == 0x0d || $0 == 0x0a }) {
            if line.starts(with: "m=".utf8) {
                endStream()
                isInStream = true
                var words = line.split(separator: UInt8(ascii: " "), maxSplits: 3)
                let wanted = words.count == 4 && !words[1].elementsEqual("0".utf8)
                let number = wanted ? port(words[2]) : 0
                isTaken = number > 0
                if words.count > 1 { words[1] = Array(String(number).utf8)[...] }
                lines.append(Array(words.joined(separator: [UInt8(ascii: " ")])))
            } else if line.starts(with: "a=".utf8) {
                let isKept = keptAttributes.contains { line.starts(with: $0.utf8) }
                if isInStream, isTaken, isKept { lines.append(Array(line)) }
            } else if !isInStream || line.starts(with: "c=".utf8) {
                lines.append(Array(line))
            }
        }
        endStream()
        return Array(lines.joined(separator: [0x0d, 0x0a])) + [0x0d, 0x0a]
    }
}
