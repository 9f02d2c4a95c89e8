/// Who pays: a balance, what may be owed on top of it, and who has to pay along.
public struct Account: Hashable, Sendable, Codable {
    public enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// Ends at zero: the credit limit is 0.
        case prepaid
        /// Ends at its credit limit below zero.
        case postpaid
    }

    /// 1 to `longestID` printable ASCII characters without space, comma and quotes.
    public let id: String
    /// How long an allowance is for.
    public enum Renewal: String, Hashable, Sendable, Codable, CaseIterable {
        case day
        case month

        func period(of day: CivilDay) -> Int32 {
            switch self {
            case .day: day.number
            case .month: day.month
            }
        }

        /// `2026-10-01` or `2026-10`.
        func text(of day: CivilDay) -> String {
            switch self {
            case .day: day.description
            case .month: String(day.description.dropLast(3))
            }
        }
    }

    /// For people.
    public var name: String
    /// The account that must cover every call too: a department over an extension, an enterprise
    /// over a department. It is set when the account is opened, and stays.
    public let parent: String?
    public let kind: Kind
    /// How far below zero the balance may go; 0 for prepaid.
    public var creditLimit: Amount
    /// All that was paid in, less all that was posted for calls. What running calls hold is not
    /// taken off; see `Ledger.available(_:)`.
    public internal(set) var balance: Amount
    /// ISO 4217. One for a whole chain.
    public let currency: String
    /// A blocked account starts no call and lengthens none.
    public var isBlocked: Bool
    /// From then on it starts no call and lengthens none; wall time, microseconds since 1970 UTC.
    public var expiresAt: Int64?
    /// When balance and credit limit together fall below this, somebody should be told.
    public var lowMark: Amount?
    /// The tariff plan that prices its calls, and those of accounts below it that name none.
    public var plan: String?
    /// Where they say something, they go before the configured ones.
    public var limits: SpendingLimits
    /// For an allowance: what was spent is written off when the next day or month begins. Such an
    /// account is postpaid, and its credit limit is the allowance.
    public let renewal: Renewal?
    /// The day or month, counted from 1970, in which it was last renewed.
    public internal(set) var renewedIn: Int32
    /// Counts the changes of what is kept in the store, so that an older copy is known as older.
    public internal(set) var version: UInt64

    /// For opening an account, `balance` is zero: all money comes in by postings. The other values
    /// are for what the store hands back.
    public init(
        id: String, name: String, parent: String? = nil, kind: Kind = .prepaid,
        creditLimit: Amount = .zero, balance: Amount = .zero, currency: String = "CNY",
        isBlocked: Bool = false, expiresAt: Int64? = nil, lowMark: Amount? = nil,
        plan: String? = nil, limits: SpendingLimits = .none, renewal: Renewal? = nil,
        renewedIn: Int32 = .min, version: UInt64 = 0
    ) {
        self.id = id
        self.name = name
        self.parent = parent
        self.kind = kind
        self.creditLimit = creditLimit
        self.balance = balance
        self.currency = currency
        self.isBlocked = isBlocked
        self.expiresAt = expiresAt
        self.lowMark = lowMark
        self.plan = plan
        self.limits = limits
        self.renewal = renewal
        self.renewedIn = renewedIn
        self.version = version
    }

    /// In characters.
    public static let longestID = 64
    /// In bytes of UTF-8.
    public static let longestName = 128

    /// What is wrong with the account by itself, whatever else is in the ledger.
    var refusal: Ledger.Refusal? {
        guard Account.isValidID(id) else { return .invalidAccountID(id) }
        guard name.utf8.count <= Account.longestName else { return .invalidName(account: id) }
        guard Account.isValidCurrency(currency) else { return .invalidCurrency(currency) }
        if let plan, !TariffBook.isValidPlan(plan) { return .invalidPlan(plan) }
        guard limits.isValid else { return .invalidSpendingLimit(account: id) }
        if let lowMark, !(Amount.zero...Ledger.largestBalance ~= lowMark) {
            return .amountOutOfRange(lowMark)
        }
        guard renewal == nil || kind == .postpaid else { return .allowanceOfPrepaid(account: id) }
        return Account.refusal(ofLimit: creditLimit, kind: kind, account: id)
    }

    /// Whether what is left is below the mark. What running calls hold is not taken off, so that the
    /// end of a call alone decides.
    public var isLow: Bool { lowMark.map { balance + creditLimit < $0 } ?? false }

    static func refusal(ofLimit limit: Amount, kind: Kind, account: String) -> Ledger.Refusal? {
        switch kind {
        case .prepaid:
            limit == .zero ? nil : .creditLimitOfPrepaid(account: account)
        case .postpaid:
            (.zero)...Ledger.largestBalance ~= limit ? nil : .amountOutOfRange(limit)
        }
    }

    /// Three capital letters, as of ISO 4217.
    static func isValidCurrency(_ code: String) -> Bool {
        code.utf8.count == 3
            && code.utf8.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    }

    static func isValidID(_ text: String) -> Bool {
        (1...longestID).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                byte > UInt8(ascii: " ") && byte < 0x7f && byte != UInt8(ascii: ",")
                    && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "'")
            }
    }
}
