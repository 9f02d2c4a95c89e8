import SIP

// What the caller hears before the answer.
//
// Callees answer one after another and at once, each in dialogs of its own. The caller hears one
// coherent ring: whoever sends the first session description has the dialog that the caller knows
// already. Another one may not be put over it (RFC 3261 §13.2.1, RFC 6337 §3.1), so it gets a dialog
// of its own, as from a proxy that forks. While somebody's early media plays, another's bare ringing
// is not passed on; when that somebody is gone, it is, in a dialog of its own.
//
// A request inside one of these dialogs (UPDATE, INFO, PRACK) goes on in the one that it stands for on the
// other side, and so does its answer:
//
//     caller             switch             callee
//       | dialog A          |  fork "one"      |   183 with a description: A
//       | dialog B          |  fork "two"      |   183 with another one: B
//       | UPDATE, To A      | UPDATE, To one   |
//       |------------------>|----------------->|
//
// Who has no dialog of the caller's has nobody to talk to there, and waits for the answer (491, 480).

/// One dialog on the caller's side before the answer, and whose it is.
struct EarlyDialog: Sendable {
    /// Our tag in it.
    var tag: UInt64
    /// The callee and its tag; nil while nobody has sent a session description in it.
    var callee: Int?
    var remoteTag: [UInt8] = []
    var hasSession = false

    func isOf(_ callee: Int, _ tag: ArraySlice<UInt8>) -> Bool {
        self.callee == callee && remoteTag.elementsEqual(tag)
    }
}

extension Call {
    /// The dialog in which a request goes on that has come in this one, as long as nobody has answered.
    ///
    /// - Parameter place: that of the dialog it has come in, among those of its leg.
    /// - Returns: nil where the other side has none for it.
    func counterpart(of side: Side, dialog place: Int) -> (side: Side, dialog: Int)? {
        let dialog = self[side].dialogs[place]
        switch side {
        case .caller:
            let early = earlyDialogs.first { $0.tag == Token.number(dialog.localTag) }
            guard let early, let callee = early.callee else {
                // All that ring are heard in it: it is clear who is meant where that is one alone, and of
                // its forks the latest is the likeliest to ring yet.
                return soleRinging.map { (.callee($0), callees[$0].dialogs.count - 1) }
            }
            return callees[callee].dialogIndex(remoteTag: early.remoteTag[...]).map {
                (.callee(callee), $0)
            }
        case .callee(let callee):
            let own = earlyDialogs.first { $0.isOf(callee, dialog.remoteTag) }
            let shared = earlyDialogs.first { $0.callee == nil }
            guard let tag = (own ?? shared)?.tag else { return nil }
            return caller.dialogs.firstIndex { Token.number($0.localTag) == tag }.map {
                (.caller, $0)
            }
        }
    }
}

extension Switch {
    /// The leg and the dialog in which a request goes on that has come in this dialog of a leg.
    func counterpart(
        of leg: LegReference, dialog place: Int
    ) -> (leg: LegReference, dialog: Int)? {
        guard calls[leg.call].connected != nil || calls[leg.call].joined != .none else {
            return calls[leg.call].counterpart(of: leg.side, dialog: place).map {
                (LegReference(call: leg.call, side: $0.side), $0.dialog)
            }
        }
        guard let other = partner(of: leg),
            let last = calls[other.call][other.side].dialogs.indices.last
        else { return nil }
        return (other, last)
    }

    /// Our tag for passing on a provisional response; nil where the caller is better off without it.
    ///
    /// - Parameter isReliable: the callee waits for its PRACK, so that it has to be passed.
    mutating func callerDialog(
        of response: Message, call handle: Handle, callee: Int, isReliable: Bool
    ) -> UInt64? {
        let tag = response.toTag ?? []
        let hasSession = !response.body.isEmpty
        beginEarly(handle)
        let early = calls[handle].earlyDialogs
        if let place = early.firstIndex(where: { $0.isOf(callee, tag) }) {
            if hasSession { calls[handle].earlyDialogs[place].hasSession = true }
            return early[place].tag
        }
        if hasSession { return claim(handle, callee: callee, tag: tag, hasSession: true) }
        let playing = early.filter(\.hasSession)
        if playing.isEmpty { return early[0].tag }
        let isHeard = playing.contains { known in
            known.callee.map { calls[handle].callees[$0].state == .trying } ?? false
        }
        if isHeard, !isReliable { return nil }
        return claim(handle, callee: callee, tag: tag, hasSession: false)
    }

    /// The callee has answered: of the caller's dialogs its own stays, and is the call's from now on.
    mutating func settleCallerDialog(_ response: Message, call handle: Handle, callee: Int) {
        let answer = response.toTag ?? []
        guard !calls[handle].earlyDialogs.isEmpty else { return }
        let chosen: UInt64
        if let known = calls[handle].earlyDialogs.first(where: { $0.isOf(callee, answer) }) {
            chosen = known.tag
        } else {
            chosen = claim(handle, callee: callee, tag: answer, hasSession: true)
        }
        calls[handle].caller.dialogs.removeAll {
            Token.number($0.localTag) != chosen
        }
        calls[handle].caller.localTag = chosen
        // The other tags are known until the call is over; mostly there is none.
        calls[handle].earlyDialogs.removeAll { $0.tag == chosen }
    }

    private mutating func beginEarly(_ handle: Handle) {
        guard calls[handle].earlyDialogs.isEmpty else { return }
        calls[handle].earlyDialogs = [EarlyDialog(tag: calls[handle].caller.localTag)]
    }

    /// Gives a callee's dialog one of the caller's: the first as long as it is nobody's, else a new
    /// one.
    private mutating func claim(
        _ handle: Handle, callee: Int, tag: ArraySlice<UInt8>, hasSession: Bool
    ) -> UInt64 {
        let first = calls[handle].earlyDialogs[0]
        if first.callee == nil {
            calls[handle].earlyDialogs[0].callee = callee
            calls[handle].earlyDialogs[0].remoteTag = Array(tag)
            calls[handle].earlyDialogs[0].hasSession = hasSession
            return first.tag
        }
        // A peer that makes ever new tags gets no more dialogs of the caller's.
        guard calls[handle].earlyDialogs.count < 16, let invite = calls[handle].invite else {
            return first.tag
        }
        let own = tokens.next()
        guard let dialog = Dialog(request: invite, localTag: Token.text(own)) else {
            return first.tag
        }
        calls[handle].caller.dialogs.append(dialog)
        legs[own] = LegReference(call: handle, side: .caller)
        calls[handle].earlyDialogs.append(
            EarlyDialog(
                tag: own, callee: callee, remoteTag: Array(tag), hasSession: hasSession))
        return own
    }
}
