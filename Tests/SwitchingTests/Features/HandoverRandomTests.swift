import Charging
import SIP
import Testing

@testable import Switching

/// Phones that call, transfer, park, fetch, refuse and hang up at random, and a process that dies now
/// and then. At last all fall silent: whatever they have done, nothing may be left.
@Suite struct HandoverRandomTests {
    @Test(arguments: 1...40)
    func whenAllFallSilentNothingIsLeft(seed: UInt64) throws {
        var crowd = try Crowd(seed: seed)
        for _ in 0..<150 { try crowd.step() }
        crowd.site.pass(.seconds(1_800))
        let site = crowd.site
        #expect(site.isIdle, "\(site.sw.inspectedTable)")
        #expect(site.sw.parkedCalls.isEmpty && site.sw.ringing.isEmpty)
        #expect(site.sw.inspection.legs == 0 && site.sw.inspection.transactions == 0)
        #expect(site.sw.inspection.waiting == 0)

        let calls = site.records.map(\.callID)
        #expect(Set(calls).count == calls.count, "a call has two records")
        #expect(
            site.records.map(\.sequence)
                == (1...UInt64(max(calls.count, 1))).prefix(calls.count).map { $0 })
        let charged = site.records.reduce(Amount.zero) { $0 + $1.charge }
        let posted = site.postings.reduce(Amount.zero) { $0 + $1.amount }
        #expect(charged + posted == .zero)
        for record in site.records where record.charge.isPositive {
            #expect(record.disposition == .answered && record.callerAccount != nil)
        }
        for record in site.records where record.link == .transferred {
            #expect(record.linkedCall.map(calls.contains) == true)
        }
    }

    /// All of them together do enough to be worth it.
    @Test func theyTransferParkAndFetch() throws {
        var transferred = 0
        var fetched = 0
        for seed in 1...12 {
            var crowd = try Crowd(seed: UInt64(seed))
            for _ in 0..<150 { try crowd.step() }
            transferred += crowd.site.logs.count { $0.hasSuffix("are connected by a transfer") }
            fetched += crowd.site.logs.count { $0.contains(" fetched ") }
        }
        #expect(transferred > 10 && fetched > 1, "\(transferred) transferred, \(fetched) fetched")
    }
}

/// Five phones and two gateways that play by a seed.
private struct Crowd {
    var site: Site
    var chance: TokenGenerator
    var endpoints: [Party]
    /// Dialogs that somebody believes to be in.
    var talks: [Party] = []
    /// INVITEs that came in and have no final answer.
    var ringing: [(Party, Message)] = []
    /// INVITEs that went out, by Call-ID.
    var dialling: [String: Party] = [:]
    var calls = 0

    static let targets = [
        "8001", "8002", "8003", "8004", "8005", "02088886666", "*68*1", "*68*2", "8099", "110",
    ]

    init(seed: UInt64) throws {
        chance = TokenGenerator(
            seed: (0..<32).map { UInt8(truncatingIfNeeded: seed &* 31 &+ UInt64($0)) })
        var settings = Site.settings()
        settings.calls.aliveCheck = .seconds(60)
        settings.calls.parkRecall = .seconds(30)
        site = try Site(settings: settings, plan: Site.featurePlan) { stored in
            for place in stored.extensions.indices { stored.extensions[place].callLimit = 3 }
        }
        endpoints = try site.registered("8001", "8002", "8003", "8004", "8005")
        endpoints += [.e1, .pstn]
    }

    mutating func draw(_ count: Int) -> Int { Int(chance.next() % UInt64(count)) }

    mutating func step() throws {
        for place in endpoints.indices { try listen(place) }
        switch draw(20) {
        case 0..<5: try dial(Self.targets[draw(6)])
        case 5: try dial("*69*\(draw(2) + 1)")
        case 6..<8: try answerSomebody()
        case 8..<12: blindTransfer()
        case 12..<14: attendedTransfer()
        case 14: hangUp()
        case 15: site.pass(.seconds(draw(40)))
        case 16 where draw(8) == 0: try crash()
        default: site.pass(.milliseconds(draw(3_000)))
        }
    }

    private mutating func dial(_ number: String) throws {
        let place = draw(5)
        calls += 1
        var phone = endpoints[place]
        phone.cseq = 1
        _ = site.all(phone.endpoint)
        try phone.call(number, at: &site, id: "r\(calls)", body: Party.offer)
        dialling[phone.callID] = phone
    }

    private mutating func answerSomebody() throws {
        guard !ringing.isEmpty else { return }
        let (party, invite) = ringing.remove(at: draw(ringing.count))
        var phone = party
        phone.cseq = 0
        let status = [200, 200, 200, 486, 503][draw(5)]
        phone.answer(invite, status, at: &site, body: status == 200 ? Party.offer : "")
        if status == 200 { talks.append(phone) }
    }

    private mutating func blindTransfer() {
        guard !talks.isEmpty else { return }
        let place = draw(talks.count)
        talks[place].send(
            "REFER", at: &site,
            extra: "Refer-To: <sip:\(Self.targets[draw(Self.targets.count)])@example.com>\n")
    }

    private mutating func attendedTransfer() {
        guard talks.count > 1 else { return }
        let place = draw(talks.count)
        let others = talks.filter {
            $0.endpoint == talks[place].endpoint && $0.callID != talks[place].callID
        }
        guard !others.isEmpty else { return }
        let other = others[draw(others.count)]
        let remote = other.remote.split(separator: ";tag=").last ?? ""
        let local = other.local.split(separator: ";tag=").last ?? ""
        talks[place].send(
            "REFER", at: &site,
            extra: "Refer-To: <sip:x@example.com?Replaces=\(other.callID.escaped)%3Bto-tag%3D"
                + "\(remote)%3Bfrom-tag%3D\(local)>\n")
    }

    private mutating func hangUp() {
        guard !talks.isEmpty else { return }
        var talk = talks.remove(at: draw(talks.count))
        talk.send("BYE", at: &site)
    }

    private mutating func crash() throws {
        try site.crash(.process(.seconds(draw(20))))
        ringing = []
        dialling = [:]
    }

    // MARK: What is heard

    private mutating func listen(_ place: Int) throws {
        for message in site.all(endpoints[place].endpoint) {
            if message.isRequest {
                asked(message, endpoints[place])
            } else {
                told(message)
            }
        }
    }

    private mutating func asked(_ message: Message, _ party: Party) {
        var party = party
        switch message.method {
        case .ack: break
        case .invite where message.toTag == nil:
            party.answer(message, 180, at: &site)
            ringing.append((party, message))
        case .invite:
            let status = [200, 200, 200, 200, 488, 491][draw(6)]
            party.answer(message, status, at: &site, body: status == 200 ? Party.offer : "")
        case .cancel:
            party.answer(message, 200, at: &site)
            if let place = ringing.firstIndex(where: { $0.1.callID == message.callID }) {
                let (ringer, invite) = ringing.remove(at: place)
                var phone = ringer
                phone.answer(invite, 487, at: &site)
            }
        case .bye:
            party.answer(message, 200, at: &site)
            let callID = String(decoding: message.callID, as: UTF8.self)
            talks.removeAll { $0.callID == callID && $0.endpoint == party.endpoint }
        default: party.answer(message, draw(50) == 0 ? 481 : 200, at: &site)
        }
    }

    private mutating func told(_ message: Message) {
        guard message.method == .invite, (200..<300).contains(message.status) else { return }
        let callID = String(decoding: message.callID, as: UTF8.self)
        guard var phone = dialling[callID] else { return }
        phone.acknowledge(message, at: &site)
        if !talks.contains(where: { $0.callID == callID && $0.endpoint == phone.endpoint }) {
            talks.append(phone)
        }
        dialling[callID] = phone
    }
}

extension String {
    /// As a URI's header may hold it.
    fileprivate var escaped: String { replacing("@", with: "%40") }
}
