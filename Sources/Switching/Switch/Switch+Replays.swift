import SIP

// INVITEs of calls that are over. A phone that never stops retransmitting, or somebody who has
// recorded a request with its credentials, sends the very same INVITE again after its transaction is
// gone. Its nonce is still good, since nonces are stateless, and so it would make a second call at the
// caller's expense. It is known by Call-ID, From tag and CSeq for as long as a nonce is good.

extension Switch {
    /// Finished INVITEs that are known again; the oldest make room.
    static let finishedInviteLimit = 200_000

    struct FinishedInvite: Sendable {
        var cseq: UInt32
        var address: IPAddress
    }

    /// Bytes of a Call-ID and a From tag that stand in the tables as they are. Of longer ones a hash does:
    /// a call is known for as long as a nonce is good, and nobody is to fill the memory with 64 KB each.
    static let originBytes = 256

    func origin(callID: ArraySlice<UInt8>, fromTag: ArraySlice<UInt8>) -> Origin {
        guard callID.count + fromTag.count > Self.originBytes else {
            return Origin(callID: Array(callID), fromTag: Array(fromTag))
        }
        return Origin(
            callID: hashes.sha256(Array(callID)), fromTag: hashes.sha256(Array(fromTag)))
    }

    /// Whether this INVITE makes a call already or has made one before. One more try of a caller counts
    /// CSeq up (RFC 3261 §8.1.3.5).
    func isMerged(_ request: Message) -> Bool { callerOfMerged(request) != nil }

    /// Where the call of this very INVITE came from; nil where it has made none.
    func callerOfMerged(_ request: Message) -> IPAddress? {
        let origin = origin(callID: request.callID, fromTag: request.fromTag ?? [])
        if let handle = origins[origin] { return calls[handle].caller.flow.remote.ip }
        guard let finished = finishedInvites[origin], request.cseqNumber <= finished.cseq else {
            return nil
        }
        return finished.address
    }

    mutating func finish(_ origin: Origin, cseq: UInt32, from address: IPAddress) {
        finishedInvites[origin] = FinishedInvite(cseq: cseq, address: address)
        finishedOrder.append((now + settings.nonceLifetime, origin, cseq))
        forgetFinishedInvites()
    }

    /// Drops those whose nonce is no longer good; called once a minute too.
    mutating func forgetFinishedInvites() {
        while let first = finishedOrder.first,
            first.until <= now || finishedOrder.count > Self.finishedInviteLimit
        {
            if finishedInvites[first.origin]?.cseq == first.cseq {
                finishedInvites[first.origin] = nil
            }
            finishedOrder.popFirst()
        }
    }
}
