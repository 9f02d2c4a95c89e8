extension Ledger {
    /// Why the ledger did nothing. After a refusal everything is as it was before.
    public enum Refusal: Error, Hashable, Sendable {
        case unknownAccount(String)
        case accountExists(String)
        case invalidAccountID(String)
        case invalidName(account: String)
        case invalidCurrency(String)
        case unknownParent(String)
        /// More than `Ledger.longestChain` accounts would have to pay for a call.
        case chainTooLong(account: String)
        case currencyDiffers(account: String, parent: String)
        case creditLimitOfPrepaid(account: String)
        /// `least` is what is owed and held already.
        case limitBelowOwed(account: String, least: Amount)
        /// An account is opened empty: all money comes in by postings.
        case balanceAtOpening(account: String)
        case blocked(account: String)
        case expired(account: String)
        /// Stopped by an operator, or by a limit that was met; why.
        case held(SpendingSubject, reason: String)
        /// The call would spend more than is usual.
        case limitMet(SpendingSubject, SpendingPeriod, limit: Amount)
        case invalidPlan(String)
        case invalidSpendingLimit(account: String)
        case allowanceOfPrepaid(account: String)
        /// What is set when an account is opened and stays.
        case fixed(account: String, what: String)
        case unknownVoucher
        case voucherUsed(batch: String, serial: Int)
        case voucherExpired(batch: String, serial: Int)
        case voucherCurrencyDiffers(account: String, currency: String)
        /// No name, no vouchers, too many of them, or one that is there already.
        case invalidBatch(String)
        case operatorTooLong
        /// A refund names a call that this account paid nothing for.
        case notCharged(account: String)
        /// With the refunds before it, more would be given back for a call than was paid for it.
        case refundTooLarge(account: String, charged: Amount, refunded: Amount)
        /// `account` is the first in the chain that cannot cover `needed`.
        case insufficient(account: String, available: Amount, needed: Amount)
        /// Empty, too long, or with control characters.
        case invalidPostingID(String)
        case noteTooLong
        /// The id was used before, for something else: this.
        case postingIDReused(Posting)
        /// Not positive where it has to be, zero, or above `Ledger.largestBalance`.
        case amountOutOfRange(Amount)
        /// The balance would pass `Ledger.largestBalance`.
        case balanceTooLarge(account: String)
        /// A limit of the ledger's tables is reached; which, by its name in `Ledger.Limits`.
        case tableFull(String)
    }
}

extension Ledger.Refusal: CustomStringConvertible {
    /// In plain words, for whoever asked.
    public var description: String {
        switch self {
        case .unknownAccount(let id): "there is no account \(id)"
        case .accountExists(let id): "there is an account \(id) already"
        case .invalidAccountID(let id):
            "\"\(id)\" is no account id: 1 to \(Account.longestID) printable ASCII characters "
                + "without space, comma and quotes"
        case .invalidName(let id):
            "the name of account \(id) is longer than \(Account.longestName) bytes"
        case .invalidCurrency(let code): "\"\(code)\" is no currency code like CNY"
        case .unknownParent(let id): "there is no account \(id) to be the parent"
        case .chainTooLong(let id):
            "account \(id) would be number \(Ledger.longestChain + 1) of its chain, "
                + "and \(Ledger.longestChain) is the most"
        case .currencyDiffers(let id, let parent):
            "account \(id) and its parent \(parent) have different currencies"
        case .creditLimitOfPrepaid(let id): "account \(id) is prepaid and has no credit limit"
        case .limitBelowOwed(let id, let least):
            "account \(id) owes and holds \(least), so its limit can be no less"
        case .balanceAtOpening(let id): "account \(id) has to be opened empty, then topped up"
        case .blocked(let id): "account \(id) is blocked"
        case .expired(let id): "account \(id) has expired"
        case .held(let subject, let reason):
            "\(subject) is on hold: \(reason); an operator can release it"
        case .limitMet(let subject, .call, let limit):
            "one call of \(subject) may cost \(limit) at most"
        case .limitMet(let subject, let period, let limit):
            "\(subject) may spend \(limit) \(period == .hour ? "an hour" : "a day") at most"
        case .invalidPlan(let name):
            "\"\(name)\" is no tariff plan: 1 to \(TariffBook.longestPlan) of a-z 0-9 - _ ."
        case .invalidSpendingLimit(let id):
            "the limits of account \(id) have to be above zero; \"none\" takes one away"
        case .allowanceOfPrepaid(let id):
            "account \(id) is prepaid; an allowance is a limit of an account that is not"
        case .fixed(let id, let what): "the \(what) of account \(id) was set when it was opened"
        case .unknownVoucher: "there is no such voucher"
        case .voucherUsed(let batch, let serial):
            "voucher \(serial) of batch \(batch) was redeemed already"
        case .voucherExpired(let batch, let serial):
            "voucher \(serial) of batch \(batch) has expired"
        case .voucherCurrencyDiffers(let id, let currency):
            "the voucher is in \(currency), and account \(id) is not"
        case .invalidBatch(let reason): "the batch of vouchers cannot be made: \(reason)"
        case .operatorTooLong:
            "the operator's name is longer than \(Posting.longestOperator) bytes"
        case .notCharged(let id): "nothing was charged to account \(id) for that call"
        case .refundTooLarge(let id, let charged, let refunded):
            "account \(id) was charged \(charged) for that call and \(refunded) of it was given "
                + "back before, so \(max(charged - refunded, .zero)) is the most"
        case .insufficient(let id, let available, let needed):
            "account \(id) has \(available) available and \(needed) is needed"
        case .invalidPostingID(let id):
            "\"\(id)\" is no id: 1 to \(Posting.longestID) bytes without control characters"
        case .noteTooLong: "the note is longer than \(Posting.longestNote) bytes"
        case .postingIDReused(let done):
            "the id \(done.id.dropFirst(done.kind.rawValue.utf8.count + 1)) was used before, for "
                + "something else: it is a \(done.kind.rawValue) of \(done.amount) on account "
                + "\(done.account)" + (done.call == nil ? "" : " for a call")
                + "; nothing was moved now"
        case .amountOutOfRange(let amount):
            "\(amount) is out of range: "
                + (amount == .zero
                    ? "it may not be zero"
                    : (-Ledger.largestBalance)...Ledger.largestBalance ~= amount
                        ? "it may not be below zero" : "\(Ledger.largestBalance) is the most")
        case .balanceTooLarge(let id):
            "the balance of account \(id) would pass \(Ledger.largestBalance)"
        case .tableFull(let name): "the ledger is full: \(name)"
        }
    }
}
