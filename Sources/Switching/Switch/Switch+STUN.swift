import SIP

// STUN at the UDP ports of SIP (RFC 5626 §8): a phone keeps its flow alive by Binding requests and
// learns from the answers whether its NAT still sees it as before.
//
// Nothing is kept of it, and no registration is asked for: a phone asks before it registers. Strangers
// that ask too often are banned for it as for OPTIONS, and what is malformed counts as garbage. While
// the switch is overloaded registered phones alone are answered, whose flows would end otherwise.

extension Switch {
    mutating func stunReceived(_ datagram: Datagram) {
        let flow = datagram.flow
        let message: STUNMessage
        do throws(STUNMessage.ParseError) {
            message = try STUNMessage(parsing: datagram.bytes)
        } catch {
            counters.malformed += 1
            offended(.malformed, on: flow)
            return
        }
        asked(on: flow)
        let isServed = !overload.isActive || registrar.isRegistered(from: flow.remote)
        guard isServed, let answer = message.answer(to: flow.remote) else {
            counters.noBindings += 1
            return
        }
        counters.bindings += 1
        send(answer, on: flow)
    }
}
