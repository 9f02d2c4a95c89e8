import SIP

/// A session description (RFC 4566), read as far as a switch has to: who offers which media where,
/// in which direction, and whose name stands on it.
///
/// A view over the body's bytes: lines that are not needed are only looked at for their shape, and
/// go through `replacingOrigin` untouched. Time is linear in the
/// length.
public struct SessionDescription: Sendable {
    public let bytes: ArraySlice<UInt8>
    public private(set) var origin: Origin
    /// The session's `c=` line.
    public private(set) var connection: Connection?
    public private(set) var media: [Media]
    /// The values of the session's own `a=` lines.
    public private(set) var attributes: [ArraySlice<UInt8>] = []
    private var originLine: Range<Int>

    /// Reads a body of type `application/sdp`. Lines may end in CRLF or LF, the last one in
    /// nothing.
    ///
    /// - Throws: `SDPError` for what `SDPError.Reason` lists. Unknown lines and attributes pass.
    public init(parsing bytes: ArraySlice<UInt8>) throws(SDPError) {
        self.bytes = bytes
        guard bytes.count <= SDPLimits.bytes else { throw SDPError(.tooLong, at: 0) }
        var origin: (value: Origin, line: Range<Int>)?
        var sessionDirection: MediaDirection?
        connection = nil
        media = []
        var ownDirections: [MediaDirection?] = []
        var lines = Lines(bytes)
        guard let first = lines.next(), bytes[first].elementsEqual("v=0".utf8) else {
            throw SDPError(.unknownVersion, at: 0)
        }
        while let line = lines.next() {
            let offset = line.lowerBound - bytes.startIndex
            if line.isEmpty {
                // Some writers end with an empty line.
                guard lines.isAtEnd else { throw SDPError(.malformedLine, at: offset) }
                continue
            }
            guard line.count >= 2, bytes[line.lowerBound + 1] == UInt8(ascii: "=") else {
                throw SDPError(.malformedLine, at: offset)
            }
            let value = bytes[(line.lowerBound + 2)..<line.upperBound]
            switch bytes[line.lowerBound] {
            case UInt8(ascii: "o"):
                guard origin == nil, media.isEmpty, let read = Origin(value: value) else {
                    throw SDPError(.malformedOrigin, at: offset)
                }
                origin = (read, line)
            case UInt8(ascii: "c"):
                guard let read = Connection(value: value) else {
                    throw SDPError(.malformedConnection, at: offset)
                }
                if media.isEmpty {
                    connection = read
                } else {
                    media[media.count - 1].connection = read
                }
            case UInt8(ascii: "m"):
                guard media.count < SDPLimits.media else {
                    throw SDPError(.tooManyMedia, at: offset)
                }
                guard let read = Media(value: value) else {
                    throw SDPError(.malformedMedia, at: offset)
                }
                media.append(read)
                ownDirections.append(nil)
            case UInt8(ascii: "a"):
                if media.isEmpty {
                    attributes.append(value)
                } else {
                    media[media.count - 1].attributes.append(value)
                }
                guard let direction = MediaDirection(attribute: value) else { continue }
                if media.isEmpty {
                    sessionDirection = direction
                } else {
                    ownDirections[media.count - 1] = direction
                }
            case UInt8(ascii: "a")...UInt8(ascii: "z"):
                continue
            default:
                throw SDPError(.malformedLine, at: offset)
            }
        }
        guard let origin else { throw SDPError(.malformedOrigin, at: 0) }
        self.origin = origin.value
        originLine = origin.line
        for index in media.indices {
            media[index].direction = ownDirections[index] ?? sessionDirection ?? .sendrecv
            if media[index].connection == nil { media[index].connection = connection }
        }
    }

    /// The first audio stream that is not refused.
    public var firstAudio: Media? { media.first { $0.isAudio && !$0.isRejected } }

    /// The direction of `firstAudio`; `nil` when there is none.
    public var directionOfFirstAudio: MediaDirection? { firstAudio?.direction }

    /// What an attribute says of one of the streams: its own, or else the session's (RFC 4566 §5.13);
    /// `nil` when there is none.
    public func value(of attribute: StaticString, stream index: Int) -> ArraySlice<UInt8>? {
        media[index].values(of: attribute).first
            ?? attributes.lazy.compactMap { attributeValue(of: $0, named: attribute) }.first
    }

    /// The same description with another `o=` line, so that the peer does not learn who wrote it.
    /// All other bytes stay. One allocation.
    ///
    /// A leg keeps the same session id, and its version must rise with each change (RFC 3264 §8).
    public func replacingOrigin(with origin: Origin) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + 64)
        output.append(contentsOf: bytes[..<originLine.lowerBound])
        origin.append(to: &output)
        output.append(contentsOf: bytes[originLine.upperBound...])
        return output
    }
}
