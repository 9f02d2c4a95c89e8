import SIP

/// One side of a call: its dialog, where it is reached, and what it still owes us.
struct Leg: Sendable {
    enum State: Sendable, Equatable {
        /// The INVITE is out (a callee) or in (the caller); not answered.
        case trying
        /// A 2xx stands.
        case answered
        /// Refused, cancelled or hung up: nothing of it matters to the call any more.
        case ended
    }

    /// A 2xx that we sent on this leg and that waits for its ACK.
    struct PendingAnswer: Sendable {
        var retransmission: AnswerRetransmission
        var bytes: [UInt8]
        var flow: Flow
        /// The last process sent it, and its ACK may have come before that ended: when none comes
        /// now, that says nothing.
        var mayBeAcknowledged = false
    }

    /// An INVITE of ours whose 2xx has no ACK yet.
    struct AcknowledgementDue: Sendable {
        var cseq: UInt32
        /// Its client transaction; nil when that ended with the last process.
        var client: Handle?
        /// What the 2xx offers, where the answer to it comes with the other side's ACK; nil otherwise, and
        /// when the last process heard it.
        var offer: Offer?
    }

    var state = State.trying
    /// Our tag, as its number; see `Token`. On the caller's side it is that of the dialog that was
    /// answered, once one was.
    var localTag: UInt64
    var flow: Flow
    /// One for each fork that has answered with a tag, the latest last; exactly one once answered.
    var dialogs: [Dialog] = []
    /// The client transaction of our INVITE to a callee.
    var client: Handle?
    var pendingAnswer: PendingAnswer?
    /// An INVITE of ours whose 2xx waits: for the disk, or for the other side's ACK, since that may
    /// bring the session description (RFC 3264 §5, late offer).
    var acknowledgementDue: AcknowledgementDue?
    /// The INVITE we sent had no session description, so the ACK will have it.
    var offersLate = false
    /// How often in a row it could not be asked, since its connection is gone.
    var lostAsks: UInt8 = 0
    var methods = PeerMethods()
    /// How many branches the INVITE to it allows in all (RFC 5393 §5.3).
    var breadth: UInt32 = 1
    /// Whoever is there has asked not to be shown to others (RFC 3323); see `Switch+Privacy`.
    var isHidden = false
    /// The extension whose phone is rung on it; nil for a gateway's and the caller's leg.
    var rings: String?
    /// Its session timer, where it has one.
    var session: SessionTimer?
    /// When it last said something in its dialog, or something was asked of it there.
    var heardAt = Leg.unheard
    /// The phone or trunk in words, for the log.
    var name: String

    /// Since the start of the process, or not asked since then.
    static let unheard = Instant(nanoseconds: .min)

    init(localTag: UInt64, flow: Flow, name: String) {
        self.localTag = localTag
        self.flow = flow
        self.name = name
    }

    /// The dialog of a request of ours, or of a response to one. Before the answer there may be several:
    /// those of a callee have the same local tag, those of the caller the same remote one.
    func dialogIndex(ofOwn message: Message) -> Int? {
        dialogs.firstIndex {
            $0.localTag.elementsEqual(message.fromTag ?? [])
                && $0.remoteTag.elementsEqual(message.toTag ?? [])
        }
    }

    /// The same of a request of the peer's.
    func dialogIndex(ofPeers request: Message) -> Int? {
        dialogs.firstIndex {
            $0.localTag.elementsEqual(request.toTag ?? [])
                && $0.remoteTag.elementsEqual(request.fromTag ?? [])
        }
    }

    /// The dialog with this remote tag.
    func dialogIndex(remoteTag: ArraySlice<UInt8>) -> Int? {
        dialogs.firstIndex { $0.remoteTag.elementsEqual(remoteTag) }
    }
}
