import SIP

// Phones that go on from another place: another port of their NAT, another network, another transport.

extension Switch {
    /// A phone has registered by another flow: its calls go on there, and what is asked of it in them is
    /// asked there. Looks at all calls, where its extension is in any.
    ///
    /// - Parameter old: where that phone, and surely that one, was reached until now.
    mutating func phoneMoved(_ number: String, from old: Set<Flow>, to flow: Flow) {
        guard !old.isEmpty, callsOfExtension[number] != nil else { return }
        for handle in calls.handles {
            var isMoved = false
            for leg in legs(of: number, in: handle) where old.contains(calls[handle][leg].flow) {
                calls[handle][leg].flow = flow
                isMoved = true
            }
            if isMoved { journalAgain(handle) }
        }
        for place in old where askedPlaces.mayHold(place.remote) {
            for handle in clients.handles
            where clients.contains(handle) && clients[handle].flow == place {
                guard clients[handle].unsent == nil, let leg = legAsked(by: handle),
                    calls[leg.call][leg.side].flow == flow
                else { continue }
                ask(again: handle, on: flow)
            }
        }
    }

    /// The sides of a call that are phones of an extension, those that ring included.
    private func legs(of number: String, in handle: Handle) -> [Side] {
        var sides: [Side] = calls[handle].callerExtension == number ? [.caller] : []
        let connected = calls[handle].calleeExtension == number ? calls[handle].connected : nil
        for place in calls[handle].callees.indices {
            let side = Side.callee(place)
            guard calls[handle].callees[place].rings == number || place == connected,
                trunk(of: LegReference(call: handle, side: side)) == nil
            else { continue }
            sides.append(side)
        }
        return sides
    }

    /// The leg that a request of ours was sent to, of a call that is still there.
    private func legAsked(by handle: Handle) -> LegReference? {
        let leg: LegReference
        switch clients[handle].user {
        case .attempt(let call, let callee): leg = LegReference(call: call, side: .callee(callee))
        case .relay(let call, let to, _, _): leg = LegReference(call: call, side: to)
        case .check(let call, let side): leg = LegReference(call: call, side: side)
        case .join(_, let asked): leg = asked
        case .nobody, .probe, .registration, .notification, .fork, .mailbox, .summary:
            return nil
        }
        return calls.contains(leg.call) ? leg : nil
    }

    /// The same transaction goes on at the new place where its Via allows that; by another transport what
    /// has not been heard fails, and whoever wanted it may ask again.
    private mutating func ask(again handle: Handle, on flow: Flow) {
        let was = clients[handle].flow
        let isUnheard = isUnanswered(client: handle)
        if was.transport == .udp, flow.transport == .udp, was.listener == flow.listener {
            move(client: handle, to: flow)
            if isUnheard { send(clients[handle].request, on: flow) }
        } else if isUnheard, was.transport == .udp {
            transportFailed(client: handle, why: "the phone is elsewhere")
        }
    }
}
