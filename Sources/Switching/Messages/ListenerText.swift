import SIP

/// What a listener writes into each message, made once.
struct ListenerText: Sendable {
    /// `SIP/2.0/UDP host:port;rport;branch=z9hG4bK`: a branch's number follows.
    let via: [UInt8]
    /// `<sip:host:port>`, with the transport where it is not UDP
    let contact: [UInt8]
    /// `host:port`
    let hostPort: [UInt8]
    let host: [UInt8]

    init(_ settings: ListenerSettings) {
        var host = settings.advertisedHost
        if host.utf8.contains(UInt8(ascii: ":")), !host.hasPrefix("[") { host = "[\(host)]" }
        let hostPort = "\(host):\(settings.advertisedPort)"
        let transport =
            switch settings.transport {
            case .udp: "UDP"
            case .tcp: "TCP"
            case .tls: "TLS"
            }
        let parameter =
            switch settings.transport {
            case .udp: ""
            case .tcp: ";transport=tcp"
            case .tls: ";transport=tls"
            }
        via = Array("SIP/2.0/\(transport) \(hostPort);rport;branch=z9hG4bK".utf8)
        contact = Array("<sip:\(hostPort)\(parameter)>".utf8)
        self.hostPort = Array(hostPort.utf8)
        self.host = Array(host.utf8)
    }
}
