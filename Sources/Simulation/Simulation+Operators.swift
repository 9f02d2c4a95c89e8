import Charging
import SIP
import Switching

// What operators do all day: vouchers, accounts that are blocked, a switch that is emptied.

/// A voucher as its batch was printed.
struct PrintedVoucher: Sendable, Hashable {
    var code: String
    /// The id of the one posting that redeems it.
    var posting: String
}

/// One redemption, asked for until it is answered.
struct Redemption: Sendable {
    var voucher: PrintedVoucher
    var account: String
    var isAnswered = false
}

extension Simulation {
    /// From here on up the tokens of redemptions, and above them those of new batches; below are the
    /// top-ups. `max` is nobody, who hears no answer.
    static let redemptionTokens: UInt64 = 1 << 32
    static let batchTokens: UInt64 = 1 << 33

    // MARK: Vouchers

    /// Makes a batch now and then, and redeems what is printed: by two at once, and again.
    mutating func useVouchers() {
        guard !vouchers.isEmpty, chance.happens(permille: 700) else {
            orderABatch()
            return
        }
        let voucher = chance.pick(vouchers)
        for _ in 0..<chance.number(in: 1...2) {
            redemptions.append(
                Redemption(voucher: voucher, account: chance.pick(site.accounts.map(\.id))))
            askForRedemption(redemptions.count - 1)
        }
    }

    private mutating func orderABatch() {
        voucherBatches += 1
        let order = VoucherOrder(
            batch: "b\(voucherBatches)", count: chance.number(in: 1...4),
            amount: Amount(micros: Int64(chance.number(in: 1...2_000_000))))
        turn(.requested(.vouchersMade(order), by: ControlToken(rawValue: Self.batchTokens)))
    }

    mutating func askForRedemption(_ index: Int) {
        let request = redemptions[index]
        guard !request.isAnswered else { return }
        queue.add(
            .redemption(index),
            at: now + .milliseconds(isCalm ? 3000 : chance.number(in: 20...4000)))
        turn(
            .requested(
                .voucherRedeemed(code: request.voucher.code, account: request.account, by: "shop"),
                by: ControlToken(rawValue: Self.redemptionTokens + UInt64(index))))
    }

    mutating func voucherReplied(_ reply: ControlReply, to token: ControlToken) {
        guard token.rawValue < Self.batchTokens else {
            guard case .vouchers(let rows) = reply, token.rawValue != .max else { return }
            for row in rows {
                if !disk.durable.vouchers.contains(where: {
                    $0.batch == row.batch && $0.serial == row.serial
                }) {
                    auditor.find("a voucher printed before durable", "\(row.batch) \(row.serial)")
                }
                vouchers.append(
                    PrintedVoucher(
                        code: row.code, posting: "voucher:\(row.batch):\(row.serial)"))
            }
            return
        }
        let index = Int(token.rawValue - Self.redemptionTokens)
        let request = redemptions[index]
        redemptions[index].isAnswered = true
        switch reply {
        case .done:
            let redeemed = disk.durable.postings.first { $0.id == request.voucher.posting }
            if redeemed?.account != request.account {
                auditor.find("money told before durable", request.voucher.posting)
            }
        case .refused(let why):
            guard auditor.redeemers[request.voucher.posting] == nil else { break }
            guard auditor.isStoreFailing else {
                auditor.find("a good voucher refused", "\(request.voucher.posting): \(why)")
                break
            }
            // Nothing can be stored, so nothing was used up: whoever has it will ask again.
            redemptions[index].isAnswered = false
        case .status, .calls, .trunks, .lines, .registrations, .extensions, .accounts,
            .explanation, .runningCall, .price, .vouchers, .voucherBatches,
            .bans:
            auditor.find("a wrong reply", request.voucher.posting)
        }
    }

    // MARK: Accounts

    /// Blocks an account, lets it expire soon, or opens it again.
    mutating func changeAnAccount() {
        var change = AccountChange(id: chance.pick(site.accounts.map(\.id)))
        switch chance.below(5) {
        case 0, 1: change.isBlocked = true
        case 2: change.expiresAt = .set(wallTime + Int64(chance.number(in: -5...60)) * 1_000_000)
        default:
            change.isBlocked = false
            change.expiresAt = .cleared
        }
        turn(.requested(.accountChanged(change), by: ControlToken(rawValue: .max)))
    }

    // MARK: Upgrades

    mutating func drainForUpgrade(_ isDraining: Bool) {
        guard theSwitch != nil else { return }
        turn(
            .requested(
                .drainChanged(isDraining: isDraining), by: ControlToken(rawValue: .max)))
        auditor.isDraining = isDraining
    }
}
