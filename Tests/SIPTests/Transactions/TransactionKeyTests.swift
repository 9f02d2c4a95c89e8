import SIP
import Testing

@Suite struct TransactionKeyTests {
    private func server(
        _ method: String, via: String = "SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776",
        uri: String = "sip:bob@biloxi.com", cseq: Int = 1, to: String = "<sip:bob@biloxi.com>",
        from: String = "<sip:alice@atlanta.com>;tag=1"
    ) throws -> Message {
        try MachineFixture.message(
            MachineFixture.request(
                "\(method) \(uri) SIP/2.0", "\(cseq) \(method)", via: via, from: from, to: to))
    }

    @Test func aRetransmissionHasTheKeyOfItsRequest() throws {
        let invite = try server("INVITE")
        #expect(TransactionKey(server: invite) == TransactionKey(server: invite))
        #expect(
            try TransactionKey(server: invite)
                == TransactionKey(
                    server: server(
                        "INVITE", via: "SIP/2.0/UDP PC33.Atlanta.com;rport;branch=z9hG4bK776")))
    }

    @Test func anAckHasTheKeyOfItsInvite() throws {
        #expect(
            try TransactionKey(server: server("ACK", to: "<sip:bob@biloxi.com>;tag=9"))
                == TransactionKey(server: server("INVITE")))
    }

    @Test func aCancelHasAKeyOfItsOwnAndNamesItsInvite() throws {
        let cancel = try server("CANCEL")
        let invite = try TransactionKey(server: server("INVITE"))
        #expect(TransactionKey(server: cancel) != invite)
        #expect(TransactionKey(canceledBy: cancel) == invite)
    }

    @Test(arguments: [
        "SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK777",
        "SIP/2.0/UDP pc34.atlanta.com;branch=z9hG4bK776",
        "SIP/2.0/UDP pc33.atlanta.com:5061;branch=z9hG4bK776",
    ]) func anotherBranchOrSenderIsAnotherTransaction(_ via: String) throws {
        #expect(
            try TransactionKey(server: server("INVITE"))
                != TransactionKey(server: server("INVITE", via: via)))
    }

    @Test func anotherMethodIsAnotherTransaction() throws {
        let methods = ["INVITE", "BYE", "OPTIONS", "FOO", "BAR"]
        let keys = try methods.map { try TransactionKey(server: server($0)) }
        #expect(Set(keys).count == methods.count)
    }

    @Test func requestsOfRFC2543AreToldByTheirFields() throws {
        let via = "SIP/2.0/UDP old.example.com"
        let invite = try TransactionKey(server: server("INVITE", via: via))
        #expect(try invite == TransactionKey(server: server("INVITE", via: via)))
        #expect(
            try invite == TransactionKey(server: server("ACK", via: via, to: "<sip:b@b.com>;tag=9"))
        )
        #expect(
            try invite == TransactionKey(canceledBy: server("CANCEL", via: via)))
        #expect(try invite != TransactionKey(server: server("INVITE", via: via, cseq: 2)))
        #expect(
            try invite
                != TransactionKey(server: server("INVITE", via: via, uri: "sip:carol@biloxi.com")))
        #expect(
            try invite
                != TransactionKey(
                    server: server("INVITE", via: via, from: "<sip:alice@atlanta.com>;tag=2")))
    }

    @Test func aResponseFindsItsRequestByBranchAndMethod() throws {
        let response = try MachineFixture.message(MachineFixture.response(200, "7 INVITE"))
        let branch = Array("z9hG4bK1".utf8)
        #expect(
            TransactionKey(response: response) == TransactionKey(client: branch, method: .invite))
        #expect(
            TransactionKey(response: response) != TransactionKey(client: branch, method: .cancel))
    }

    @Test func clientAndServerKeysNeverMeet() throws {
        let invite = try server("INVITE")
        #expect(
            TransactionKey(server: invite)
                != TransactionKey(client: Array("z9hG4bK776".utf8), method: .invite))
    }
}
