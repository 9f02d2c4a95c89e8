import SIP
import Testing

@testable import Switching

/// Scanners and guessers before the whole switch.
@Suite struct GuessingTests {
    private static let stranger = Endpoint(text: "203.0.113.9:5060")

    private func request(
        _ method: String, _ number: String, from endpoint: Endpoint, id: Int, extra: String = ""
    ) -> String {
        let uri = method == "REGISTER" ? "sip:example.com" : "sip:\(number)@example.com"
        return """
            \(method) \(uri) SIP/2.0
            Via: SIP/2.0/UDP \(endpoint);branch=z9hG4bK-\(endpoint.port)-\(id);rport
            Max-Forwards: 70
            From: <sip:\(number)@example.com>;tag=x\(id)
            To: <sip:\(number)@example.com>
            Call-ID: scan-\(id)
            CSeq: 1 \(method)
            Contact: <sip:\(number)@\(endpoint)>
            \(extra)Content-Length: 0


            """
    }

    /// Registers with a password as a guesser does; nil when nothing was answered.
    private func guess(
        _ number: String, _ password: String, from endpoint: Endpoint, id: Int,
        site: inout Site
    ) throws -> Int? {
        site.deliver(request("REGISTER", number, from: endpoint, id: 2 * id), from: endpoint)
        guard let challenge = site.all(endpoint).last else { return nil }
        #expect(challenge.status == 401)
        let credentials = try answer(challenge, number, password)
        site.deliver(
            request("REGISTER", number, from: endpoint, id: 2 * id + 1, extra: credentials),
            from: endpoint)
        return site.all(endpoint).last?.status
    }

    private func answer(
        _ challenge: Message, _ number: String, _ password: String
    ) throws -> String {
        var responder = DigestResponder(
            username: number, password: password, hashes: Site.hashes)
        _ = responder.challenged(by: challenge.values(.wwwAuthenticate))
        let value = responder.credentials(
            method: .register, uri: Array("sip:example.com".utf8), cnonce: Array("c".utf8))
        return "Authorization: \(String(decoding: try #require(value), as: UTF8.self))\n"
    }

    @Test func aGuesserIsBannedAndThenNotEvenTheRightPasswordHelps() throws {
        var site = try Site()
        var statuses: [Int?] = []
        for id in 0..<12 {
            statuses.append(
                try guess("8001", "guess\(id)", from: Self.stranger, id: id, site: &site))
        }
        #expect(statuses == Array(repeating: 403, count: 10) + [nil, nil])
        #expect(try guess("8001", "secret8001", from: Self.stranger, id: 50, site: &site) == nil)
        guard case .bans(let rows)? = site.request(.bans) else {
            Issue.record("no list of bans")
            return
        }
        #expect(rows.map(\.address) == ["203.0.113.9"])
        #expect(rows.map(\.reason) == ["wrong-password"])
        #expect(rows[0].until - rows[0].since == 3_600_000_000)
        #expect(rows[0].dropped == 3)
        #expect(site.logs.contains("203.0.113.9 is banned for 3600 s: wrong-password"))
    }

    @Test func anUnknownUserIsAnsweredAsAWrongPasswordIs() throws {
        var site = try Site()
        func text(_ number: String) throws -> [String] {
            var texts: [String] = []
            site.deliver(
                request("REGISTER", number, from: Self.stranger, id: 1), from: Self.stranger)
            let challenge = try site.next(Self.stranger)
            texts.append(shape(challenge, number))
            let credentials = try answer(challenge, number, "guess")
            site.deliver(
                request("REGISTER", number, from: Self.stranger, id: 2, extra: credentials),
                from: Self.stranger)
            texts.append(shape(try site.next(Self.stranger), number))
            return texts
        }
        /// A response without what is random and what the request said.
        func shape(_ message: Message, _ number: String) -> String {
            String(decoding: message.bytes, as: UTF8.self)
                .replacing(/nonce="[0-9a-f]+"/, with: "nonce")
                .replacing(/To: .*\r\n/, with: "To\r\n").replacing(number, with: "NUMBER")
        }
        #expect(try text("8001") == text("8077"))
        #expect(try text("8002") == text("nobody"))
    }

    @Test func aScannerLearnsNothingAndIsBanned() throws {
        var site = try Site()
        var shapes: Set<String> = []
        var answered = 0
        for number in 8000..<10_000 {
            site.deliver(
                request("REGISTER", "\(number)", from: Self.stranger, id: number),
                from: Self.stranger)
            for message in site.all(Self.stranger) {
                answered += 1
                shapes.insert("\(message.status)")
            }
        }
        #expect(shapes == ["401"])
        #expect((1_000..<1_100).contains(answered))
        #expect(site.sw.counters.banned == UInt64(2_000 - answered))
    }

    @Test(arguments: [false, true])
    func aFloodOfOneSourceIsDroppedWhetherTheSwitchIsOverloadedOrNot(
        isOverloaded: Bool
    ) throws {
        for method in ["OPTIONS", "REGISTER", "INVITE", "SUBSCRIBE"] {
            var site = try Site()
            if isOverloaded {
                for _ in 0..<10 { site.handle(.loopMeasured(.seconds(1))) }
            }
            for id in 0..<3_000 {
                site.deliver(
                    request(method, "8001", from: Self.stranger, id: id), from: Self.stranger)
            }
            let answered = site.all(Self.stranger).count
            // Overloaded, it reads no more than the address's share of the second that was waited for;
            // the rest counts all the same.
            let share = site.settings.overload.shareOfAddress * 10
            let expected = isOverloaded ? 0...share : 1_000...1_020
            #expect(expected.contains(answered), "\(method): \(answered)")
            #expect(site.sw.inspection.bans == 1)
        }
    }

    @Test(arguments: ["REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE"])
    func aToolThatSaysItsNameIsBannedAtOnce(_ method: String) throws {
        var site = try Site()
        for id in 0..<3 {
            site.deliver(
                request(
                    method, "8001", from: Self.stranger, id: id,
                    extra: "User-Agent: friendly-scanner\n"), from: Self.stranger)
        }
        #expect(site.all(Self.stranger).count == 1)
    }

    @Test func aFirstChallengeNeverCounts() throws {
        var site = try Site()
        // An office of 100 phones behind one address, each of which registers.
        for number in 1...100 {
            site.deliver(
                request(
                    "REGISTER", "8001", from: Endpoint(text: "203.0.113.9:\(20_000 + number)"),
                    id: number), from: Endpoint(text: "203.0.113.9:\(20_000 + number)"))
        }
        for number in 1...100 {
            let endpoint = Endpoint(text: "203.0.113.9:\(20_000 + number)")
            let challenge = try site.next(endpoint)
            site.deliver(
                request(
                    "REGISTER", "8001", from: endpoint, id: 1000 + number,
                    extra: try answer(challenge, "8001", "secret8001")), from: endpoint)
            #expect(try site.next(endpoint).status == 200)
        }
        site.pass(.seconds(3500))
        #expect(site.sw.inspection.bans == 0)
    }

    @Test func trunksAndAllowedAddressesAreNeverBanned() throws {
        var settings = Site.settings()
        settings.bans.allowed = [try #require(AddressRange("198.51.100.0/24"))]
        var site = try Site(settings: settings)
        for endpoint in [Endpoint(text: "198.51.100.77:5060"), Site.e1, Site.own] {
            for id in 0..<200 {
                site.deliver("no SIP at all \(id)", from: endpoint)
                site.deliver(
                    request(
                        "REGISTER", "8001", from: endpoint, id: id,
                        extra: "User-Agent: sipvicious\n"), from: endpoint)
            }
        }
        #expect(site.sw.inspection.bans == 0)
        #expect(site.sw.inspection.suspects == 0)
    }

    @Test func nobodyHasAnOfficeBannedByForgingItsAddress() throws {
        var site = try Site()
        let phone = Endpoint(text: "203.0.113.9:7000")
        #expect(try guess("8001", "secret8001", from: phone, id: 1, site: &site) == 200)
        let forged = Endpoint(text: "203.0.113.9:666")
        for id in 0..<500 {
            site.deliver("no SIP at all \(id)", from: forged)
            site.deliver(
                request(
                    "BYE", "8001", from: forged, id: id, extra: "User-Agent: sipvicious\n"),
                from: forged)
            site.deliver(
                request("OPTIONS", "8001", from: forged, id: id + 1000), from: forged)
        }
        #expect(site.sw.inspection.bans == 0)
        #expect(try guess("8002", "secret8002", from: forged, id: 9_000, site: &site) == 200)
    }

    @Test func aRegisteredPhoneBesideAGuesserIsStillHeard() throws {
        var site = try Site()
        let phone = Endpoint(text: "203.0.113.9:7000")
        #expect(try guess("8001", "secret8001", from: phone, id: 1, site: &site) == 200)
        let guesser = Endpoint(text: "203.0.113.9:666")
        for id in 100..<120 {
            _ = try guess("8002", "guess\(id)", from: guesser, id: id, site: &site)
        }
        #expect(site.sw.inspection.bans == 1)
        #expect(try guess("8002", "secret8002", from: guesser, id: 200, site: &site) == nil)
        #expect(try guess("8001", "secret8001", from: phone, id: 201, site: &site) == 200)
    }

    @Test func anUnbannedAddressIsHeardAgain() throws {
        var site = try Site()
        for id in 0..<12 { _ = try guess("8001", "g", from: Self.stranger, id: id, site: &site) }
        #expect(site.sw.inspection.bans == 1)
        guard case .refused? = site.request(.unbanned(address: "nonsense")),
            case .refused? = site.request(.unbanned(address: "198.51.100.1")),
            case .done(let text)? = site.request(.unbanned(address: "203.0.113.9"))
        else {
            Issue.record("not unbanned")
            return
        }
        #expect(text == "203.0.113.9 is heard again")
        #expect(try guess("8001", "secret8001", from: Self.stranger, id: 99, site: &site) == 200)
    }

    @Test func anAddressThatBecomesATrunkIsBannedNoLonger() throws {
        var settings = Site.settings()
        var site = try Site(settings: settings)
        for id in 0..<12 { _ = try guess("8001", "g", from: Self.stranger, id: id, site: &site) }
        #expect(site.sw.inspection.bans == 1)
        settings.trunks[0].endpoint = Self.stranger
        site.handle(.configured(Configuration(settings: settings, plan: site.sw.plan)))
        #expect(site.sw.inspection.bans == 0)
    }

    @Test func anAnswerIsWorthNothingFromAnotherAddress() throws {
        var site = try Site()
        let phone = Endpoint(text: "203.0.113.9:7000")
        site.deliver(request("REGISTER", "8001", from: phone, id: 1), from: phone)
        let credentials = try answer(try site.next(phone), "8001", "secret8001")
        let thief = Endpoint(text: "198.51.100.66:7000")
        site.deliver(
            request("REGISTER", "8001", from: thief, id: 2, extra: credentials), from: thief)
        let answer = try site.next(thief)
        #expect(answer.status == 401)
        #expect(
            answer.values(.wwwAuthenticate).allSatisfy {
                DigestChallenge(parsing: $0)?.isStale == true
            })
        #expect(site.sw.registrar.count == 0)
    }
}
