import Dialplan
import SIP

// How a gateway is told which line or channel a call takes, and how it tells us.

extension Switch {
    /// Whether no call can leave by a line, since its gateway is down or it has none.
    func isDown(line: String) -> Bool {
        lineGateways.gateway(of: line).flatMap { trunks[$0.trunk] }?.isDown ?? true
    }

    /// The Request-URI of a call out.
    func target(
        of choice: RouteChoice, trunk: TrunkSettings, channel: Int?, at hop: NextHop,
        isSips: Bool = false
    ) -> [UInt8] {
        // A number may have a `#`, which must not stand in a URI (RFC 3261 §25.1).
        var escaped: [UInt8] = []
        for byte in choice.number.utf8 { Self.appendEscaped(byte, to: &escaped) }
        var user = String(decoding: escaped, as: UTF8.self)
        var parameters = ""
        if case .line(let line) = choice.via, let gateway = lineGateways.gateway(of: line) {
            let label = gateway.label(of: line)
            switch gateway.addressing {
            case .user: break
            case .parameter(let name): parameters = ";\(name)=\(label)"
            case .trunkGroup(let context):
                // The parameters of a tel URI stand in the user part then (RFC 4904 §4).
                user += ";tgrp=\(label);trunk-context=\(context)"
                parameters = ";user=phone"
            }
        }
        if let channel, let name = trunk.channelParameter { parameters += ";\(name)=\(channel)" }
        let (scheme, transport) = isSips ? ("sips", "") : ("sip", hop.transport.parameter)
        return Array("\(scheme):\(user)@\(hop.endpoint)\(transport)\(parameters)".utf8)
    }

    /// The number that a call coming in on a trunk is for, where that is not simply the user part of
    /// its Request-URI.
    func numberCalled(by request: Message, trunk name: String) -> String? {
        for gateway in lineGateways.gateways(behind: name) {
            guard let label = lineLabel(in: request, of: gateway),
                let line = gateway.line(labelled: label), plan.target(ofLine: line) != nil
            else { continue }
            return line
        }
        // An operator that we register at calls the name we gave it; whom it calls stands in To.
        guard let registration = trunks[name]?.settings.registration,
            let uri = URI(parsing: request.requestURI), uri.userUnescaped == registration.user
        else { return nil }
        let called = request.address(.to)?.uriView
        return isShort(called) ? called?.telephoneNumber : nil
    }

    private func lineLabel(in request: Message, of gateway: LineGatewaySettings) -> String? {
        let uris = [
            URI(parsing: request.requestURI), request.address(.contact)?.uriView,
        ].compactMap { $0 }
        switch gateway.addressing {
        case .user: return nil
        case .parameter(let name):
            for uri in uris {
                if let value = uri.parameter(name) ?? nil {
                    return String(decoding: value, as: UTF8.self)
                }
            }
        case .trunkGroup(let context):
            for uri in uris {
                // User part parameters, or a tel URI's own.
                let user = uri.user ?? []
                let inUser = Parameters(user[(user.firstIndex(of: 0x3b) ?? user.endIndex)...])
                for parameters in [inUser, uri.parameters] {
                    guard let group = parameters.value("tgrp") ?? nil else { continue }
                    // A group is unique within its context only (RFC 4904 §5).
                    if let own = parameters.value("trunk-context") ?? nil,
                        String(decoding: own, as: UTF8.self).lowercased() != context.lowercased()
                    {
                        continue
                    }
                    return String(decoding: group, as: UTF8.self)
                }
            }
        }
        return nil
    }
}
