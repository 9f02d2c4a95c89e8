/// The name of a header field. Names compare without regard to case; a compact form is its long name.
///
/// A name that Tandem knows is one byte; another one keeps its bytes as they were spelled.
public struct HeaderName: Sendable {
    enum Storage: Sendable {
        case known(KnownHeader)
        case other([UInt8])
    }

    let storage: Storage

    @inline(__always) init(_ known: KnownHeader) { storage = .known(known) }

    /// The name spelled by these bytes. Allocates for an unknown name only.
    public init(_ bytes: ArraySlice<UInt8>) {
        let range = ByteRange(0, min(bytes.count, MessageLimits.bytes))
        if let known = KnownHeader.Table.shared.find(bytes.span, range) {
            storage = .known(known)
        } else {
            storage = .other(Array(bytes))
        }
    }

    /// The name of this spelling.
    public init(_ name: String) {
        self.init(Array(name.utf8)[...])
    }

    /// The spelling: the RFC's for a known name, what was received for another.
    public var spelling: String {
        switch storage {
        case .known(let known): known.spelling.description
        case .other(let bytes): String(decoding: bytes, as: UTF8.self)
        }
    }
}

extension HeaderName: Hashable {
    public static func == (a: HeaderName, b: HeaderName) -> Bool {
        switch (a.storage, b.storage) {
        case (.known(let a), .known(let b)): a == b
        case (.other(let a), .other(let b)):
            a.count == b.count && zip(a, b).allSatisfy { $0.lowercased == $1.lowercased }
        case (.known, .other), (.other, .known): false
        }
    }

    public func hash(into hasher: inout Hasher) {
        switch storage {
        case .known(let known):
            hasher.combine(known.rawValue)
        case .other(let bytes):
            for byte in bytes { hasher.combine(byte.lowercased) }
        }
    }
}

extension HeaderName: ExpressibleByStringLiteral {
    public init(stringLiteral name: String) { self.init(name) }
}

extension HeaderName: CustomStringConvertible {
    public var description: String { spelling }
}

extension HeaderName {
    public static var via: HeaderName { HeaderName(.via) }
    public static var from: HeaderName { HeaderName(.from) }
    public static var to: HeaderName { HeaderName(.to) }
    public static var callID: HeaderName { HeaderName(.callID) }
    public static var cseq: HeaderName { HeaderName(.cseq) }
    public static var maxForwards: HeaderName { HeaderName(.maxForwards) }
    public static var contentLength: HeaderName { HeaderName(.contentLength) }
    public static var contentType: HeaderName { HeaderName(.contentType) }
    public static var contact: HeaderName { HeaderName(.contact) }
    public static var route: HeaderName { HeaderName(.route) }
    public static var recordRoute: HeaderName { HeaderName(.recordRoute) }
    public static var expires: HeaderName { HeaderName(.expires) }
    public static var authorization: HeaderName { HeaderName(.authorization) }
    public static var proxyAuthorization: HeaderName { HeaderName(.proxyAuthorization) }
    public static var wwwAuthenticate: HeaderName { HeaderName(.wwwAuthenticate) }
    public static var proxyAuthenticate: HeaderName { HeaderName(.proxyAuthenticate) }
    public static var authenticationInfo: HeaderName { HeaderName(.authenticationInfo) }
    public static var require: HeaderName { HeaderName(.require) }
    public static var proxyRequire: HeaderName { HeaderName(.proxyRequire) }
    public static var supported: HeaderName { HeaderName(.supported) }
    public static var unsupported: HeaderName { HeaderName(.unsupported) }
    public static var allow: HeaderName { HeaderName(.allow) }
    public static var allowEvents: HeaderName { HeaderName(.allowEvents) }
    public static var accept: HeaderName { HeaderName(.accept) }
    public static var acceptEncoding: HeaderName { HeaderName(.acceptEncoding) }
    public static var acceptLanguage: HeaderName { HeaderName(.acceptLanguage) }
    public static var acceptContact: HeaderName { HeaderName(.acceptContact) }
    public static var rejectContact: HeaderName { HeaderName(.rejectContact) }
    public static var requestDisposition: HeaderName { HeaderName(.requestDisposition) }
    public static var alertInfo: HeaderName { HeaderName(.alertInfo) }
    public static var callInfo: HeaderName { HeaderName(.callInfo) }
    public static var contentDisposition: HeaderName { HeaderName(.contentDisposition) }
    public static var contentEncoding: HeaderName { HeaderName(.contentEncoding) }
    public static var contentLanguage: HeaderName { HeaderName(.contentLanguage) }
    public static var date: HeaderName { HeaderName(.date) }
    public static var errorInfo: HeaderName { HeaderName(.errorInfo) }
    public static var inReplyTo: HeaderName { HeaderName(.inReplyTo) }
    public static var mimeVersion: HeaderName { HeaderName(.mimeVersion) }
    public static var minExpires: HeaderName { HeaderName(.minExpires) }
    public static var organization: HeaderName { HeaderName(.organization) }
    public static var priority: HeaderName { HeaderName(.priority) }
    public static var replyTo: HeaderName { HeaderName(.replyTo) }
    public static var retryAfter: HeaderName { HeaderName(.retryAfter) }
    public static var server: HeaderName { HeaderName(.server) }
    public static var subject: HeaderName { HeaderName(.subject) }
    public static var timestamp: HeaderName { HeaderName(.timestamp) }
    public static var userAgent: HeaderName { HeaderName(.userAgent) }
    public static var warning: HeaderName { HeaderName(.warning) }
    public static var reason: HeaderName { HeaderName(.reason) }
    public static var rack: HeaderName { HeaderName(.rack) }
    public static var rseq: HeaderName { HeaderName(.rseq) }
    public static var sessionExpires: HeaderName { HeaderName(.sessionExpires) }
    public static var minSE: HeaderName { HeaderName(.minSE) }
    public static var event: HeaderName { HeaderName(.event) }
    public static var subscriptionState: HeaderName { HeaderName(.subscriptionState) }
    public static var sipETag: HeaderName { HeaderName(.sipETag) }
    public static var sipIfMatch: HeaderName { HeaderName(.sipIfMatch) }
    public static var referTo: HeaderName { HeaderName(.referTo) }
    public static var referredBy: HeaderName { HeaderName(.referredBy) }
    public static var referSub: HeaderName { HeaderName(.referSub) }
    public static var replaces: HeaderName { HeaderName(.replaces) }
    public static var join: HeaderName { HeaderName(.join) }
    public static var path: HeaderName { HeaderName(.path) }
    public static var serviceRoute: HeaderName { HeaderName(.serviceRoute) }
    public static var privacy: HeaderName { HeaderName(.privacy) }
    public static var pAssertedIdentity: HeaderName { HeaderName(.pAssertedIdentity) }
    public static var pPreferredIdentity: HeaderName { HeaderName(.pPreferredIdentity) }
    public static var pAssociatedURI: HeaderName { HeaderName(.pAssociatedURI) }
    public static var pCalledPartyID: HeaderName { HeaderName(.pCalledPartyID) }
    public static var pAccessNetworkInfo: HeaderName { HeaderName(.pAccessNetworkInfo) }
    public static var pChargingVector: HeaderName { HeaderName(.pChargingVector) }
    public static var pEarlyMedia: HeaderName { HeaderName(.pEarlyMedia) }
    public static var remotePartyID: HeaderName { HeaderName(.remotePartyID) }
    public static var diversion: HeaderName { HeaderName(.diversion) }
    public static var historyInfo: HeaderName { HeaderName(.historyInfo) }
    public static var identity: HeaderName { HeaderName(.identity) }
    public static var identityInfo: HeaderName { HeaderName(.identityInfo) }
    public static var geolocation: HeaderName { HeaderName(.geolocation) }
    public static var userToUser: HeaderName { HeaderName(.userToUser) }
    public static var targetDialog: HeaderName { HeaderName(.targetDialog) }
    public static var flowTimer: HeaderName { HeaderName(.flowTimer) }
    public static var maxBreadth: HeaderName { HeaderName(.maxBreadth) }
    public static var answerMode: HeaderName { HeaderName(.answerMode) }
    public static var privAnswerMode: HeaderName { HeaderName(.privAnswerMode) }
    public static var resourcePriority: HeaderName { HeaderName(.resourcePriority) }
    public static var acceptResourcePriority: HeaderName { HeaderName(.acceptResourcePriority) }
    public static var recvInfo: HeaderName { HeaderName(.recvInfo) }
    public static var infoPackage: HeaderName { HeaderName(.infoPackage) }
    public static var sessionID: HeaderName { HeaderName(.sessionID) }
    public static var featureCaps: HeaderName { HeaderName(.featureCaps) }
}
