/// A sum that whoever knows its code may put on an account, once.
public struct Voucher: Hashable, Sendable, Codable {
    /// What the code hashes to. The code itself is printed when the batch is made, and kept nowhere.
    public let key: String
    /// 1 to `longestBatch` of `A-Za-z0-9-_.`.
    public let batch: String
    /// From 1, in its batch.
    public let serial: Int
    public let amount: Amount
    /// ISO 4217: only an account of the same currency takes it.
    public let currency: String
    /// Wall time, microseconds since 1970 UTC; nil: never.
    public let expiresAt: Int64?

    public init(
        key: String, batch: String, serial: Int, amount: Amount, currency: String,
        expiresAt: Int64? = nil
    ) {
        self.key = key
        self.batch = batch
        self.serial = serial
        self.amount = amount
        self.currency = currency
        self.expiresAt = expiresAt
    }

    public static let longestBatch = 40
    public static let mostInBatch = 10_000

    /// What makes its posting unique.
    var postingID: String { "\(batch):\(serial)" }

    static func isValidBatch(_ name: String) -> Bool {
        (1...longestBatch).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }
}

/// A batch of vouchers as an operator sees it.
public struct VoucherBatch: Hashable, Sendable, Codable {
    public var batch: String
    public var count: Int
    public var redeemed: Int
    /// Of each.
    public var amount: Amount
    public var currency: String
    public var expiresAt: Int64?
}
