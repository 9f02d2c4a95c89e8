/// What a payload type of an RTP stream stands for: `PCMA/8000`, `opus/48000/2` (RFC 4566 §6, `rtpmap`).
///
/// The number itself says nothing from 96 on: each writer gives its own (RFC 3551 §3).
public struct RTPEncoding: Hashable, Sendable {
    /// In lower case, since names compare without it (RFC 4855 §3).
    public var name: [UInt8]
    /// In Hz.
    public var clockRate: UInt32
    /// 1 where none are written.
    public var channels: UInt32

    /// The value of `rtpmap` behind the payload type: `opus/48000/2`; `nil` when it is none.
    init?(value: ArraySlice<UInt8>) {
        let parts = value.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), !parts[0].isEmpty,
            let clockRate = decimal(parts[1]).flatMap({ UInt32(exactly: $0) })
        else { return nil }
        let channels = parts.count == 3 ? decimal(parts[2]).flatMap { UInt32(exactly: $0) } : 1
        guard let channels else { return nil }
        name = parts[0].map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
        self.clockRate = clockRate
        self.channels = channels
    }

    /// What a payload type below 96 stands for where nothing is said of it (RFC 3551 §6); `nil` of one
    /// that is not assigned.
    static func fixed(_ payloadType: UInt64) -> RTPEncoding? {
        let text: StaticString
        switch payloadType {
        case 0: text = "pcmu/8000"
        case 3: text = "gsm/8000"
        case 4: text = "g723/8000"
        case 5: text = "dvi4/8000"
        case 6: text = "dvi4/16000"
        case 7: text = "lpc/8000"
        case 8: text = "pcma/8000"
        case 9: text = "g722/8000"
        case 10: text = "l16/44100/2"
        case 11: text = "l16/44100"
        case 12: text = "qcelp/8000"
        case 13: text = "cn/8000"
        case 14: text = "mpa/90000"
        case 15: text = "g728/8000"
        case 16: text = "dvi4/11025"
        case 17: text = "dvi4/22050"
        case 18: text = "g729/8000"
        case 25: text = "celb/90000"
        case 26: text = "jpeg/90000"
        case 28: text = "nv/90000"
        case 31: text = "h261/90000"
        case 32: text = "mpv/90000"
        case 33: text = "mp2t/90000"
        case 34: text = "h263/90000"
        default: return nil
        }
        return RTPEncoding(value: text.withUTF8Buffer { Array($0) }[...])
    }

    /// Whether it only goes beside another one: keys (RFC 4733), silence (RFC 3389), what repairs losses
    /// (RFC 2198, 4588, 5109, 8627). Nobody hears or sees anything of it alone.
    public var isAuxiliary: Bool {
        Self.auxiliary.contains { $0.isEqual(to: name[...]) }
    }

    private static let auxiliary: [StaticString] = [
        "telephone-event", "tone", "cn", "red", "rtx", "ulpfec", "parityfec", "flexfec",
    ]
}

extension Media {
    /// Whether it is a stream of RTP, so that `formats` are payload types.
    public var isRTP: Bool {
        transport.firstRange(of: "RTP/".utf8) != nil
    }

    /// What each of the formats stands for here, in their order; `nil` where nothing says so, or the
    /// first `rtpmap` of it says what is none. Time is linear in the stream.
    public var encodings: [RTPEncoding?] {
        var mapped: [UInt64: RTPEncoding?] = [:]
        for value in values(of: "rtpmap") {
            var rest = value
            guard let number = takeWord(&rest).flatMap({ decimal($0) }), mapped[number] == nil
            else { continue }
            mapped.updateValue(takeWord(&rest).flatMap { RTPEncoding(value: $0) }, forKey: number)
        }
        return formats.split(separator: UInt8(ascii: " ")).map { format in
            decimal(format).flatMap { mapped[$0] ?? RTPEncoding.fixed($0) }
        }
    }

    /// Whether either side understands something that the other sends: of RTP an encoding that is no
    /// mere addition, by whatever numbers; otherwise a format.
    ///
    /// What `fmtp` says is not compared.
    public func sharesFormat(with other: Media) -> Bool {
        guard isRTP, other.isRTP else {
            let mine = Set(formats.split(separator: UInt8(ascii: " ")))
            return other.formats.split(separator: UInt8(ascii: " ")).contains { mine.contains($0) }
        }
        let mine = Set(encodings.compactMap { $0 })
        return other.encodings.contains { $0.map { !$0.isAuxiliary && mine.contains($0) } ?? false }
    }
}
