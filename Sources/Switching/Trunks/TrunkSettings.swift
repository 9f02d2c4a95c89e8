import SIP

/// A way out, and who may come in by it.
public struct TrunkSettings: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable, Codable { case e1, sip }

    public var name: String
    public var kind: Kind
    /// The gateway's or the peer's address; requests from it are the trunk's. Where `host` is set, the
    /// addresses that it stands for take its place.
    public var endpoint: Endpoint
    /// The name it is reached by, looked up by RFC 3263; nil where it has a fixed address.
    public var host: TrunkHost?
    /// How requests go there. Its own requests may come by any transport.
    public var transport = TransportKind.udp
    /// Of a name: the listeners that its requests may leave by, one for each transport and address
    /// family that the name may lead to; `transport` and `listener` are the first of them. Empty where
    /// it has a fixed address.
    public var ways: [TrunkWay] = []
    /// Its name says by which of these transports it is reached (RFC 3263 §4.1). Otherwise the file
    /// says it, or a port leaves nothing to say, and all ways are of one transport.
    public var isTransportOpen = false
    /// The host name in its certificate: requests are its own only by TLS, with that certificate; nil
    /// where its address is enough.
    public var certificateName: String?
    /// Other addresses its requests come from; port 0 is any port.
    public var alsoFrom: [Endpoint] = []
    /// It belongs to us as far as who calls is concerned (RFC 3325): it learns who asked to be hidden,
    /// and by whom a call was sent on, and what it says of its callers is believed. Any other gets what
    /// everybody may see.
    public var isTrusted = true
    /// What it says of where it is reached inside a call is of its own network: requests go where it
    /// speaks from.
    public var isBehindNAT = false
    /// The listener its requests leave by.
    public var listener: UInt16 = 0
    /// Calls at once, both directions together: an E1 has 30 channels.
    public var channels: Int
    /// Of kind e1: the order in which calls out take channels.
    public var hunting = Hunting.lowestFirst
    /// Of kind e1: channels that no call takes.
    public var blockedChannels: Set<Int> = []
    /// Of kind e1: channels that only emergency calls take.
    public var reservedChannels: Set<Int> = []
    /// Of kind e1: the parameter of the Request-URI that names the channel; nil leaves the choice to
    /// the gateway, and our numbers only count.
    public var channelParameter: String?
    /// Calls that may begin within one second, both directions together; zero is no limit.
    public var callsPerSecond = 0
    /// How often OPTIONS asks whether it lives; zero never asks.
    public var optionsInterval: Instant.Span = .seconds(10)
    /// Unanswered OPTIONS in a row that make it down.
    public var failuresToDown = 2
    /// Answered OPTIONS in a row that make it up again.
    public var answersToUp = 2
    /// How long a call waits for the first answer of any kind before it takes the next route.
    public var attemptTimeout: Instant.Span = .seconds(3)
    /// How long a call whose gateway has said 100 and no more waits before it takes the next route;
    /// zero is for as long as a callee may ring.
    public var progressTimeout: Instant.Span = .seconds(20)
    public var breaker = BreakerSettings()
    /// What answers its 401 and 407; nil where it asks for nothing.
    public var credentials: TrunkCredentials?
    /// How we register there; nil where we do not.
    public var registration: TrunkRegistrationSettings?
    /// Of kind e1: where the span's own state is read; nil where it is not.
    public var span: SpanSettings?
    /// The file of what its operator takes; nil where least cost does not ask for it.
    public var tariffFile: String?

    public init(name: String, kind: Kind, endpoint: Endpoint, channels: Int) {
        self.name = name
        self.kind = kind
        self.endpoint = endpoint
        self.channels = channels
    }

    /// The flow to one of its addresses.
    func flow(to hop: NextHop) -> Flow {
        let way = ways.way(to: hop)
        return Flow(
            transport: hop.transport, listener: way?.listener ?? listener, remote: hop.endpoint)
    }

    /// What it is reached by, for people.
    public var address: String { host?.description ?? endpoint.description }
}

/// A transport that requests may leave by, and the listener that answers to them come to.
public struct TrunkWay: Sendable, Hashable {
    public var transport: TransportKind
    public var listener: UInt16
    /// The family of the listener.
    public var isV4: Bool

    public init(transport: TransportKind, listener: UInt16, isV4: Bool) {
        self.transport = transport
        self.listener = listener
        self.isV4 = isV4
    }
}

extension [TrunkWay] {
    /// The one that reaches a place: of its transport and family.
    func way(to hop: NextHop) -> TrunkWay? {
        first { $0.transport == hop.transport && $0.isV4 == hop.endpoint.ip.isV4 }
    }
}

extension TransportKind {
    /// `;transport=tcp` where a URI has to say so (RFC 3263 §4.1).
    var parameter: String {
        switch self {
        case .udp: ""
        case .tcp: ";transport=tcp"
        case .tls: ";transport=tls"
        }
    }
}

/// A name and perhaps a port. With a port no SRV record is looked for (RFC 3263 §4.2).
public struct TrunkHost: Sendable, Hashable, CustomStringConvertible {
    public var name: String
    public var port: UInt16?

    public init(name: String, port: UInt16? = nil) {
        self.name = name
        self.port = port
    }

    public var description: String { port.map { "\(name):\($0)" } ?? name }
}

/// Who we are to an operator that asks by digest.
public struct TrunkCredentials: Sendable, Hashable {
    public var username: String
    public var password: String

    public init(username: String, password: String) {
        self.username = username
        self.password = password
    }
}

/// How we register at an operator.
public struct TrunkRegistrationSettings: Sendable, Hashable {
    /// The user part of the address-of-record: mostly the account's number.
    public var user: String
    /// The host part, and the Request-URI's host: the operator's domain.
    public var domain: String
    /// What we ask for.
    public var seconds = 3600

    public init(user: String, domain: String) {
        self.user = user
        self.domain = domain
    }
}

/// Where a gateway tells the state of an E1 span: dsx1LineStatus of RFC 4805, by SNMP.
public struct SpanSettings: Sendable, Hashable {
    public enum Version: String, Sendable, Hashable { case v1 = "1", v2c = "2c", v3 = "3" }

    /// Who asks: with version 1 and 2c whoever knows the community, with version 3 a user.
    public enum Access: Sendable, Hashable {
        case community(String, Version)
        case user(SNMPUser)
    }

    /// Where the SNMP agent listens.
    public var agent: Endpoint
    public var access: Access
    /// dsx1LineIndex of the span.
    public var index: Int
    public var interval: Instant.Span = .seconds(10)

    public init(agent: Endpoint, access: Access, index: Int) {
        self.agent = agent
        self.access = access
        self.index = index
    }
}

/// A user of SNMPv3 (RFC 3414) and what guards its questions and their answers.
public struct SNMPUser: Sendable, Hashable {
    /// HMAC by which messages are signed (RFC 3414 §6 and §7, RFC 7860).
    public enum Authentication: String, Sendable, Hashable, CaseIterable {
        case md5
        case sha
        case sha224 = "sha-224"
        case sha256 = "sha-256"
        case sha384 = "sha-384"
        case sha512 = "sha-512"
    }

    /// How messages are encrypted (RFC 3414 §8, RFC 3826).
    public enum Privacy: String, Sendable, Hashable, CaseIterable { case des, aes }

    /// The fewest characters of a password (RFC 3414 §11.2).
    public static let shortestPassword = 8

    public var name: String
    public var authentication = Authentication.sha256
    /// nil where nothing is signed.
    public var authenticationPassword: String?
    public var privacy = Privacy.aes
    /// nil where nothing is encrypted.
    public var privacyPassword: String?

    public init(name: String) { self.name = name }
}
