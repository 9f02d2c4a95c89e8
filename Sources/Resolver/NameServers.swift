import CResolver
import Glibc
import SIP

/// Asks name servers, and remembers what they say for as long as they say it holds.
///
/// Blocks on the network for some seconds at worst, so never on the loop's thread. Belongs to one
/// thread.
public struct NameServers {
    /// Servers that are asked at most: MAXNS of the C library.
    public static let limit = 3
    /// Answers that are remembered at most; beyond it all of them are forgotten.
    static let cacheLimit = 10_000
    /// How long it is remembered that a name has no records (RFC 2308 leaves it to the zone; a minute
    /// is short enough for whoever has just written it).
    static let nothingSeconds = 60

    private let servers: [Endpoint]
    private var cache: [NameQuestion: (answer: NameAnswer, until: Instant)] = [:]

    /// - Parameter servers: none is as the system is set up: resolv.conf, and the hosts file before it.
    init(_ servers: [Endpoint]) { self.servers = servers }

    /// - Returns: the answer, and how many seconds it still holds.
    mutating func ask(_ question: NameQuestion, now: Instant) -> NameAnswer {
        if let known = cache[question], known.until > now {
            let left = Int((known.until - now).milliseconds / 1000) + 1
            switch known.answer {
            case .records(let records, _): return .records(records, seconds: left)
            case .nothing: return .nothing(seconds: left)
            case .failure: break
            }
        }
        let answer = look(question)
        switch answer {
        case .records(_, let seconds), .nothing(let seconds):
            if cache.count >= Self.cacheLimit { cache.removeAll() }
            cache[question] = (answer, now + .seconds(seconds))
        case .failure: break
        }
        return answer
    }

    private func look(_ question: NameQuestion) -> NameAnswer {
        let name: String
        let type: CInt
        switch question {
        case .pointers(let text): (name, type) = (text, CInt(ns_t_naptr.rawValue))
        case .service(let text): (name, type) = (text, CInt(ns_t_srv.rawValue))
        case .addressV4(let text): (name, type) = (text, CInt(ns_t_a.rawValue))
        case .addressV6(let text): (name, type) = (text, CInt(ns_t_aaaa.rawValue))
        }
        if servers.isEmpty, let known = hosts(question) { return known }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let storages = servers.map(Self.storage)
        let length = resolver_ask(
            storages, CInt(storages.count), name, type, &buffer, CInt(buffer.count))
        guard length >= 0 else {
            switch -length {
            case HOST_NOT_FOUND, NO_DATA: return .nothing(seconds: Self.nothingSeconds)
            case TRY_AGAIN: return .failure("no name server answers for \(name)")
            default: return .failure("the name servers refuse to answer for \(name)")
            }
        }
        return Self.records(in: buffer, length: length, type: type, name: name)
    }

    /// What the bytes of an answer say to a question for records of this type.
    static func records(
        in buffer: [UInt8], length: CInt, type: CInt, name: String
    ) -> NameAnswer {
        var records: [NameRecord] = []
        var seconds = Int(UInt32.max)
        var record = resolver_record()
        for index in 0..<CInt(1000) {
            let outcome = resolver_read(buffer, length, index, &record)
            if outcome == 0 { break }
            guard outcome > 0 else {
                return .failure("the answer for \(name) is not whole")
            }
            // An alias on the way holds no longer than it says either.
            seconds = min(seconds, Int(record.ttl))
            guard record.type == type else { continue }
            // One that rewrites names by a pattern is for telephone numbers, not for domains.
            if record.has_pattern == 0 { records.append(Self.value(record)) }
        }
        return records.isEmpty
            ? .nothing(seconds: nothingSeconds) : .records(records, seconds: seconds)
    }

    private static func value(_ record: resolver_record) -> NameRecord {
        if record.type == CInt(ns_t_srv.rawValue) {
            return .service(
                target: withUnsafeBytes(of: record.target, text), port: record.port,
                priority: record.priority, weight: record.weight)
        }
        if record.type == CInt(ns_t_naptr.rawValue) {
            return .pointer(
                order: record.priority, preference: record.weight,
                flags: withUnsafeBytes(of: record.flags, text),
                service: withUnsafeBytes(of: record.service, text),
                replacement: withUnsafeBytes(of: record.target, text))
        }
        return withUnsafeBytes(of: record.address) { bytes in
            if record.type == CInt(ns_t_a.rawValue) {
                let number = bytes.loadUnaligned(as: UInt32.self)
                return .address(IPAddress(v4: UInt32(bigEndian: number)))
            }
            return .address(
                IPAddress(
                    high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                    low: UInt64(
                        bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))))
        }
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// What the system's hosts file and its other sources say of an address, as other programs see it.
    private func hosts(_ question: NameQuestion) -> NameAnswer? {
        let name: String
        var hints = addrinfo()
        switch question {
        case .pointers, .service: return nil
        case .addressV4(let text): (name, hints.ai_family) = (text, AF_INET)
        case .addressV6(let text): (name, hints.ai_family) = (text, AF_INET6)
        }
        // Names without a dot are no names of the DNS.
        guard !name.contains(".") else { return nil }
        hints.ai_socktype = CInt(SOCK_DGRAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0 else { return nil }
        defer { freeaddrinfo(list) }
        var records: [NameRecord] = []
        var entry = list
        while let found = entry {
            if let address = found.pointee.ai_addr, let ip = Self.address(address) {
                records.append(.address(ip))
            }
            entry = found.pointee.ai_next
        }
        return records.isEmpty ? nil : .records(records, seconds: Self.nothingSeconds)
    }

    private static func address(_ address: UnsafeMutablePointer<sockaddr>) -> IPAddress? {
        let bytes = UnsafeRawPointer(address)
        switch CInt(address.pointee.sa_family) {
        case AF_INET:
            let number = bytes.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
            return IPAddress(v4: UInt32(bigEndian: number))
        case AF_INET6:
            let value = bytes.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            return withUnsafeBytes(of: value) {
                IPAddress(
                    high: UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
                    low: UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
            }
        default: return nil
        }
    }

    private static func storage(_ endpoint: Endpoint) -> sockaddr_storage {
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { bytes in
            if endpoint.ip.isV4 {
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = endpoint.port.bigEndian
                address.sin_addr.s_addr = endpoint.ip.v4.bigEndian
                bytes.storeBytes(of: address, as: sockaddr_in.self)
            } else {
                var address = sockaddr_in6()
                address.sin6_family = sa_family_t(AF_INET6)
                address.sin6_port = endpoint.port.bigEndian
                withUnsafeMutableBytes(of: &address.sin6_addr) {
                    $0.storeBytes(of: endpoint.ip.high.bigEndian, as: UInt64.self)
                    $0.storeBytes(
                        of: endpoint.ip.low.bigEndian, toByteOffset: 8, as: UInt64.self)
                }
                bytes.storeBytes(of: address, as: sockaddr_in6.self)
            }
        }
        return storage
    }
}
