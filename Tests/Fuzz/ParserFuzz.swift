// What libFuzzer calls with whatever it has thought of: the parser, the framer and all that is read out
// of a message on demand. Compiled into one module with Sources/SIP by `run`.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzParser(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    ParserFuzz.read(bytes)
    ParserFuzz.cut(bytes)
    ParserFuzz.readParts(bytes[...])
    return 0
}

enum ParserFuzz {
    /// As a datagram, all the way down.
    static func read(_ bytes: [UInt8]) {
        let message: Message
        do throws(ParseError) {
            message = try Message(parsing: bytes)
        } catch {
            _ = error.description
            guard let answerable = error.answerable else { return }
            _ = answerable.response(
                error.status, reason: error.phrase, toTag: [0x61],
                source: Endpoint(ip: IPAddress(v4: 0xc000_0207), port: 5060))
            return
        }
        for field in message.fields {
            precondition(!field.value.contains { $0 == 13 || $0 == 10 }, "a line end in a field")
            _ = NameAddr(parsing: field.value).map { [$0.displayName, $0.uriView?.userUnescaped] }
            _ = Via(parsing: field.value)?.rport
            _ = Parameters(field.value).map(\.unescaped)
            _ = message.elements(field.name)
            _ = message.number(field.name)
        }
        _ = URI(parsing: message.requestURI)?.addressOfRecord
        for name in [HeaderName.authorization, .proxyAuthorization] {
            _ = message.value(name).map { DigestCredentials(parsing: $0) }
        }
        for name in [HeaderName.wwwAuthenticate, .proxyAuthenticate] {
            for value in message.values(name) { _ = DigestChallenge(parsing: value) }
        }
        guard message.isRequest else { return }
        // What is made of a message that was read can be read.
        let answer = message.response(
            200, toTag: [0x61], source: Endpoint(ip: IPAddress(v4: 0xc000_0207), port: 5060),
            dialogForming: true)
        precondition(reads(answer), "our answer is no SIP")
        if message.method == .invite {
            precondition(reads(message.cancel()), "our CANCEL is no SIP")
            _ = Dialog(request: message, localTag: [0x61])
        }
    }

    private static func reads(_ bytes: [UInt8]) -> Bool {
        do throws(ParseError) {
            _ = try Message(parsing: bytes)
            return true
        } catch {
            // What was long already has grown beyond what is read.
            return error.reason == .tooLarge || error.reason == .tooManyFields
        }
    }

    /// As a stream, in one piece and in two: the same comes out.
    static func cut(_ bytes: [UInt8]) {
        let place = bytes.count < 2 ? 0 : (Int(bytes[0]) << 8 | Int(bytes[1])) % bytes.count
        precondition(
            messages([bytes[...]]) == messages([bytes[..<place], bytes[place...]]),
            "torn at \(place) it is another")
    }

    private static func messages(_ pieces: [ArraySlice<UInt8>]) -> [[UInt8]] {
        var framer = MessageFramer()
        var found: [[UInt8]] = []
        for piece in pieces {
            framer.append(piece)
            reading: while true {
                switch framer.next() {
                case .needsMore: break reading
                case .ping: continue
                case .message(let message): found.append(message)
                case .malformed(let reason, _): return found + [Array("\(reason)".utf8)]
                }
            }
        }
        return found
    }

    /// As what stands in a field.
    static func readParts(_ slice: ArraySlice<UInt8>) {
        _ = NameAddr(parsing: slice)?.displayName
        _ = URI(parsing: slice).map { ($0 == $0, $0.addressOfRecord, $0.telephoneNumber) }
        _ = Via(parsing: slice)?.rport
        _ = Parameters(slice, separator: 0x2c).map(\.unescaped)
        _ = Array(Elements(slice))
        _ = Endpoint(parsing: slice)
        _ = IPAddress(parsing: slice)
        _ = DigestCredentials(parsing: slice)
        _ = DigestChallenge(parsing: slice)
    }
}
