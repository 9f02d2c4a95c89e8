import SIP

/// Parsing, writing, transactions, deadlines, digest.
enum SIPCases {
    private struct Key: DeadlineKeying {
        var deadlineNumber: Int
    }

    static let all = [
        Benchmark("parse an INVITE of \(Samples.invite.count) bytes", budget: 500) {
            let bytes = Samples.invite
            return { operations in
                var sum = 0
                for _ in 0..<operations { sum &+= Int(Samples.parse(bytes).cseqNumber) }
                return sum
            }
        },
        Benchmark("write a 180 to it") {
            let invite = Samples.parse(Samples.invite)
            return { operations in
                var sum = 0
                for _ in 0..<operations {
                    sum &+= invite.response(180, toTag: tag, source: phone.remote).count
                }
                return sum
            }
        },
        Benchmark("write a 200 with SDP to it") {
            let invite = Samples.parse(Samples.invite)
            return { operations in
                var sum = 0
                for _ in 0..<operations {
                    let bytes = invite.response(
                        200, toTag: tag, source: phone.remote, dialogForming: true,
                        extra: { $0.field(.contact, "<sip:127.0.0.1:5060>") },
                        body: Samples.offer[...], contentType: sdp)
                    sum &+= bytes.count
                }
                return sum
            }
        },
        Benchmark("server INVITE: key, found, 100 180 200") {
            let invite = Samples.parse(Samples.invite)
            let known = table { TransactionKey(client: $0, method: .invite) }
            return { operations in
                var sum = 0
                for _ in 0..<operations {
                    let key = TransactionKey(server: invite)
                    if known[key] != nil { sum &+= 1 }
                    var machine = ServerInviteTransaction(
                        reliable: false, timers: TransactionTimers(), now: now)
                    for status in [100, 180, 200] {
                        if machine.responseSent(status, now: now) == .send { sum &+= status }
                    }
                    if machine.deadline > now { sum &+= 1 }
                }
                return sum
            }
        },
        Benchmark("client INVITE: key, found, 100 180 200") {
            let invite = Samples.parse(Samples.invite)
            let response = Samples.parse(invite.response(180, toTag: tag, source: nil))
            let known = table { TransactionKey(client: $0, method: .invite) }
            return { operations in
                var sum = 0
                for _ in 0..<operations {
                    if let key = TransactionKey(response: response), known[key] != nil {
                        sum &+= 1
                    }
                    var machine = ClientInviteTransaction(
                        reliable: false, timers: TransactionTimers(), now: now)
                    for status in [100, 180, 200] {
                        if machine.responseReceived(status, now: now) == .pass { sum &+= status }
                    }
                    if machine.deadline > now { sum &+= 1 }
                }
                return sum
            }
        },
        Benchmark("deadline set, moved, removed among 100,000") {
            var numbers = Numbers(seed: 5)
            var queue = DeadlineQueue<Key>()
            for key in 0..<100_000 {
                let wait = Int.random(in: 0..<32_000, using: &numbers)
                queue.set(Key(deadlineNumber: key), at: now + .milliseconds(wait))
            }
            return { operations in
                for operation in 0..<operations {
                    let key = Key(deadlineNumber: 100_000 + operation % 64)
                    queue.set(key, at: now + .milliseconds(500))
                    queue.set(key, at: now + .seconds(32))
                    queue.remove(key)
                }
                return queue.count
            }
        },
        Benchmark("challenge, hashes nearly free") {
            let challenger = makeChallenger()
            return { operations in
                var sum = 0
                for operation in 0..<operations {
                    sum &+= challenger.challenges(now: now, random: UInt64(operation)).count
                }
                return sum
            }
        },
        Benchmark("verify credentials, hashes nearly free") {
            let challenger = makeChallenger()
            let secret = StoredSecret(
                username: "8001", realm: "tandem.local", password: "secret",
                hashes: CheapHashes.functions)
            let request = requestWithCredentials(challenger)
            return { operations in
                var sum = 0
                for _ in 0..<operations {
                    guard let claimed = challenger.credentials(in: request, .authorization) else {
                        fatalError("no credentials")
                    }
                    let verdict = challenger.verify(
                        claimed, method: .invite, requestURI: request.requestURI, secret: secret,
                        now: now)
                    guard verdict == .ok else { fatalError("\(verdict)") }
                    sum &+= 1
                }
                return sum
            }
        },
    ]

    private static let now = Instant(nanoseconds: 1_000_000_000)
    private static let tag = Array("5f2b1a90c3d4e".utf8)
    private static let sdp = Array("application/sdp".utf8)[...]
    private static let phone = Flow(
        transport: .udp, listener: 0, remote: Endpoint(ip: IPAddress(v4: 0xc0a8_0a65), port: 5060))

    /// 10,000 transactions to be found among.
    private static func table(_ key: (ArraySlice<UInt8>) -> TransactionKey) -> [TransactionKey: Int]
    {
        var table: [TransactionKey: Int] = [:]
        for number in 0..<10_000 { table[key(Array("z9hG4bK\(number)".utf8)[...])] = number }
        return table
    }

    private static func makeChallenger() -> DigestChallenger {
        DigestChallenger(
            realm: "tandem.local", key: Array(repeating: 7, count: 32),
            hashes: CheapHashes.functions)
    }

    private static func requestWithCredentials(_ challenger: DigestChallenger) -> Message {
        var responder = DigestResponder(
            username: "8001", password: "secret", hashes: CheapHashes.functions)
        let challenges = challenger.challenges(now: now, random: 42).map { $0[...] }
        guard case .answer = responder.challenged(by: challenges),
            let credentials = responder.credentials(
                method: .invite, uri: "sip:02088886666@tandem.local".utf8,
                cnonce: Array("0a4f113b".utf8))
        else { fatalError("the challenge cannot be answered") }
        let invite = Samples.invite
        guard let end = invite.firstIndex(of: UInt8(ascii: "\n")) else { fatalError("no lines") }
        return Samples.parse(
            invite[...end] + Array("Authorization: ".utf8) + credentials + Array("\r\n".utf8)
                + invite[(end + 1)...])
    }
}
