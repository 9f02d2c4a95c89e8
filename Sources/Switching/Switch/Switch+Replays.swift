import SIP

// INVITEs of calls that are over. A phone that never stops retransmitting, or somebody who has
// recorded a request with its credentials, sends the very same INVITE again after its transaction is
// gone. Its nonce is still good, since nonces are stateless, and so it would make a second call at the
// caller's expense. It is known by Call-ID, From tag and CSeq for as long as a nonce is good.

extension Switch {
    /// Finished INVITEs that are known again; the oldest make room.
    static let finishedInviteLimit = 200_000

    /// Whether this INVITE has made a call before. One more try of a caller counts CSeq up (RFC 3261
    /// §8.1.3.5).
    func isFinished(_ request: Message, origin: Origin) -> Bool {
        finishedInvites[origin].map { request.cseqNumber <= $0 } ?? false
    }

    mutating func finish(_ origin: Origin, cseq: UInt32) {
        finishedInvites[origin] = cseq
        finishedOrder.append((now + settings.nonceLifetime, origin, cseq))
        forgetFinishedInvites()
    }

    /// Drops those whose nonce is no longer good; called once a minute too.
    mutating func forgetFinishedInvites() {
        while let first = finishedOrder.first,
            first.until <= now || finishedOrder.count > Self.finishedInviteLimit
        {
            if finishedInvites[first.origin] == first.cseq { finishedInvites[first.origin] = nil }
            finishedOrder.popFirst()
        }
    }
}
