import SIP
import Testing

@Suite struct MessageResponseTests {
    let source = Endpoint("203.0.113.9:1024")

    @Test func aResponseHasTheFieldsOfItsRequest() throws {
        let request = try Message(parsing: Sample.invite)
        let response = try Message(
            parsing: request.response(180, toTag: Array("us".utf8), source: source))
        #expect(response.status == 180)
        #expect(text(response.reasonPhrase) == "Ringing")
        #expect(response.value(.from) == request.value(.from))
        #expect(text(response.value(.to)) == "<sip:02088886666@pbx.example.com>;tag=us")
        #expect(response.callID == request.callID)
        #expect(response.value(.cseq) == request.value(.cseq))
        #expect(response.method == .invite)
        #expect(response.body.isEmpty)
    }

    @Test func theTopmostViaSaysWhereTheRequestCameFrom() throws {
        let request = try Message(parsing: Sample.invite)
        let response = try Message(parsing: request.response(200, source: source))
        #expect(
            text(response.value(.via))
                == "SIP/2.0/UDP 192.168.1.101:5060;branch=z9hG4bKPjd4f4a9b1"
                + ";received=203.0.113.9;rport=1024")
    }

    @Test func withoutRportOnlyAnotherAddressIsReceived() throws {
        let request = try Message(
            parsing: Sample.options(["Via": "SIP/2.0/UDP 192.0.2.1:5060 ;branch=z9hG4bK1"]))
        let moved = try Message(parsing: request.response(200, source: source))
        #expect(text(moved.topVia.received) == "203.0.113.9")
        #expect(moved.topVia.rport == .absent)
        let same = try Message(
            parsing: request.response(200, source: Endpoint("192.0.2.1:9999")))
        #expect(same.topVia.received == nil)
        let unknown = try Message(parsing: request.response(200, source: nil))
        #expect(unknown.value(.via) == request.value(.via))
    }

    @Test func whatTheSenderClaimsOfItsAddressIsReplaced() throws {
        let request = try Message(
            parsing: Sample.options([
                "Via":
                    "SIP/2.0/UDP a.example.com;received=10.1.1.1;rport=1;x=\"a,;b\";branch=z9hG4bK1"
            ]))
        let response = try Message(parsing: request.response(200, source: source))
        #expect(
            text(response.value(.via))
                == "SIP/2.0/UDP a.example.com;x=\"a,;b\";branch=z9hG4bK1"
                + ";received=203.0.113.9;rport=1024")
    }

    @Test func everyViaIsCopiedInOrder() throws {
        let request = try Message(
            parsing: Sample.options(
                ["Via": "SIP/2.0/UDP a;branch=z9hG4bK1 , SIP/2.0/UDP b;branch=z9hG4bK2"],
                more: ["v: SIP/2.0/TCP c;branch=z9hG4bK3"]))
        let response = try Message(parsing: request.response(200, source: source))
        let vias = response.elements(.via).compactMap { Via(parsing: $0) }
        #expect(vias.map { text($0.host) } == ["a", "b", "c"])
        #expect(vias.map { text($0.received) } == ["203.0.113.9", nil, nil])
    }

    @Test func anIPv6SourceIsReceivedWithoutBrackets() throws {
        let request = try Message(
            parsing: Sample.options(["Via": "SIP/2.0/UDP [2001:db8::2]:5060;rport;branch=z9hG4bK1"])
        )
        let response = try Message(
            parsing: request.response(200, source: Endpoint("[2001:db8::9]:5062")))
        #expect(text(response.topVia.received) == "2001:db8::9")
        #expect(response.topVia.rport == .port(5062))
    }

    @Test func aTagThatIsThereIsKept() throws {
        let request = try Message(parsing: Sample.options(["To": "<sip:b@example.com>;tag=2"]))
        let response = try Message(
            parsing: request.response(481, toTag: Array("us".utf8), source: nil))
        #expect(text(response.toTag) == "2")
    }

    @Test func recordRouteIsCopiedIntoResponsesThatFormADialog() throws {
        let request = try Message(parsing: Sample.options(more: ["Record-Route: <sip:p;lr>"]))
        let plain = try Message(parsing: request.response(200, source: nil))
        #expect(plain.value(.recordRoute) == nil)
        let forming = try Message(
            parsing: request.response(200, source: nil, dialogForming: true))
        #expect(text(forming.value(.recordRoute)) == "<sip:p;lr>")
    }

    @Test func aTryingCarriesTheTimestamp() throws {
        let request = try Message(parsing: Sample.options(more: ["Timestamp: 54"]))
        #expect(try Message(parsing: request.response(100, source: nil)).value(.timestamp) != nil)
        #expect(try Message(parsing: request.response(200, source: nil)).value(.timestamp) == nil)
    }

    @Test func moreFieldsAndABodyCanBeAdded() throws {
        let request = try Message(parsing: Sample.invite)
        let response = try Message(
            parsing: request.response(
                200, reason: "Fine", source: nil,
                extra: {
                    $0.field(.contact, "<sip:8002@10.0.0.1>")
                    $0.field(.allow, "INVITE, ACK")
                }, body: request.body, contentType: request.value(.contentType) ?? []))
        #expect(text(response.reasonPhrase) == "Fine")
        #expect(text(response.value(.contact)) == "<sip:8002@10.0.0.1>")
        #expect(response.body == request.body)
        #expect(text(response.value(.contentType)) == "application/sdp")
    }

    @Test func aBrokenRequestIsAnsweredWithWhatIsWrong() throws {
        let error = try #require(parseError(Sample.options(["CSeq": "x OPTIONS"])))
        let request = try #require(error.answerable)
        let response = request.response(error.status, reason: error.phrase, source: source)
        #expect(
            text(response).hasPrefix("SIP/2.0 400 Malformed CSeq\r\nVia: SIP/2.0/UDP 192.0.2.1"))
        #expect(text(response).contains("\r\nCSeq: x OPTIONS\r\n"))
    }

    @Test func theACKOfARefusalIsOfTheSameTransaction() throws {
        let bytes = text(Sample.invite).replacing(
            "Max-Forwards: 70",
            with: "v: SIP/2.0/UDP b;branch=z9hG4bK9\r\nMax-Forwards: 70\r\nRoute: <sip:p;lr>")
        let invite = try Message(bytes)
        let refusal = try Message(
            parsing: invite.response(486, toTag: Array("us".utf8), source: source))
        let ack = try Message(parsing: invite.ack(for: refusal))
        #expect(ack.method == .ack)
        #expect(ack.requestURI == invite.requestURI)
        #expect(ack.topVia.text == invite.topVia.text)
        #expect(Array(ack.values(.via)).count == 1)
        #expect(text(ack.value(.route)) == "<sip:p;lr>")
        #expect(ack.value(.from) == invite.value(.from))
        #expect(ack.value(.to) == refusal.value(.to))
        #expect(ack.callID == invite.callID)
        #expect(text(ack.value(.cseq)) == "20363 ACK")
        #expect(ack.maxForwards == 70)
    }

    @Test func theCANCELNamesTheINVITE() throws {
        let invite = try Message(parsing: Sample.invite)
        let cancel = try Message(
            parsing: invite.cancel {
                $0.field(.reason, "SIP;cause=200;text=\"Call completed elsewhere\"")
            })
        #expect(cancel.method == .cancel)
        #expect(cancel.requestURI == invite.requestURI)
        #expect(cancel.topVia.branch == invite.topVia.branch)
        #expect(cancel.value(.to) == invite.value(.to))
        #expect(text(cancel.value(.cseq)) == "20363 CANCEL")
        #expect(cancel.has(.reason))
    }
}
