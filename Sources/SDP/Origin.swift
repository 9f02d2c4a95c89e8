/// The value of an `o=` line: who made the session, its number and its version (RFC 4566 §5.2).
public struct Origin: Hashable, Sendable {
    /// `-` when the writer has none.
    public var username: ArraySlice<UInt8>
    /// Digits; some writers use more than fit in 64 bits.
    public var sessionID: ArraySlice<UInt8>
    /// Digits; one more each time the description changes (RFC 3264 §8).
    public var version: ArraySlice<UInt8>
    /// `IP4` or `IP6`.
    public var addressType: ArraySlice<UInt8>
    public var address: ArraySlice<UInt8>

    public init(
        username: ArraySlice<UInt8>, sessionID: ArraySlice<UInt8>, version: ArraySlice<UInt8>,
        addressType: ArraySlice<UInt8>, address: ArraySlice<UInt8>
    ) {
        self.username = username
        self.sessionID = sessionID
        self.version = version
        self.addressType = addressType
        self.address = address
    }

    /// `alice 2890844526 2890844527 IN IP4 host.example.com`.
    init?(value: ArraySlice<UInt8>) {
        var rest = value
        guard let username = takeWord(&rest), let sessionID = takeWord(&rest),
            let version = takeWord(&rest), takeWord(&rest) != nil,
            let addressType = takeWord(&rest), let address = takeWord(&rest)
        else { return nil }
        self.init(
            username: username, sessionID: sessionID, version: version, addressType: addressType,
            address: address)
    }

    /// Appends the whole line but its end. Bytes that would break it become `-`.
    func append(to bytes: inout [UInt8]) {
        bytes.append(contentsOf: "o=".utf8)
        for (index, part) in [username, sessionID, version, [], addressType, address].enumerated() {
            if index > 0 { bytes.append(0x20) }
            if index == 3 {
                bytes.append(contentsOf: "IN".utf8)
                continue
            }
            if part.isEmpty { bytes.append(UInt8(ascii: "-")) }
            for byte in part {
                bytes.append(byte > 0x20 && byte != 0x7f ? byte : UInt8(ascii: "-"))
            }
        }
    }
}
