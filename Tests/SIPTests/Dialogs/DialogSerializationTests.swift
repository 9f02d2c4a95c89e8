import SIP
import Testing

@Suite struct DialogSerializationTests {
    private func dialog() throws -> Dialog {
        let invite = try MachineFixture.message(
            MachineFixture.request(
                "INVITE sip:bob@biloxi.com SIP/2.0", "5 INVITE",
                extra: """
                    Contact: <sip:alice@pc33.atlanta.com>
                    Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>
                    """))
        var dialog = try #require(Dialog(request: invite, localTag: Array("bob".utf8)))
        dialog.responseSent(200, to: invite)
        return dialog
    }

    @Test func aDialogComesBackAsItWas() throws {
        let dialog = try dialog()
        let bytes = dialog.serialize()
        var back = try #require(Dialog(serialized: bytes))
        #expect(back.serialize() == bytes)
        #expect(back.key == dialog.key)
        #expect(back.isConfirmed)
        #expect(back.remoteCSeq == 5)
        #expect(back.localCSeq == 0)
        #expect(back.remoteTarget == dialog.remoteTarget)
        #expect(Array(back.routeSet).count == 2)
        var writer = MessageWriter()
        #expect(back.nextRequest(.bye, into: &writer) == 1)
    }

    @Test func anInviteUnderWayIsForgotten() throws {
        var dialog = try dialog()
        var writer = MessageWriter()
        #expect(dialog.nextRequest(.invite, into: &writer) == 1)
        let invite = try MachineFixture.message(
            MachineFixture.request("INVITE sip:bob@biloxi.com SIP/2.0", "6 INVITE"))
        var back = try #require(Dialog(serialized: dialog.serialize()))
        #expect(dialog.requestReceived(invite) == .glare)
        #expect(back.requestReceived(invite) == .accept)
        #expect(back.localCSeq == 1)
    }

    @Test func bytesThatAreNotWholeAreRefused() throws {
        let bytes = try dialog().serialize()
        for end in 0..<bytes.count { #expect(Dialog(serialized: bytes[..<end]) == nil) }
        #expect(Dialog(serialized: bytes + [0]) == nil)
    }

    @Test func anotherVersionIsRefused() throws {
        var bytes = try dialog().serialize()
        bytes[0] = 2
        #expect(Dialog(serialized: bytes) == nil)
    }

    /// A changed byte gives another dialog or none; its texts can be read and written all the same.
    @Test func changedBytesNeverTrap() throws {
        let bytes = try dialog().serialize()
        var read = 0
        for index in bytes.indices {
            for byte: UInt8 in [0x00, 0x0d, 0x22, 0x3c, 0x7f, 0xff] {
                var changed = bytes
                changed[index] = byte
                guard var dialog = Dialog(serialized: changed) else { continue }
                read += 1
                var writer = MessageWriter()
                _ = dialog.nextRequest(.bye, into: &writer)
                #expect(!writer.finish().isEmpty)
            }
        }
        #expect(read > 100)
    }
}
