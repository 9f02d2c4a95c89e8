import SIP
import TestSupport
import Testing

@testable import Switching

/// What operators and mailbox servers answer, broken from a seed: whatever it is, nothing traps, and we go
/// on asking at sane intervals.
@Suite struct FuzzedOperatorTests {
    private static let expires = [
        "0", "1", "60", "3600", "-1", "x", "", "86401", "4294967295", "4294967296", "9999999999",
        "99999999999999999999",
    ]

    private static func site() throws -> Site {
        var settings = Site.settings()
        settings.trunks[0].credentials = TrunkCredentials(username: "12345", password: "secret")
        settings.trunks[0].registration = TrunkRegistrationSettings(
            user: "12345", domain: "operator.example")
        settings.trunks[0].optionsInterval = .seconds(30)
        settings.mailbox = "pstn"
        settings.asksMailbox = true
        return try Site(settings: settings)
    }

    private static func answer(
        to request: Message, _ random: inout SeededGenerator
    ) -> [UInt8] {
        func pick(_ list: [String]) -> String { list[random.below(list.count)] }
        func text(_ name: HeaderName) -> String {
            String(decoding: request.value(name) ?? [], as: UTF8.self)
        }
        let status = ["200", "200", "200", "401", "407", "403", "423", "503", "302", "100"]
        var lines = [
            "SIP/2.0 \(pick(status)) Status", "Via: \(text(.via))", "From: \(text(.from))",
            "To: \(text(.to));tag=o", "Call-ID: \(text(.callID))", "CSeq: \(text(.cseq))",
            "Contact: \(text(.contact));expires=\(pick(expires))", "Expires: \(pick(expires))",
            "Min-Expires: \(pick(expires))", "Retry-After: \(pick(expires)) (comment);duration=1",
            "WWW-Authenticate: Digest realm=\"o\", nonce=\"n\(random.below(9))\", qop=\"auth\"",
            "Subscription-State: active;expires=\(pick(expires))", "Content-Length: 0",
        ]
        for _ in 0..<random.below(3) {
            let line = 1 + random.below(lines.count - 1)
            switch random.below(3) {
            case 0: lines.remove(at: line)
            case 1: lines.append(lines[line])
            default: lines[line] += pick([";", ",", "\"", "\t", "=", " 1", ";expires=0"])
            }
        }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    @Test(arguments: 0..<4)
    func whateverTheyAnswerNothingTraps(_ part: Int) throws {
        var random = SeededGenerator(seed: 0x0bad_0000 + UInt64(part))
        let count = (FuzzedCallsTests.wished ?? 8_000) / 4
        var answers = 0
        while answers < count {
            var site = try Self.site()
            var phone = try site.registered("8001")[0]
            phone.callID = "mailbox"
            try phone.authenticated(
                "SUBSCRIBE", uri: "sip:8001@example.com", to: "<sip:8001@example.com>",
                extra: "Event: message-summary\nExpires: 3600\n", site: &site)
            for _ in 0..<20 {
                for endpoint in [Site.e1, Site.pstn, phone.endpoint] {
                    for request in site.all(endpoint) where request.isRequest {
                        answers += 1
                        site.handle(
                            .datagramReceived(
                                Datagram(
                                    flow: Flow(transport: .udp, listener: 0, remote: endpoint),
                                    bytes: Self.answer(to: request, &random))))
                    }
                }
                site.pass(.seconds(random.below(200)))
            }
            // A day later at the latest the operator is asked again.
            site.forget()
            _ = site.all(Site.e1)
            for _ in 0..<25 { site.pass(.seconds(3_600)) }
            #expect(site.all(Site.e1).contains { $0.method == .register })
        }
    }
}
