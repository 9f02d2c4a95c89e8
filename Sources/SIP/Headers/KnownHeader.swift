/// The header fields that have a number of their own, in one byte.
///
/// The first eight are the ones a parse looks at; `MessageIndex` counts on their places.
enum KnownHeader: UInt8, CaseIterable, Sendable {
    case via, from, to, callID, cseq, maxForwards, contentLength, contentType
    case contact, route, recordRoute, expires, authorization, proxyAuthorization, wwwAuthenticate
    case proxyAuthenticate, authenticationInfo, require, proxyRequire, supported, unsupported
    case allow, allowEvents, accept, acceptEncoding, acceptLanguage, acceptContact, rejectContact
    case requestDisposition, alertInfo, callInfo, contentDisposition, contentEncoding
    case contentLanguage, date, errorInfo, inReplyTo, mimeVersion, minExpires, organization
    case priority, replyTo, retryAfter, server, subject, timestamp, userAgent, warning, reason
    case rack, rseq, sessionExpires, minSE, event, subscriptionState, sipETag, sipIfMatch
    case referTo, referredBy, referSub, replaces, join, path, serviceRoute, privacy
    case pAssertedIdentity, pPreferredIdentity, pAssociatedURI, pCalledPartyID
    case pAccessNetworkInfo, pChargingVector, pEarlyMedia, remotePartyID, diversion, historyInfo
    case identity, identityInfo, geolocation, userToUser, targetDialog, flowTimer, maxBreadth
    case answerMode, privAnswerMode, resourcePriority, acceptResourcePriority, recvInfo
    case infoPackage, sessionID, featureCaps

    /// The spelling of the RFC that defines the field.
    var spelling: StaticString {
        switch self {
        case .via: "Via"
        case .from: "From"
        case .to: "To"
        case .callID: "Call-ID"
        case .cseq: "CSeq"
        case .maxForwards: "Max-Forwards"
        case .contentLength: "Content-Length"
        case .contentType: "Content-Type"
        case .contact: "Contact"
        case .route: "Route"
        case .recordRoute: "Record-Route"
        case .expires: "Expires"
        case .authorization: "Authorization"
        case .proxyAuthorization: "Proxy-Authorization"
        case .wwwAuthenticate: "WWW-Authenticate"
        case .proxyAuthenticate: "Proxy-Authenticate"
        case .authenticationInfo: "Authentication-Info"
        case .require: "Require"
        case .proxyRequire: "Proxy-Require"
        case .supported: "Supported"
        case .unsupported: "Unsupported"
        case .allow: "Allow"
        case .allowEvents: "Allow-Events"
        case .accept: "Accept"
        case .acceptEncoding: "Accept-Encoding"
        case .acceptLanguage: "Accept-Language"
        case .acceptContact: "Accept-Contact"
        case .rejectContact: "Reject-Contact"
        case .requestDisposition: "Request-Disposition"
        case .alertInfo: "Alert-Info"
        case .callInfo: "Call-Info"
        case .contentDisposition: "Content-Disposition"
        case .contentEncoding: "Content-Encoding"
        case .contentLanguage: "Content-Language"
        case .date: "Date"
        case .errorInfo: "Error-Info"
        case .inReplyTo: "In-Reply-To"
        case .mimeVersion: "MIME-Version"
        case .minExpires: "Min-Expires"
        case .organization: "Organization"
        case .priority: "Priority"
        case .replyTo: "Reply-To"
        case .retryAfter: "Retry-After"
        case .server: "Server"
        case .subject: "Subject"
        case .timestamp: "Timestamp"
        case .userAgent: "User-Agent"
        case .warning: "Warning"
        case .reason: "Reason"
        case .rack: "RAck"
        case .rseq: "RSeq"
        case .sessionExpires: "Session-Expires"
        case .minSE: "Min-SE"
        case .event: "Event"
        case .subscriptionState: "Subscription-State"
        case .sipETag: "SIP-ETag"
        case .sipIfMatch: "SIP-If-Match"
        case .referTo: "Refer-To"
        case .referredBy: "Referred-By"
        case .referSub: "Refer-Sub"
        case .replaces: "Replaces"
        case .join: "Join"
        case .path: "Path"
        case .serviceRoute: "Service-Route"
        case .privacy: "Privacy"
        case .pAssertedIdentity: "P-Asserted-Identity"
        case .pPreferredIdentity: "P-Preferred-Identity"
        case .pAssociatedURI: "P-Associated-URI"
        case .pCalledPartyID: "P-Called-Party-ID"
        case .pAccessNetworkInfo: "P-Access-Network-Info"
        case .pChargingVector: "P-Charging-Vector"
        case .pEarlyMedia: "P-Early-Media"
        case .remotePartyID: "Remote-Party-ID"
        case .diversion: "Diversion"
        case .historyInfo: "History-Info"
        case .identity: "Identity"
        case .identityInfo: "Identity-Info"
        case .geolocation: "Geolocation"
        case .userToUser: "User-to-User"
        case .targetDialog: "Target-Dialog"
        case .flowTimer: "Flow-Timer"
        case .maxBreadth: "Max-Breadth"
        case .answerMode: "Answer-Mode"
        case .privAnswerMode: "Priv-Answer-Mode"
        case .resourcePriority: "Resource-Priority"
        case .acceptResourcePriority: "Accept-Resource-Priority"
        case .recvInfo: "Recv-Info"
        case .infoPackage: "Info-Package"
        case .sessionID: "Session-ID"
        case .featureCaps: "Feature-Caps"
        }
    }

    /// The letters of RFC 3261 §7.3.3 and the registrations since.
    init?(compact letter: UInt8) {
        switch letter.lowercased {
        case UInt8(ascii: "a"): self = .acceptContact
        case UInt8(ascii: "b"): self = .referredBy
        case UInt8(ascii: "c"): self = .contentType
        case UInt8(ascii: "d"): self = .requestDisposition
        case UInt8(ascii: "e"): self = .contentEncoding
        case UInt8(ascii: "f"): self = .from
        case UInt8(ascii: "i"): self = .callID
        case UInt8(ascii: "j"): self = .rejectContact
        case UInt8(ascii: "k"): self = .supported
        case UInt8(ascii: "l"): self = .contentLength
        case UInt8(ascii: "m"): self = .contact
        case UInt8(ascii: "n"): self = .identityInfo
        case UInt8(ascii: "o"): self = .event
        case UInt8(ascii: "r"): self = .referTo
        case UInt8(ascii: "s"): self = .subject
        case UInt8(ascii: "t"): self = .to
        case UInt8(ascii: "u"): self = .allowEvents
        case UInt8(ascii: "v"): self = .via
        case UInt8(ascii: "x"): self = .sessionExpires
        case UInt8(ascii: "y"): self = .identity
        default: return nil
        }
    }
}
