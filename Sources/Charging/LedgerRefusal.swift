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
        /// An account is opened empty: all money comes in by postings.
        case balanceAtOpening(account: String)
        case blocked(account: String)
        /// `account` is the first in the chain that cannot cover `needed`.
        case insufficient(account: String, available: Amount, needed: Amount)
        /// Empty, too long, or with control characters.
        case invalidPostingID(String)
        case noteTooLong
        /// The id was used before, for something else.
        case postingIDReused(String)
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
        case .balanceAtOpening(let id): "account \(id) has to be opened empty, then topped up"
        case .blocked(let id): "account \(id) is blocked"
        case .insufficient(let id, let available, let needed):
            "account \(id) has \(available) available and \(needed) is needed"
        case .invalidPostingID(let id):
            "\"\(id)\" is no id: 1 to \(Posting.longestID) bytes without control characters"
        case .noteTooLong: "the note is longer than \(Posting.longestNote) bytes"
        case .postingIDReused(let id): "the id \(id) was used before, for something else"
        case .amountOutOfRange(let amount): "\(amount) is out of range"
        case .balanceTooLarge(let id):
            "the balance of account \(id) would pass \(Ledger.largestBalance)"
        case .tableFull(let name): "the ledger is full: \(name)"
        }
    }
}
