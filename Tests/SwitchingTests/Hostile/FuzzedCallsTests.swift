import Charging
import Foundation
import SIP
import TestSupport
import Testing

@testable import Switching

/// Broken input from a seed, into a switch with calls under way. Nothing may trap, whatever is sent has
/// to be SIP, nobody may overspend, and when it is over every table has to be empty.
///
/// `TANDEM_FUZZ` is how many inputs a run has where it is set; then it is printed too how much memory
/// the process has at a tenth of them and at the end.
@Suite struct FuzzedCallsTests {

    private static let parts = 4
    static let wished: Int? = ProcessInfo.processInfo.environment["TANDEM_FUZZ"].flatMap {
        Int($0.filter { $0 != "_" })
    }

    /// What the kernel says that this process holds in memory.
    private static func residentKilobytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 4 } ?? 0
    }

    /// What was delivered lately, from where: the seeds of the mutations, calls under way among them.
    private struct Corpus {
        private var messages: [(bytes: [UInt8], from: Endpoint)] = []
        private var next = 0

        mutating func add(_ bytes: [UInt8], from endpoint: Endpoint) {
            if messages.count < 200 {
                messages.append((bytes, endpoint))
            } else {
                messages[next % messages.count] = (bytes, endpoint)
                next += 1
            }
        }

        func pick(_ random: inout SeededGenerator) -> (bytes: [UInt8], from: Endpoint)? {
            messages.isEmpty ? nil : messages[random.below(messages.count)]
        }
    }

    /// A site whose phones and gateways play along, half of the time.
    private struct World {
        var site: Site
        var phones: [Party]
        var random: SeededGenerator
        var corpus = Corpus()
        var torture: [[UInt8]]
        var calls = 0
        /// Requests that carried a password, and what each phone knows of the last challenge.
        var signed = 0
        var responders: [DigestResponder?]
        /// How often a signed request was more than refused.
        var accepted = 0
        let stranger = Endpoint(text: "203.0.113.9:5060")

        init(seed: UInt64) throws {
            var settings = Site.settings()
            settings.bans.isOn = false
            // Calls that nobody ends are ended by this.
            settings.calls.aliveCheck = .seconds(30)
            site = try Site(balance: "20", settings: settings) { stored in
                for place in stored.extensions.indices {
                    stored.extensions[place].callLimit = 3
                }
            }
            phones = try site.registered("8001", "8002", "8003", "8004")
            responders = phones.map { _ in nil }
            random = SeededGenerator(seed: seed)
            torture = try Torture.names().map { try Torture.bytes($0) }
        }

        mutating func step() throws {
            switch random.below(100) {
            case 0: try begin()
            case 1: site.pass(.milliseconds(random.below(700)))
            case 2 where random.below(20) == 0: site.pass(.seconds(random.below(40)))
            case 3...12: try sign()
            case 13: try callIn()
            default: attack()
            }
            if random.below(8) == 0 { answerAll() }
        }

        /// An honest call, out or inside.
        private mutating func begin() throws {
            calls += 1
            let caller = random.below(phones.count)
            let dialled = ["8001", "8002", "8003", "8004", "02088886666", "110"][random.below(6)]
            // Whatever the fuzzing has left in the inbox is not the challenge.
            _ = site.all(phones[caller].endpoint)
            phones[caller].callID = "honest-\(calls)"
            phones[caller].local = "<sip:\(phones[caller].number)@example.com>;tag=h\(calls)"
            phones[caller].remote = "<sip:\(dialled)@example.com>"
            try phones[caller].call(dialled, at: &site, id: "honest\(calls)")
            if let invite = phones[caller].invite {
                corpus.add(Array(invite.bytes), from: phones[caller].endpoint)
            }
        }

        /// A request that is broken before it gets its credentials, so that it passes for its phone's.
        private mutating func sign() throws {
            let place = random.below(phones.count)
            let phone = phones[place]
            let method = ["REGISTER", "INVITE", "SUBSCRIBE", "MESSAGE", "REFER", "WHATEVER"][
                random.below(6)]
            let target = ["8001", "8002", "02088886666", "8009", "110", "*43"][random.below(6)]
            let uri = method == "REGISTER" ? "sip:example.com" : "sip:\(target)@example.com"
            signed += 1
            var lines = [
                "Via: SIP/2.0/UDP \(phone.endpoint);branch=z9hG4bK-signed-\(signed);rport",
                "Max-Forwards: 70", "From: <sip:\(phone.number)@example.com>;tag=s\(signed)",
                "To: <sip:\(method == "REGISTER" ? phone.number : target)@example.com>",
                "Call-ID: signed-\(signed % 50)", "CSeq: \(signed) \(method)",
                "Contact: <sip:\(phone.number)@\(phone.endpoint)>",
                "Expires: \(["3600", "60", "0", "4294967295"][random.below(4)])",
                "Event: \(["dialog", "presence", "message-summary"][random.below(3)])",
                "Supported: 100rel, timer, replaces, path, outbound",
            ]
            for _ in 0..<random.below(4) {
                let line = random.below(lines.count)
                switch random.below(5) {
                case 0: lines.append(String(decoding: pick(words), as: UTF8.self))
                case 1: lines.append(pick(fieldsOfNewcomers))
                case 2: lines.remove(at: line)
                case 3: lines.append(lines[line])
                default:
                    var bytes = Array(lines[line].utf8)
                    bytes.insert(
                        delicate[random.below(delicate.count)], at: random.below(bytes.count))
                    lines[line] = String(decoding: bytes, as: UTF8.self)
                }
            }
            let start = "\(method) \(uri) SIP/2.0\r\n"
            let field = responders[place]?.credentials(
                method: SIP.Method(method), uri: Array(uri.utf8), cnonce: Array("c".utf8))
            if let field {
                lines.append("Authorization: \(String(decoding: field, as: UTF8.self))")
            }
            let body = method == "INVITE" ? Party.offer.replacing("\n", with: "\r\n") : "text"
            let bytes = Array((start + lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
            _ = site.all(phone.endpoint)
            deliver(bytes, from: phone.endpoint)
            corpus.add(bytes, from: phone.endpoint)
            for answer in site.inbox[phone.endpoint] ?? [] where !answer.isRequest {
                if answer.status == 401 {
                    var responder = DigestResponder(
                        username: phone.number, password: "secret\(phone.number)",
                        hashes: Site.hashes)
                    _ = responder.challenged(by: answer.values(.wwwAuthenticate))
                    responders[place] = responder
                } else if answer.status < 300 {
                    accepted += 1
                }
            }
        }

        /// A call that comes in from a gateway, broken or not.
        private mutating func callIn() throws {
            calls += 1
            var text = """
                INVITE sip:6677800\(random.below(6))@127.0.0.1:5060 SIP/2.0
                Via: SIP/2.0/UDP \(Site.pstn);branch=z9hG4bK-in-\(calls);rport
                Max-Forwards: 70
                From: "Caller" <sip:02011112222@127.0.0.1>;tag=in\(calls)
                To: <sip:66778001@127.0.0.1>
                Call-ID: in-\(calls)
                CSeq: 1 INVITE
                Contact: <sip:\(Site.pstn)>
                \(pick(fieldsOfNewcomers))
                \(pick(fieldsOfNewcomers))
                Content-Type: application/sdp


                """
            text += Party.offer
            var bytes = Array(text.replacing("\n", with: "\r\n").utf8)
            if random.below(2) == 0 { bytes = mutated(bytes) }
            corpus.add(bytes, from: Site.pstn)
            deliver(bytes, from: Site.pstn)
        }

        private mutating func pick<Element>(_ list: [Element]) -> Element {
            list[random.below(list.count)]
        }

        /// Phones and gateways answer what they were sent, more or less.
        private mutating func answerAll() {
            for endpoint in site.inbox.keys.sorted(by: { $0.port < $1.port }) {
                for message in site.all(endpoint) {
                    var party = Party("x", endpoint)
                    for phone in phones where phone.endpoint == endpoint { party = phone }
                    if message.isRequest {
                        guard message.method != .ack else { continue }
                        let status = [180, 183, 200, 200, 200, 486, 503, 302][random.below(8)]
                        let isInvite = message.method == .invite
                        let text = Self.response(
                            to: message, isInvite || status != 486 ? status : 200, from: party)
                        corpus.add(text, from: endpoint)
                        if random.below(4) > 0 { deliver(text, from: endpoint) }
                        continue
                    }
                    guard message.method == .invite, message.status >= 200 else { continue }
                    let ack = Self.request(.ack, after: message, cseq: message.cseqNumber, party)
                    corpus.add(ack, from: endpoint)
                    if random.below(4) > 0 { deliver(ack, from: endpoint) }
                    guard message.status < 300 else { continue }
                    for method in [Method.bye, .invite, .refer, .info, .update] {
                        corpus.add(
                            Self.request(
                                method, after: message, cseq: message.cseqNumber + 1, party),
                            from: endpoint)
                    }
                }
            }
        }

        private mutating func attack() {
            guard let picked = corpus.pick(&random) else { return }
            var bytes = picked.bytes
            if random.below(50) == 0 { bytes = torture[random.below(torture.count)] }
            if random.below(8) > 0 { bytes = mutated(bytes) }
            let from = random.below(10) == 0 ? stranger : picked.from
            deliver(bytes, from: from)
        }

        private mutating func deliver(_ bytes: [UInt8], from endpoint: Endpoint) {
            let flow = Flow(transport: .udp, listener: 0, remote: endpoint)
            var actions = ActionList()
            site.sw.handle(
                .datagramReceived(Datagram(flow: flow, bytes: bytes)), now: site.now,
                into: &actions)
            // A refusal gives back what the request had, broken or not; all else has to be SIP.
            actions.sends.removeAll { sent in
                let isRefusal = ["4", "5"].contains {
                    sent.bytes.starts(with: "SIP/2.0 \($0)".utf8)
                }
                return isRefusal && !Self.isSIP(sent.bytes)
            }
            site.take(actions)
            if site.commits.count > 1_000 { site.forget() }
        }

        private static func isSIP(_ bytes: [UInt8]) -> Bool {
            do throws(ParseError) {
                _ = try Message(parsing: bytes)
                return true
            } catch {
                return false
            }
        }

        private mutating func mutated(_ original: [UInt8]) -> [UInt8] {
            var bytes = original
            for _ in 0...random.below(3) where !bytes.isEmpty {
                let place = random.below(bytes.count)
                let end = min(bytes.count, place + 1 + random.below(24))
                switch random.below(22) {
                case 0...2: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                case 3...7: bytes[place] = delicate[random.below(delicate.count)]
                case 8...9: bytes.insert(delicate[random.below(delicate.count)], at: place)
                case 10...11: bytes.removeSubrange(place..<end)
                case 12: bytes.insert(contentsOf: bytes[place..<end], at: place)
                case 13...16: replaceWord(&bytes)
                case 17...19: insertLine(&bytes)
                case 20: swapLines(&bytes)
                default: bytes.removeSubrange(place...)
                }
            }
            return bytes
        }

        /// Puts a word in place of the one that is there.
        private mutating func replaceWord(_ bytes: inout [UInt8]) {
            let word = words[random.below(words.count)]
            let start = random.below(bytes.count)
            let end = bytes[start...].firstIndex { $0 == 32 || $0 == 13 || $0 == 59 } ?? bytes.count
            bytes.replaceSubrange(start..<end, with: word)
        }

        private mutating func insertLine(_ bytes: inout [UInt8]) {
            let line = words[random.below(words.count)]
            let start = random.below(bytes.count)
            guard let end = bytes[start...].firstIndex(of: 10) else { return }
            bytes.insert(contentsOf: line + [13, 10], at: end + 1)
        }

        private mutating func swapLines(_ bytes: inout [UInt8]) {
            var lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
            let first = random.below(lines.count)
            let second = random.below(lines.count)
            lines.swapAt(first, second)
            bytes = Array(lines.joined(separator: [10]))
        }

        /// No more input: all that is under way ends by itself.
        mutating func end() {
            for _ in 0..<40 {
                for phone in phones { _ = site.all(phone.endpoint) }
                _ = site.all(Site.e1)
                _ = site.all(Site.pstn)
                site.forget()
                site.pass(.seconds(120))
            }
        }

        // MARK: What the parties write

        private static func response(to request: Message, _ status: Int, from party: Party)
            -> [UInt8]
        {
            var text = "SIP/2.0 \(status) Status\r\n"
            for via in request.values(.via) {
                text += "Via: \(String(decoding: via, as: UTF8.self))\r\n"
            }
            for (name, field) in [("From", HeaderName.from), ("To", .to)] {
                text += "\(name): \(String(decoding: request.value(field) ?? [], as: UTF8.self))"
                text += name == "To" && request.toTag == nil ? ";tag=p\(party.number)\r\n" : "\r\n"
            }
            text += "Call-ID: \(String(decoding: request.callID, as: UTF8.self))\r\n"
            text += "CSeq: \(request.cseqNumber) \(request.method.name)\r\n"
            text += "Contact: <sip:\(party.number)@\(party.endpoint)>\r\nContent-Length: 0\r\n\r\n"
            return Array(text.utf8)
        }

        private static func request(
            _ method: SIP.Method, after answer: Message, cseq: UInt32, _ party: Party
        ) -> [UInt8] {
            var text = "\(method.name) sip:127.0.0.1:5060 SIP/2.0\r\n"
            text += "Via: SIP/2.0/UDP \(party.endpoint);branch=z9hG4bK\(method.name)\(cseq)"
            text += "\(String(decoding: answer.toTag ?? [], as: UTF8.self));rport\r\n"
            text += "Max-Forwards: 70\r\n"
            text += "From: \(String(decoding: answer.value(.from) ?? [], as: UTF8.self))\r\n"
            text += "To: \(String(decoding: answer.value(.to) ?? [], as: UTF8.self))\r\n"
            text += "Call-ID: \(String(decoding: answer.callID, as: UTF8.self))\r\n"
            text += "CSeq: \(cseq) \(method.name)\r\n"
            text += "Contact: <sip:\(party.number)@\(party.endpoint)>\r\n"
            if method == .refer { text += "Refer-To: <sip:8003@example.com>\r\n" }
            text += "Content-Length: 0\r\n\r\n"
            return Array(text.utf8)
        }
    }

    @Test(arguments: 0..<parts)
    func nothingTrapsAndNothingIsLeft(_ part: Int) throws {
        var world = try World(seed: 0xca11_0000 + UInt64(part))
        let count = (Self.wished ?? 60_000) / Self.parts
        var early = 0
        for number in 0..<count {
            if number == count / 10 { early = try Self.residentKilobytes() }
            try world.step()
        }
        #expect(world.calls > 0)
        #expect(world.accepted > count / 100, "\(world.accepted) of \(world.signed)")
        #expect(world.site.sw.counters.calls > UInt64(world.calls / 4))
        world.end()
        let left = world.site.sw.inspection
        #expect(left.calls == 0 && left.legs == 0 && left.retiredLegs == 0)
        #expect(left.transactions == 0 && left.origins == 0 && left.linesInUse == 0)
        #expect(left.busyExtensions == 0 && left.reservations == 0 && left.waiting == 0)
        #expect(left.trunks.allSatisfy { $0.inUse == 0 })
        #expect(world.site.sw.inspectedTable == [])
        guard Self.wished != nil else { return }
        let late = try Self.residentKilobytes()
        print(
            "part \(part): \(count) inputs, \(world.site.sw.counters.calls) calls, \(early) kB, "
                + "at the end \(late) kB")
        #expect(late - early < 131_072, "it grows")
    }
}

extension Site {
    /// Forgets what was committed and said, so that a long run does not grow by itself.
    mutating func forget() {
        commits = Array(commits.suffix(1))
        logs = []
        replies = []
        sentOn = []
        lookUps = []
    }
}

private let delicate: [UInt8] = Array(" \t\r\n:;,<>\"\\=@?%[]/&09-".utf8) + [0, 127, 255]
private let words = [
    "INVITE", "BYE", "CANCEL", "ACK", "REFER", "PRACK", "UPDATE", "SUBSCRIBE", "100", "180", "200",
    "302", "401", "422", "481", "491", "503", "Require: 100rel", "RSeq: 1", "RAck: 1 1 INVITE",
    "Refer-To: <sip:8003@example.com>", "Replaces: x;to-tag=1;from-tag=2", "Session-Expires: 1",
    "Expires: 0", "Contact: *", "Max-Forwards: 0", "Content-Length: 99999", "Route: <sip:x;lr>",
].map { Array($0.utf8) }

/// Fields of requests outside of any dialog that something is made of, in all their forms.
private let fieldsOfNewcomers = [
    "Contact: <sip:a@203.0.113.9>;expires=-1", "Contact: <sip:a@h>;expires=9999999999",
    "Contact: *", "Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=1",
    "Contact: <sip:a@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=4294967296", "Path: <sip:proxy;lr>",
    "Path: <sip:proxy;lr;ob>,<sip:b;lr>", "Require: outbound",
    "Session-Expires: 4294967295;refresher=uac", "Session-Expires: 90;refresher=uas",
    "Min-SE: 99999", "Max-Breadth: 0", "Max-Breadth: 99999999999", "Max-Breadth: 1",
    "Privacy: id;critical", "P-Asserted-Identity: <tel:+8631166778100>",
    "Diversion: <sip:8002@h>;reason=x;counter=99",
    "History-Info: <sip:8002@h?Reason=SIP%3Bcause%3D302>;index=1.1.1.1",
    "Replaces: a;to-tag=b;from-tag=c", "Referred-By: <sip:8001@example.com>",
    "Reason: Q.850;cause=99999999999999999999", "Reason: Q.850;cause=-1",
    "Retry-After: 99999999999", "Subject: \u{1}\u{7f}", "RSeq: 4294967295", "Expires: -1",
    "Accept: application/none", "Subscription-State: terminated", "Warning: 399 h \"x\"",
    "Content-Type: message/sipfrag", "Supported: outbound", "Proxy-Require: x",
    "User-Agent: \u{9b}2J",
]
