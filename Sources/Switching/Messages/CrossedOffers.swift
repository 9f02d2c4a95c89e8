import SDP

// Two offers, each of which becomes the answer to the other: both sides have described what they take,
// and there is no media of ours between them.
//
// An offer is an answer already when it has the same streams and, for each, a codec of the other's
// (RFC 3264 §6). Payload types are each side's own, so codecs are compared by name, clock rate and
// channels. Two things in it are choices that an answer has to make, and are made here:
//
//   a=setup    who begins DTLS: an answer never says actpass (RFC 5763 §5, RFC 8842 §5.3)
//   a=crypto   one of the suites that were offered, under its tag there (RFC 4568 §5.1.2)

/// Two session descriptions, each in the form in which it answers the other.
struct CrossedOffers {
    /// What the writer of the first is answered: the second.
    let forFirst: [UInt8]
    /// What the writer of the second is answered: the first.
    let forSecond: [UInt8]

    /// nil where one of them is none, or they do not fit: other streams, a stream without a common codec
    /// or in which not both speak and hear, no key that both may use, or no audio at all.
    init?(_ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>) {
        guard let a = Self.read(first), let b = Self.read(second),
            a.media.count == b.media.count
        else { return nil }
        var choices: [Choice] = []
        var isAudible = false
        for index in a.media.indices {
            let mine = a.media[index]
            let theirs = b.media[index]
            guard mine.kind.elementsEqual(theirs.kind),
                mine.transport.elementsEqual(theirs.transport),
                mine.isRejected == theirs.isRejected
            else { return nil }
            guard !mine.isRejected else {
                choices.append(Choice())
                continue
            }
            guard mine.sharesFormat(with: theirs), mine.direction == .sendrecv,
                theirs.direction == .sendrecv, let choice = Choice(a, b, stream: index)
            else { return nil }
            choices.append(choice)
            isAudible = isAudible || mine.isAudio
        }
        guard isAudible else { return nil }
        forFirst = Self.rewritten(b, choices.map(\.ofSecond))
        forSecond = Self.rewritten(a, choices.map(\.ofFirst))
    }

    private static func read(_ body: ArraySlice<UInt8>) -> SessionDescription? {
        guard !body.isEmpty else { return nil }
        do throws(SDPError) {
            return try SessionDescription(parsing: body)
        } catch {
            // What cannot be read cannot be promised to anybody.
            return nil
        }
    }

    /// The attributes of a stream that take the place of all its `setup` and `crypto`.
    private typealias Attributes = [[UInt8]]

    /// What is chosen for one stream, on either side.
    private struct Choice {
        var ofFirst: Attributes = []
        var ofSecond: Attributes = []

        init() {}

        /// nil where nothing suits both.
        init?(_ a: SessionDescription, _ b: SessionDescription, stream index: Int) {
            let roles = (
                a.value(of: "setup", stream: index).map { Array($0) },
                b.value(of: "setup", stream: index).map { Array($0) }
            )
            if roles.0 != nil || roles.1 != nil {
                guard let mine = roles.0, let theirs = roles.1,
                    let isActive = Self.isFirstActive(mine, theirs)
                else { return nil }
                ofFirst.append(Self.setup(isActive: isActive))
                ofSecond.append(Self.setup(isActive: !isActive))
            }
            let keys = a.media[index].values(of: "crypto").compactMap { Key($0) }
            let others = b.media[index].values(of: "crypto").compactMap { Key($0) }
            guard !keys.isEmpty || !others.isEmpty else { return }
            for key in keys {
                guard let other = others.first(where: { $0.suite == key.suite }) else { continue }
                ofFirst.append(key.attribute(tag: other.tag))
                ofSecond.append(other.attribute(tag: key.tag))
                return
            }
            // In a profile that needs no key, keys are an offer that nobody has to take.
            if a.media[index].transport.firstRange(of: "SAVP".utf8) != nil { return nil }
        }

        private static func setup(isActive: Bool) -> [UInt8] {
            Array((isActive ? "setup:active" : "setup:passive").utf8)
        }

        /// Who begins; nil where both would, or neither (RFC 4145 §4.1).
        private static func isFirstActive(_ mine: [UInt8], _ theirs: [UInt8]) -> Bool? {
            switch (String(decoding: mine, as: UTF8.self), String(decoding: theirs, as: UTF8.self))
            {
            case ("active", "passive"), ("active", "actpass"), ("actpass", "passive"): return true
            case ("passive", "active"), ("passive", "actpass"), ("actpass", "active"),
                ("actpass", "actpass"):
                return false
            default: return nil
            }
        }
    }

    /// `1 AES_CM_128_HMAC_SHA1_80 inline:...`
    private struct Key {
        var tag: ArraySlice<UInt8>
        var suite: [UInt8]
        var rest: ArraySlice<UInt8>

        init?(_ value: ArraySlice<UInt8>) {
            let words = value.split(separator: UInt8(ascii: " "), maxSplits: 2)
            guard words.count == 3 else { return nil }
            tag = words[0]
            suite = Array(words[1])
            rest = words[2]
        }

        func attribute(tag: ArraySlice<UInt8>) -> [UInt8] {
            Array("crypto:".utf8) + tag + [0x20] + suite + [0x20] + rest
        }
    }

    /// The description with these attributes of each stream in place of those about DTLS and keys.
    private static func rewritten(
        _ description: SessionDescription, _ attributes: [Attributes]
    ) -> [UInt8] {
        let replaced = ["a=setup:", "a=crypto:"]
        var output: [UInt8] = []
        output.reserveCapacity(description.bytes.count + 64)
        var stream = -1
        func endStream() {
            guard stream >= 0 else { return }
            for attribute in attributes[stream] {
                output += Array("a=".utf8) + attribute + [0x0d, 0x0a]
            }
        }
        for line in description.bytes.split(whereSeparator: { $0 == 0x0d || $0 == 0x0a }) {
            if line.starts(with: "m=".utf8) {
                endStream()
                stream += 1
            }
            if replaced.contains(where: { line.starts(with: $0.utf8) }) { continue }
            output += line
            output += [0x0d, 0x0a]
        }
        endStream()
        return output
    }
}
