import SIP
import Switching

// Gateways that say by a name where requests inside their calls go (RFC 3263), and the name servers
// that know it: at once, late, or never.

extension Simulation {
    /// The switch asks for a name.
    mutating func lookUp(_ query: NextHopQuery) {
        digest.add(Array(query.host.name.utf8))
        if isTraced { note("?? \(query.host)") }
        guard let name = site.gatewayNames.first(where: { $0.host == query.host.name }) else {
            auditor.find("a name that nobody has", "\(query.host) is asked for")
            return
        }
        var answer = NextHopResolution(
            query: query,
            targets: name.places.enumerated().map { place, endpoint in
                TrunkTarget(endpoint: endpoint, priority: UInt16(place))
            }, seconds: chance.number(in: 5...600))
        var delay = Instant.Span.milliseconds(chance.number(in: 1...60))
        switch isCalm ? 0 : chance.below(10) {
        case 7: delay = .milliseconds(chance.number(in: 60...8000))
        // Who is not heard where the gateway speaks from is heard nowhere without an answer.
        case 8 where !name.isDeaf:
            answer.targets = []
            answer.failure = "no name server answers"
        case 9 where !name.isDeaf: return
        default: break
        }
        queue.add(.resolved(answer, process: process), at: now + delay)
    }

    /// Whether a gateway does not take at its own address what belongs to its calls.
    func isDeaf(_ index: Int, to message: Message, at endpoint: Endpoint) -> Bool {
        let place = index - SimulatedSite.phones
        guard site.gatewayNames.indices.contains(place), site.gatewayNames[place].isDeaf else {
            return false
        }
        return message.isRequest && message.toTag != nil && endpoint == agents[index].endpoint
    }

    /// Nobody has acknowledged a gateway's answer in all its time, though every ACK that was lost was
    /// sent anew.
    mutating func answerUnacknowledged(by index: Int) {
        let losing: [Fault] = [
            .missingAcks, .vanishing, .reboots, .nat, .smallTables, .bursts, .refusals,
        ]
        guard agents[index].kind == .gateway, !losing.contains(where: faults.contains),
            now - disturbed > .seconds(35), agents[index].condition == .well
        else { return }
        auditor.turnBegan(now: now, wallTime: wallTime)
        auditor.find("an answer never acknowledged", "\(agents[index].endpoint)")
    }
}
