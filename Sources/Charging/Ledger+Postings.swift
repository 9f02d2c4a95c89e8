// Money that comes in and goes out by hand: each posting once, by the id that whoever asks gives it.

extension Ledger {
    /// Money paid in. `id` is chosen by whoever asks and makes asking twice the same as once;
    /// `amount` is positive; `at` is wall time in microseconds since 1970 UTC.
    public mutating func topUp(
        id: String, account: String, amount: Amount, at: Int64, note: String = "", by: String = ""
    ) -> Outcome {
        guard amount.isPositive else { return .refused(.amountOutOfRange(amount)) }
        return post(.topUp, id: id, account: account, amount: amount, at: at, note: note, by: by)
    }

    /// Money given back that is for no call. As `topUp`.
    public mutating func refund(
        id: String, account: String, amount: Amount, at: Int64, note: String = "", by: String = ""
    ) -> Outcome {
        guard amount.isPositive else { return .refused(.amountOutOfRange(amount)) }
        return post(
            .refund, id: id, account: account, amount: amount, at: at, note: note, by: by)
    }

    /// Money given back for a call: all refunds of it to an account together are never more than the
    /// account was charged for it. As `topUp`.
    ///
    /// - Parameter charged: what the call was charged on this account, as its posting says, since
    ///   the ledger remembers no charges; nil when it was not.
    public mutating func refund(
        id: String, account: String, amount: Amount, at: Int64, call: UInt64, charged: Amount?,
        note: String = "", by: String = ""
    ) -> Outcome {
        guard amount.isPositive else { return .refused(.amountOutOfRange(amount)) }
        // What was refunded under this id counts among the earlier ones, and is only told again.
        if remembered[Posting.Kind.refund.rawValue + ":" + id] == nil {
            guard let charged, charged.isPositive else {
                return .refused(.notCharged(account: account))
            }
            let earlier = refunded(call: call, account: account)
            guard amount <= charged - earlier else {
                return .refused(
                    .refundTooLarge(account: account, charged: charged, refunded: earlier))
            }
        }
        return post(
            .refund, id: id, account: account, amount: amount, at: at, call: call, note: note,
            by: by)
    }

    /// What an account was given back for a call.
    public func refunded(call: UInt64, account: String) -> Amount {
        refunds[call]?[account] ?? .zero
    }

    /// Only after all checks.
    mutating func remember(_ posting: Posting) {
        remembered[posting.id] = posting
        guard posting.kind == .refund, let call = posting.call else { return }
        refunds[call, default: [:]][posting.account, default: .zero] += posting.amount
    }

    /// A correction in either direction. One that takes money away can take what is available, and
    /// nothing that a running call holds. As `topUp`.
    public mutating func adjust(
        id: String, account: String, amount: Amount, at: Int64, note: String = "", by: String = ""
    ) -> Outcome {
        guard amount != .zero else { return .refused(.amountOutOfRange(amount)) }
        return post(
            .adjustment, id: id, account: account, amount: amount, at: at, note: note, by: by)
    }

    private mutating func post(
        _ kind: Posting.Kind, id: String, account: String, amount: Amount, at: Int64,
        call: UInt64? = nil, note: String, by: String
    ) -> Outcome {
        guard (1...Posting.longestID).contains(id.utf8.count),
            id.utf8.allSatisfy({ $0 >= UInt8(ascii: " ") && $0 != 0x7f })
        else { return .refused(.invalidPostingID(id)) }
        guard note.utf8.count <= Posting.longestNote else { return .refused(.noteTooLong) }
        guard by.utf8.count <= Posting.longestOperator else { return .refused(.operatorTooLong) }
        guard (-Ledger.largestBalance)...Ledger.largestBalance ~= amount else {
            return .refused(.amountOutOfRange(amount))
        }
        let postingID = kind.rawValue + ":" + id
        if let done = remembered[postingID] {
            guard done.account == account, done.amount == amount, done.call == call else {
                return .refused(.postingIDReused(done))
            }
            return .alreadyDone(done)
        }
        guard let index = indices[account] else { return .refused(.unknownAccount(account)) }
        guard remembered.count < limits.rememberedPostings else {
            return .refused(.tableFull("rememberedPostings"))
        }
        let balance = entries[index].account.balance + amount
        guard balance <= Ledger.largestBalance else {
            return .refused(.balanceTooLarge(account: account))
        }
        let available = entries[index].available
        guard -amount <= available else {
            return .refused(
                .insufficient(account: account, available: available, needed: -amount))
        }

        let posting = Posting(
            id: postingID, account: account, kind: kind, amount: amount, balanceAfter: balance,
            at: at, call: call, note: note, by: by)
        entries[index].account.balance = balance
        entries[index].account.version += 1
        remember(posting)
        checkInvariant(at: index)
        return .posted(posting)
    }

    // MARK: Vouchers

    /// Takes in a batch of vouchers, all of them or none.
    public mutating func add(_ batch: [Voucher]) -> Refusal? {
        guard let first = batch.first else { return .invalidBatch("it has no vouchers") }
        guard Voucher.isValidBatch(first.batch) else {
            return .invalidBatch(
                "\"\(first.batch)\" is no name: 1 to \(Voucher.longestBatch) of A-Z a-z 0-9 - _ .")
        }
        guard batch.count <= Voucher.mostInBatch else {
            return .invalidBatch("it has more than \(Voucher.mostInBatch) vouchers")
        }
        guard !vouchers.values.contains(where: { $0.batch == first.batch }) else {
            return .invalidBatch("there is a batch \(first.batch) already")
        }
        guard first.amount.isPositive, first.amount <= Ledger.largestBalance else {
            return .amountOutOfRange(first.amount)
        }
        guard Account.isValidCurrency(first.currency) else {
            return .invalidCurrency(first.currency)
        }
        guard vouchers.count + batch.count <= limits.vouchers else { return .tableFull("vouchers") }
        let keys = Set(batch.map(\.key))
        guard keys.count == batch.count, keys.allSatisfy({ vouchers[$0] == nil }) else {
            return .invalidBatch("two codes are the same")
        }
        for voucher in batch {
            precondition(
                voucher.batch == first.batch && voucher.amount == first.amount,
                "one batch, one amount")
            vouchers[voucher.key] = voucher
        }
        return nil
    }

    /// Puts a voucher's sum on an account. The same account may ask again, which does nothing more;
    /// another one is refused.
    public mutating func redeem(
        key: String, account id: String, at moment: LedgerMoment, by: String = ""
    ) -> Outcome {
        guard let voucher = vouchers[key] else { return .refused(.unknownVoucher) }
        let (batch, serial) = (voucher.batch, voucher.serial)
        guard let account = account(id) else { return .refused(.unknownAccount(id)) }
        let postingID = Posting.Kind.voucher.rawValue + ":" + voucher.postingID
        if let done = remembered[postingID] {
            guard done.account == id else {
                return .refused(.voucherUsed(batch: batch, serial: serial))
            }
            return .alreadyDone(done)
        }
        if let expiresAt = voucher.expiresAt, moment.at >= expiresAt {
            return .refused(.voucherExpired(batch: batch, serial: serial))
        }
        guard account.currency == voucher.currency else {
            return .refused(.voucherCurrencyDiffers(account: id, currency: voucher.currency))
        }
        return post(
            .voucher, id: voucher.postingID, account: id, amount: voucher.amount, at: moment.at,
            note: "voucher \(serial) of batch \(batch)", by: by)
    }

    /// Every batch by name. O(vouchers).
    public var voucherBatches: [VoucherBatch] {
        var batches: [String: VoucherBatch] = [:]
        for voucher in vouchers.values {
            let posting = Posting.Kind.voucher.rawValue + ":" + voucher.postingID
            var batch =
                batches[voucher.batch]
                ?? VoucherBatch(
                    batch: voucher.batch, count: 0, redeemed: 0, amount: voucher.amount,
                    currency: voucher.currency, expiresAt: voucher.expiresAt)
            batch.count += 1
            batch.redeemed += remembered[posting] == nil ? 0 : 1
            batches[voucher.batch] = batch
        }
        return batches.values.sorted { $0.batch < $1.batch }
    }

    // MARK: Allowances

    /// What became of an allowance whose day or month is over.
    public struct Renewed: Hashable, Sendable {
        /// With its new period; to be stored before the posting.
        public let account: Account
        /// What writes off the old one's debts; nil when nothing was spent.
        public let posting: Posting?
    }

    /// Begins the allowances of a chain anew whose period is over. To be asked before the chain pays
    /// for anything, and before it is shown. A date before the last one renews nothing.
    public mutating func renew(chainOf account: String, at moment: LedgerMoment) -> [Renewed] {
        var renewed: [Renewed] = []
        var index = indices[account] ?? Ledger.noParent
        while index != Ledger.noParent {
            if let renewal = entries[index].account.renewal {
                let period = renewal.period(of: moment.day)
                if period > entries[index].account.renewedIn {
                    renewed.append(renew(index, renewal, period: period, at: moment))
                }
            }
            index = entries[index].parent
        }
        return renewed
    }

    private mutating func renew(
        _ index: Int, _ renewal: Account.Renewal, period: Int32, at moment: LedgerMoment
    ) -> Renewed {
        entries[index].account.renewedIn = period
        entries[index].account.version += 1
        let saved = entries[index].account
        guard saved.balance.isNegative else { return Renewed(account: saved, posting: nil) }
        let text = renewal.text(of: moment.day)
        let posting = Posting(
            id: "\(Posting.Kind.renewal.rawValue):\(saved.id):\(text)", account: saved.id,
            kind: .renewal, amount: -saved.balance, balanceAfter: .zero, at: moment.at,
            note: "allowance of \(text)")
        entries[index].account.balance = .zero
        entries[index].account.version += 1
        checkInvariant(at: index)
        return Renewed(account: saved, posting: posting)
    }
}
