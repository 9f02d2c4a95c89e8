import Testing

@testable import SIP

/// STUN messages, by the test vectors of RFC 5769 and by what is broken.
@Suite struct STUNMessageTests {
    static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.filter(\.isHexDigit).map { UInt8($0.hexDigitValue ?? 0) }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// RFC 5769 §2.1, from an agent of ICE.
    static let request = bytes(
        """
        000100582112a442b7e7a701bc34d686fa87dfae 802200105354554e207465737420636c69656e74
        002400046e0001ff 80290008932ff9b151263b36 000600096576746a3a68367659202020
        000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 80280004e57a3bcf
        """)
    /// RFC 5769 §2.2.
    static let answerV4 = bytes(
        """
        0101003c2112a442b7e7a701bc34d686fa87dfae 8022000b7465737420766563746f7220
        002000080001a147e112a643 000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7
        80280004c07d4c96
        """)
    /// RFC 5769 §2.3.
    static let answerV6 = bytes(
        """
        010100482112a442b7e7a701bc34d686fa87dfae 8022000b7465737420766563746f7220
        002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9
        00080014a382954e4be67bf11784c97c8292c275bfe3ed41 80280004c8fb0b4c
        """)
    /// RFC 5769 §2.4, with long-term credentials and no FINGERPRINT.
    static let signedRequest = bytes(
        """
        000100602112a44278ad3433c6ad72c029da412e
        00060012e3839ee38388e383aae38383e382afe382b90000
        0015001c662f2f3439396b3935346436 4f4c33346f4c394653547679363473 41
        0014000b6578616d706c652e6f726700 00080014f67024656dd64a3e02b8e0712e85c9a28ca89666
        """)
    /// Nothing but a header.
    static let plain = bytes("000100002112a442b7e7a701bc34d686fa87dfae")

    static let id = STUNMessage.TransactionID(high: 0xb7e7_a701, low: 0xbc34_d686_fa87_dfae)
    static let v4 = Endpoint(ip: IPAddress(v4: 0xc000_0201), port: 32_853)
    static let v6 = Endpoint(
        ip: IPAddress(high: 0x2001_0db8_1234_5678, low: 0x0011_2233_4455_6677), port: 32_853)

    private func failure(_ bytes: [UInt8]) -> STUNMessage.ParseError? {
        do throws(STUNMessage.ParseError) {
            _ = try STUNMessage(parsing: bytes)
            return nil
        } catch {
            return error
        }
    }

    // MARK: Reading

    @Test func theVectorsOfRFC5769AreRead() throws {
        let request = try STUNMessage(parsing: Self.request)
        #expect(request.messageClass == .request && request.method == STUNMessage.binding)
        #expect(request.transactionID == Self.id && request.hasFingerprint)
        // PRIORITY is of ICE; SOFTWARE and ICE-CONTROLLED need not be understood.
        #expect(request.unknownAttributes == [0x0024] && request.mappedAddress == nil)

        let v4 = try STUNMessage(parsing: Self.answerV4)
        #expect(v4.messageClass == .success && v4.hasFingerprint && v4.mappedAddress == Self.v4)
        let v6 = try STUNMessage(parsing: Self.answerV6)
        #expect(v6.messageClass == .success && v6.hasFingerprint && v6.mappedAddress == Self.v6)

        let signed = try STUNMessage(parsing: Self.signedRequest)
        #expect(signed.messageClass == .request && !signed.hasFingerprint)
        #expect(signed.unknownAttributes == [])
    }

    @Test(arguments: [
        ("0001", STUNMessage.Class.request, 1), ("0011", .indication, 1), ("0101", .success, 1),
        ("0111", .error, 1), ("0003", .request, 3), ("3eef", .request, 0xfff),
    ])
    func classAndMethodAreTakenApart(
        type: String, messageClass: STUNMessage.Class, method: Int
    ) throws {
        let message = try STUNMessage(
            parsing: Self.bytes(type + "00002112a442b7e7a701bc34d686fa87dfae"))
        #expect(message.messageClass == messageClass && Int(message.method) == method)
    }

    @Test func eachWrongByteOfASignedMessageIsFound() throws {
        for vector in [Self.request, Self.answerV4, Self.answerV6] {
            for place in vector.indices {
                var broken = vector
                broken[place] ^= 0x10
                if vector.count - 8..<vector.count - 6 ~= place {
                    // The type of FINGERPRINT itself: what is there now is nothing to look at.
                    #expect(try STUNMessage(parsing: broken).hasFingerprint == false)
                } else {
                    #expect(failure(broken) != nil, "byte \(place)")
                }
            }
        }
    }

    @Test func whatIsCutOffOrLongerIsNoMessage() {
        for vector in [Self.request, Self.plain, Self.signedRequest] {
            for count in vector.indices {
                #expect(failure(Array(vector[..<count])) != nil, "\(count) bytes")
            }
            #expect(failure(vector + [0, 0, 0, 0]) == .length)
        }
    }

    @Test func whatIsBrokenIsSaid() {
        func message(_ attributes: String) -> [UInt8] {
            let value = Self.bytes(attributes)
            var bytes = Self.plain
            bytes[2] = UInt8(value.count >> 8)
            bytes[3] = UInt8(value.count & 0xff)
            return bytes + value
        }
        #expect(failure(message("")) == nil)
        // RFC 3489 had no cookie.
        #expect(failure(Self.bytes("0001000000000000b7e7a701bc34d686fa87dfae")) == .cookie)
        #expect(failure(message("80220005 41424344")) == .attribute)
        #expect(failure(message("0020000800032147e112a643")) == .attribute)
        #expect(failure(message("002000040001a147")) == .attribute)
        // Nothing stands behind a FINGERPRINT.
        let fingerprint = STUNMessage.fingerprint(of: message("8028000400000000 80220000")[..<20])
        let text = String(fingerprint, radix: 16)
        let padded = String(repeating: "0", count: 8 - text.count) + text
        #expect(failure(message("80280004\(padded) 80220000")) == .fingerprint)
        #expect(failure(message(String(repeating: "80220000", count: 32))) == nil)
        #expect(failure(message(String(repeating: "80220000", count: 33))) == .crowded)
    }

    @Test func whatStandsBehindTheSignatureIsNotLookedAt() throws {
        // Attribute 0x0024 behind MESSAGE-INTEGRITY.
        var bytes = Self.signedRequest + Self.bytes("002400046e0001ff")
        bytes[3] += 8
        #expect(try STUNMessage(parsing: bytes).unknownAttributes == [])
    }

    @Test func itIsToldApartFromWhatElseComesToAPortOfSIP() {
        #expect(STUNMessage.isMeant(by: Self.plain))
        #expect(!STUNMessage.isMeant(by: [0, 1, 0, 0]))
        for text in ["INVITE sip:a@b SIP/2.0", "SIP/2.0 200 OK", "\r\n\r\nOPTIONS", "\n", ""] {
            #expect(!STUNMessage.isMeant(by: Array(text.utf8)), "\(text)")
        }
    }

    // MARK: Answering

    @Test(arguments: [v4, v6])
    func aBindingRequestIsToldWhereItCameFrom(source: Endpoint) throws {
        let bytes = try #require(try STUNMessage(parsing: Self.plain).answer(to: source))
        let answer = try STUNMessage(parsing: bytes)
        #expect(answer.messageClass == .success && answer.method == STUNMessage.binding)
        #expect(answer.transactionID == Self.id && answer.mappedAddress == source)
        #expect(!answer.hasFingerprint && bytes.count == (source.ip.isV4 ? 32 : 44))
        // The attribute of the vectors, byte by byte.
        let vector = source.ip.isV4 ? Self.answerV4 : Self.answerV6
        #expect(bytes.dropFirst(20).elementsEqual(vector[36..<(36 + bytes.count - 20)]))
    }

    @Test func oneThatHadAFingerprintIsAnsweredWithOne() throws {
        var asked = STUNMessage.Writer(type: 1, transactionID: Self.id)
        asked.attribute(0x8022, Array("phone".utf8))
        let request = try STUNMessage(parsing: asked.finish(withFingerprint: true))
        #expect(request.hasFingerprint)
        let answer = try STUNMessage(parsing: try #require(request.answer(to: Self.v4)))
        #expect(answer.hasFingerprint && answer.mappedAddress == Self.v4)
    }

    @Test func whatHasToBeUnderstoodAndIsNotIsNamed() throws {
        let bytes = try #require(try STUNMessage(parsing: Self.request).answer(to: Self.v4))
        let answer = try STUNMessage(parsing: bytes)
        #expect(answer.messageClass == .error && answer.hasFingerprint)
        #expect(
            bytes[20..<36].elementsEqual(Self.bytes("0009000400000414 000a000200240000")))
    }

    @Test func anAnswerIsHardlyLongerThanItsRequest() throws {
        for unknown in 0...31 {
            var asked = STUNMessage.Writer(type: 1, transactionID: Self.id)
            for number in 0..<unknown { asked.attribute(UInt16(0x7000 + number), []) }
            let request = asked.finish(withFingerprint: false)
            for source in [Self.v4, Self.v6] {
                let answer = try #require(try STUNMessage(parsing: request).answer(to: source))
                #expect(answer.count <= request.count + 32)
                #expect(try STUNMessage(parsing: answer).transactionID == Self.id)
            }
        }
    }

    @Test(arguments: ["0011", "0101", "0111", "0003"])
    func indicationsAnswersAndOtherMethodsHaveNoAnswer(type: String) throws {
        let bytes = Self.bytes(type + "00002112a442b7e7a701bc34d686fa87dfae")
        #expect(try STUNMessage(parsing: bytes).answer(to: Self.v4) == nil)
    }
}
