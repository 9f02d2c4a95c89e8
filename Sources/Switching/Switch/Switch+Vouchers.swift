import Charging
import SIP

// Vouchers: made in batches, printed once, redeemed once.

extension Switch {
    /// Digits of a code: so many that nobody finds one by dialling.
    static let voucherDigits = 16

    /// Puts a voucher on an account; the code may have spaces and dashes. For the control socket and
    /// for a feature code, which has to store the posting and to count wrong codes of its caller.
    mutating func redeemVoucher(code: String, account: String, by: String) -> Ledger.Outcome {
        let digits = code.filter { $0 != " " && $0 != "-" }
        commit(renewals(of: account))
        return ledger.redeem(key: voucherKey(digits), account: account, at: moment, by: by)
    }

    private func voucherKey(_ code: String) -> String {
        hashes.sha256(Array("voucher ".utf8) + Array(code.utf8)).map { byte in
            let digits = String(byte, radix: 16)
            return digits.utf8.count == 1 ? "0" + digits : digits
        }
        .joined()
    }

    mutating func make(_ order: VoucherOrder, for token: ControlToken) {
        guard 1...Voucher.mostInBatch ~= order.count else {
            reply(.refused("a batch has 1 to \(Voucher.mostInBatch) vouchers"), to: token)
            return
        }
        if let expiresAt = order.expiresAt, expiresAt <= wallTime {
            reply(.refused("vouchers that expire before they are made pay for nothing"), to: token)
            return
        }
        let currency = order.currency ?? settings.currency
        var rows: [VoucherRow] = []
        var vouchers: [Voucher] = []
        for serial in 1...order.count {
            let code = voucherCode()
            rows.append(
                VoucherRow(
                    batch: order.batch, serial: serial, code: code, amount: order.amount,
                    currency: currency, expiresAt: order.expiresAt))
            vouchers.append(
                Voucher(
                    key: voucherKey(code), batch: order.batch, serial: serial,
                    amount: order.amount, currency: currency, expiresAt: order.expiresAt))
        }
        if let refusal = ledger.add(vouchers) {
            reply(.refused("\(refusal)"), to: token)
            return
        }
        commit([.vouchersAdded(vouchers)], then: .vouchers(rows), to: token)
    }

    private mutating func voucherCode() -> String {
        var code = String(tokens.next() % 10_000_000_000_000_000)
        while code.utf8.count < Self.voucherDigits { code = "0" + code }
        return code
    }
}
