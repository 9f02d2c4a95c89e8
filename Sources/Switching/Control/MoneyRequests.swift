import Charging

public struct AccountOpening: Sendable, Codable, Hashable {
    public var id: String
    public var name: String
    /// The account that must pay too; nil for the top of a chain.
    public var parent: String?
    /// Zero for prepaid; the allowance itself for one.
    public var creditLimit: Amount
    public var isPostpaid: Bool
    /// What is spent is written off each day or month.
    public var renewal: Account.Renewal?
    /// ISO 4217; nil is the parent's, and at the top of a chain the site's.
    public var currency: String?
    /// The tariff plan; nil is the parent's.
    public var plan: String?
    public var lowMark: Amount?
    /// Microseconds since 1970 UTC.
    public var expiresAt: Int64?
    public var limits: SpendingLimits

    public init(
        id: String, name: String, parent: String? = nil, creditLimit: Amount = .zero,
        isPostpaid: Bool = false, renewal: Account.Renewal? = nil, currency: String? = nil,
        plan: String? = nil, lowMark: Amount? = nil, expiresAt: Int64? = nil,
        limits: SpendingLimits = .none
    ) {
        self.id = id
        self.name = name
        self.parent = parent
        self.creditLimit = creditLimit
        self.isPostpaid = isPostpaid
        self.renewal = renewal
        self.currency = currency
        self.plan = plan
        self.lowMark = lowMark
        self.expiresAt = expiresAt
        self.limits = limits
    }
}

/// What to do with a value that may be missing.
public enum Setting<Value: Sendable & Codable & Hashable>: Sendable, Codable, Hashable {
    case set(Value)
    case cleared

    /// nil when it is cleared.
    public var value: Value? {
        switch self {
        case .set(let value): value
        case .cleared: nil
        }
    }
}

/// What to set of an account; nil leaves it as it is.
public struct AccountChange: Sendable, Codable, Hashable {
    public var id: String
    public var name: String?
    public var creditLimit: Amount?
    public var isBlocked: Bool?
    /// Microseconds since 1970 UTC.
    public var expiresAt: Setting<Int64>?
    public var lowMark: Setting<Amount>?
    public var plan: Setting<String>?
    public var callLimit: Setting<Amount>?
    public var hourLimit: Setting<Amount>?
    public var dayLimit: Setting<Amount>?

    public init(id: String) { self.id = id }
}

/// A top-up, a refund or an adjustment.
public struct MoneyChange: Sendable, Codable, Hashable {
    /// Given by who asks; the same id never moves money twice.
    public var id: String
    public var account: String
    /// Top-ups and refunds are above zero; adjustments either way.
    public var amount: Amount
    public var note: String
    /// The operator.
    public var by: String
    /// The call that a refund is for: `3-1042`.
    public var call: String?
    /// What that call was charged on the account; nil when it was not. The shell looks it up in the
    /// store, so it is no part of what is asked and travels nowhere.
    public var charged: Amount?

    private enum CodingKeys: String, CodingKey {
        case id, account, amount, note, by, call
    }

    public init(
        id: String, account: String, amount: Amount, note: String, by: String = "",
        call: String? = nil, charged: Amount? = nil
    ) {
        self.id = id
        self.account = account
        self.amount = amount
        self.note = note
        self.by = by
        self.call = call
        self.charged = charged
    }
}

/// Vouchers to make.
public struct VoucherOrder: Sendable, Codable, Hashable {
    /// A name that no batch has yet.
    public var batch: String
    public var count: Int
    /// Of each.
    public var amount: Amount
    /// ISO 4217; nil is the site's.
    public var currency: String?
    /// Microseconds since 1970 UTC; nil: never.
    public var expiresAt: Int64?

    public init(
        batch: String, count: Int, amount: Amount, currency: String? = nil, expiresAt: Int64? = nil
    ) {
        self.batch = batch
        self.count = count
        self.amount = amount
        self.currency = currency
        self.expiresAt = expiresAt
    }
}

/// What a call would cost.
public struct PriceQuestion: Sendable, Codable, Hashable {
    public var number: String
    public var milliseconds: Int64
    /// The extension or the account that would pay; nil takes the standard plan.
    public var payer: String?
    /// When it would be answered, microseconds since 1970 UTC; nil is now.
    public var at: Int64?
    /// The trunk it would take, or `line`; nil is the first way that the dialplan gives the payer.
    public var via: String?

    public init(
        number: String, milliseconds: Int64, payer: String? = nil, at: Int64? = nil,
        via: String? = nil
    ) {
        self.number = number
        self.milliseconds = milliseconds
        self.payer = payer
        self.at = at
        self.via = via
    }
}

public struct AccountRow: Sendable, Codable, Hashable {
    public var id: String
    public var name: String
    public var parent: String?
    public var kind: String
    public var balance: Amount
    public var reserved: Amount
    /// What may still be reserved.
    public var available: Amount
    public var creditLimit: Amount
    public var currency: String
    public var isBlocked: Bool
    /// `ok`, or all that is to be said: blocked, expired, on hold, low.
    public var state: String
    /// The tariff plan in force, its own or one from above.
    public var plan: String
    /// `day` or `month` for an allowance.
    public var renewal: String?
    public var expiresAt: Int64?
    public var lowMark: Amount?
    /// In the hour and on the day at hand, running calls not among it.
    public var spentInHour: Amount
    public var spentToday: Amount
    public var limits: SpendingLimits
}

public struct PriceRow: Sendable, Codable, Hashable {
    public var number: String
    /// Of the row; nil for a call that no row is asked for: inside, for help, a feature code.
    public var prefix: String?
    /// Of the row, or what kind of free call it is.
    public var name: String
    public var plan: String?
    /// The way out, where it was asked about or is known.
    public var via: String?
    /// When the call is answered, microseconds since 1970 UTC.
    public var at: Int64
    public var milliseconds: Int64
    public var amount: Amount
    public var currency: String
    /// The receipt, a line for each part of the price.
    public var receipt: [String]
    /// Why the dialplan refuses this call to the payer; nil when it does not.
    public var refused: String?
}

/// A voucher as it is printed: the only time its code is seen.
public struct VoucherRow: Sendable, Codable, Hashable {
    public var batch: String
    public var serial: Int
    public var code: String
    public var amount: Amount
    public var currency: String
    public var expiresAt: Int64?
}
