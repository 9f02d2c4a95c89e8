import Charging
import Dialplan
import SIP
import Testing

@testable import Switching

extension Site {
    /// The site's plan with groups, forwarding, PINs and feature codes.
    static let featurePlan =
        plan + """

            level locked   may internal
            incoming inner from inside
            line 66770000  rings group reception
            line 66770001  rings group sales
            line 66770002  rings group service
            line 66770003  rings voicemail
            line 66770004  rings group many
            group reception 8001 8002 together 20s, then 8003 10s, then 02088886666 as 8005
            group sales     8001 8002 8003 round-robin 10s, then busy
            group service   8001 8002 8003 longest-idle 10s
            group lobby     8004 8005
            group many      8020-8030 in-order 5s, then 02088886666 as 8005
            forward 8002 when busy to 8003
            forward 8002 when unregistered to 8003
            forward 8002 when unanswered 15s to voicemail
            forward 8003 when busy to 8002
            rule guarded { from 8005  to mobile  ask pin }
            pin { digits 4-8  attempts 3  lockout 15m }
            feature forward-always       on *21*{number}  off #21
            feature forward-busy         on *67*{number}  off #67
            feature forward-no-answer    on *61*{number}  off #61
            feature forward-unregistered on *62*{number}  off #62
            feature do-not-disturb       on *78           off *79
            feature call-waiting         on *43           off #43
            feature lock                 on *33           off #33*{pin}
            feature pickup               *8
            feature pickup-extension     *8*{extension}
            feature call-by-pin          *31*{extension}*{pin}*{number}
            feature balance              *100
            feature redial               *66
            feature park                 *68*{code}
            feature retrieve             *69*{code}
            feature redeem               *99*{code}
            feature speed-dial           **{code}  on *75*{code}*{number}  off #75*{code}
            """

    static let voicemail = Endpoint(text: "127.0.0.1:5090")

    /// With trunk `voicemail`, and numbers 8001 to 8005 and 8009.
    static func withFeatures(
        balance: String = "100", _ settings: [String: (inout UserSettings) -> Void] = [:]
    ) throws -> Site {
        var configured = self.settings()
        var trunk = TrunkSettings(
            name: "voicemail", kind: .sip, endpoint: voicemail, channels: 10)
        trunk.optionsInterval = .zero
        configured.trunks.append(trunk)
        return try Site(balance: balance, settings: configured, plan: featurePlan) { stored in
            for (number, change) in settings {
                var value = UserSettings()
                change(&value)
                stored.userSettings[number] = value
            }
        }
    }

    static func pin(_ digits: String, of number: String) -> StoredPIN {
        StoredPIN(digits, of: number, salt: (1, 2), hashes: hashes)
    }

    /// The next INVITE to a phone.
    mutating func invite(_ phone: Party) throws -> Message {
        let message = try next(phone.endpoint)
        #expect(message.method == .invite)
        return message
    }

    /// An INVITE that dials a code, and its final response.
    mutating func code(_ code: String, by phone: inout Party, id: String = "code") throws -> Message
    {
        try phone.call(code, at: &self, id: id)
        let answers = all(phone.endpoint)
        #expect(answers.first?.status == 100)
        return try #require(answers.last { !$0.isRequest })
    }
}

extension Message {
    var phrase: String { String(decoding: reasonPhrase, as: UTF8.self) }
    var text: String { String(decoding: body, as: UTF8.self) }
    func text(_ name: HeaderName) -> String? {
        value(name).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension CallRecord {
    /// Its explanation as people read it.
    var words: [String] { explanation.map { Step.text(stored: $0, .english) } }
}
