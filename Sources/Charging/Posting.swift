/// One change of one balance. It is never altered and never taken back: a mistake is put right by
/// another posting.
public struct Posting: Hashable, Sendable, Codable {
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        case topUp = "topup"
        case refund
        case adjustment
        /// A voucher that was redeemed.
        case voucher
        /// An allowance began anew: what was spent of the last one is written off.
        case renewal
        case charge
    }

    /// Unique for ever: `topup:ID`, `refund:ID`, `adjustment:ID` with the id the caller gave,
    /// `voucher:BATCH:SERIAL`, `renewal:ACCOUNT:PERIOD`, and `call:CALL:ACCOUNT` for a charge.
    public let id: String
    public let account: String
    public let kind: Kind
    /// Signed: what the balance rose by. Negative for a charge.
    public let amount: Amount
    /// The account's balance directly after.
    public let balanceAfter: Amount
    /// Wall time, microseconds since 1970 UTC. A label: order is the order of posting.
    public let at: Int64
    /// The call that was charged, or that a refund is for.
    public let call: UInt64?
    /// Why.
    public let note: String
    /// The operator; empty for what the switch does by itself.
    public let by: String

    public init(
        id: String, account: String, kind: Kind, amount: Amount, balanceAfter: Amount, at: Int64,
        call: UInt64? = nil, note: String = "", by: String = ""
    ) {
        self.id = id
        self.account = account
        self.kind = kind
        self.amount = amount
        self.balanceAfter = balanceAfter
        self.at = at
        self.call = call
        self.note = note
        self.by = by
    }

    /// Of the id a caller gives and of a note, in bytes of UTF-8.
    public static let longestID = 128
    public static let longestNote = 256
    public static let longestOperator = 64

    /// `call:CALL:ACCOUNT`, in one allocation: it is made for every account of every charged call.
    public static func chargeID(call: UInt64, account: String) -> String {
        // "call:", 20 digits at most, ":".
        let capacity = 26 + account.utf8.count
        return String(unsafeUninitializedCapacity: capacity) { buffer in
            var count = 0
            for byte in "call:".utf8 {
                buffer[count] = byte
                count += 1
            }
            let first = count
            var rest = call
            repeat {
                buffer[count] = UInt8(ascii: "0") + UInt8(rest % 10)
                count += 1
                rest /= 10
            } while rest > 0
            buffer[first..<count].reverse()
            buffer[count] = UInt8(ascii: ":")
            count += 1
            for byte in account.utf8 {
                buffer[count] = byte
                count += 1
            }
            return count
        }
    }
}
