import Charging
import SIP
import Switching

// What the site does all day: calls of every kind, top-ups, and their results.

/// A top-up or an adjustment, asked for with one id until it is answered.
struct MoneyRequest: Sendable {
    enum Kind: String, Sendable { case topUp = "topup", adjustment, refund }

    var change: MoneyChange
    var kind: Kind
    var isAnswered = false

    /// Of the posting that it makes.
    var postingID: String { "\(kind.rawValue):\(change.id)" }
}

extension Simulation {
    mutating func beginWork() {
        // Registrations first.
        queue.add(.call, at: now + .seconds(2))
        if faults.contains(.topUps) { queue.add(.fault(.topUps), at: now + .seconds(5)) }
    }

    // MARK: Calls

    mutating func call() {
        guard !isCalm else { return }
        let gap = faults.contains(.rush) ? 600 : 3000
        queue.add(.call, at: now + .milliseconds(work.number(in: gap / 10...2 * gap)))
        switch work.below(100) {
        case 0..<18: callInside()
        case 18..<32: callIn()
        case 32..<35: callEmergency()
        case 35..<45 where faults.contains(.featureCodes): callAFeature()
        default: callOut()
        }
    }

    private mutating func drawnTalk() -> Instant.Span {
        if faults.contains(.longCalls), work.happens(permille: 300) {
            return .seconds(work.number(in: 60...900))
        }
        return .milliseconds(work.pick([500, 6000, 12_000, 30_000, 45_000, 70_000]))
            + .milliseconds(work.below(7000))
    }

    private mutating func drawnPatience() -> Instant.Span? {
        if faults.contains(.impatience), work.happens(permille: 350) {
            return .milliseconds(work.number(in: 1...9000))
        }
        return work.happens(permille: 100) ? .seconds(work.number(in: 5...40)) : nil
    }

    mutating func newSerial() -> Int {
        lastSerial += 1
        return lastSerial
    }

    /// The serial in front of a number; the dialplan takes it off.
    static func access(_ serial: Int) -> String {
        let digits = String(serial)
        return "7" + String(repeating: "0", count: SimulatedSite.serialDigits - digits.utf8.count)
            + digits
    }

    private mutating func callOut() {
        let number =
            switch work.below(12) {
            case 0...2: "2" + work.digits(7)
            case 3: "3" + work.digits(7)
            case 4: "4" + work.digits(7)
            case 5: "5" + work.digits(7)
            case 6: "6" + work.digits(7)
            case 7...8: "020" + work.digits(8)
            case 9: "13" + work.digits(9)
            case 10: "00852" + work.digits(8)
            default: "001" + work.digits(9)
            }
        place(from: work.below(SimulatedSite.phones), to: number, kind: .outbound)
    }

    private mutating func callInside() {
        let from = work.below(SimulatedSite.phones)
        let to = work.below(SimulatedSite.phones)
        place(from: from, to: SimulatedSite.number(to), kind: .internal)
    }

    private mutating func callEmergency() {
        let from = work.below(SimulatedSite.phones)
        guard hasDialled.insert("\(from)>110").inserted else { return }
        place(from: from, to: "110", kind: .emergency)
    }

    /// Its own settings, its balance, a voucher.
    private mutating func callAFeature() {
        let from = work.below(SimulatedSite.phones)
        var dialled = work.pick(["*100", "*78", "*79"])
        var voucher: PrintedVoucher?
        if !vouchers.isEmpty, work.happens(permille: 600) {
            voucher = work.pick(vouchers)
            dialled = "*99*" + (voucher?.code ?? "")
        }
        guard hasDialled.insert("\(from)>\(Self.recorded(dialled))").inserted else { return }
        let serial = place(
            from: from, to: dialled, kind: .feature, talk: .seconds(1), patience: nil)
        auditor.calls[serial]?.voucher = voucher?.posting
    }

    /// As a record spells what was dialled: without the code of a voucher.
    private static func recorded(_ dialled: String) -> String {
        dialled.hasPrefix("*99*") ? "*99*****" : dialled
    }

    private mutating func callIn() {
        let gateway = SimulatedSite.phones + work.below(2)
        guard agents[gateway].condition == .well else { return }
        let line = 66_778_000 + work.below(SimulatedSite.phones)
        place(from: gateway, to: String(line), kind: .inbound)
    }

    private mutating func place(from index: Int, to number: String, kind: CallFacts.Kind) {
        let talk = drawnTalk()
        let patience = drawnPatience()
        place(from: index, to: number, kind: kind, talk: talk, patience: patience)
    }

    /// Makes a call.
    ///
    /// - Returns: its serial.
    @discardableResult
    mutating func place(
        from index: Int, to number: String, kind: CallFacts.Kind, talk: Instant.Span,
        patience: Instant.Span?, replaces: String? = nil
    ) -> Int {
        let serial = newSerial()
        var caller = agents[index].number
        var dialled = Self.access(serial) + number
        var chain: [String] = []
        switch kind {
        case .inbound:
            caller = "1390" + Self.access(serial)
            dialled = number
        case .emergency, .feature: dialled = number
        case .internal: break
        case .outbound: chain = site.extensions[index].account.map(site.chain(of:)) ?? []
        }
        let callID = agents[index].call(
            serial: serial, caller: caller, dialled: dialled, talk: talk, patience: patience,
            replaces: replaces, now: now)
        auditor.expect(
            CallFacts(
                serial: serial, callID: callID, kind: kind, caller: caller,
                dialled: Self.recorded(dialled),
                normalised: number,
                chain: chain))
        flush(index)
        return serial
    }

    /// Everybody hangs up, until nobody is left.
    mutating func hangUpAll() {
        var isBusy = false
        for index in agents.indices {
            for callID in agents[index].openSessions {
                isBusy = true
                agents[index].timers.append(
                    (now + .milliseconds(work.below(4000)), .hangUp(callID: callID)))
            }
            flush(index)
        }
        if isBusy { queue.add(.hangsUpAll, at: now + .seconds(10)) }
    }

    // MARK: Money

    mutating func newMoneyRequest() {
        let account = work.pick(site.accounts.map(\.id))
        let isTopUp = work.happens(permille: 800)
        let micros = Int64(work.number(in: 1...2_000_000))
        change(account, by: Amount(micros: isTopUp ? micros : -micros), isTopUp: isTopUp)
    }

    mutating func change(_ account: String, by amount: Amount, isTopUp: Bool) {
        moneyRequests.append(
            MoneyRequest(
                change: MoneyChange(
                    id: "m\(moneyRequests.count)", account: account, amount: amount,
                    note: "simulated"),
                kind: isTopUp ? .topUp : .adjustment))
        askForMoney(moneyRequests.count - 1)
    }

    /// Gives back some of what a call has cost, sometimes more than is left of it.
    mutating func refundACall() {
        let charges = disk.durable.postings.filter { $0.kind == .charge && $0.call != nil }
        guard !charges.isEmpty else { return }
        let charge = chance.pick(charges)
        let most = Int(-charge.amount.micros)
        moneyRequests.append(
            MoneyRequest(
                change: MoneyChange(
                    id: "m\(moneyRequests.count)", account: charge.account,
                    amount: Amount(micros: Int64(chance.number(in: 1...most))), note: "simulated",
                    call: charge.call.map { CallID(rawValue: $0).description },
                    charged: -charge.amount),
                kind: .refund))
        askForMoney(moneyRequests.count - 1)
    }

    /// Asks, and asks again until there is an answer: with one id it moves money once.
    mutating func askForMoney(_ index: Int) {
        let request = moneyRequests[index]
        guard !request.isAnswered else { return }
        queue.add(
            .money(index), at: now + .milliseconds(isCalm ? 3000 : work.number(in: 20...4000)))
        let asked: ControlRequest =
            switch request.kind {
            case .topUp: .accountToppedUp(request.change)
            case .adjustment: .accountAdjusted(request.change)
            case .refund: .accountRefunded(request.change)
            }
        turn(.requested(asked, by: ControlToken(rawValue: UInt64(index))))
    }

    mutating func replied(_ reply: ControlReply, to token: ControlToken) {
        if token.rawValue >= Self.redemptionTokens {
            voucherReplied(reply, to: token)
            return
        }
        guard token.rawValue < UInt64(moneyRequests.count) else { return }
        let index = Int(token.rawValue)
        let request = moneyRequests[index]
        switch reply {
        case .done:
            moneyRequests[index].isAnswered = true
            let id = request.postingID
            if !auditor.durablePostings.contains(id) {
                auditor.find("money told before durable", id)
            }
        case .refused(let why):
            // The disk has not said yet what became of it, or takes nothing: ask again.
            if why.hasPrefix("not known yet") || auditor.isStoreGivenUp { break }
            switch request.kind {
            case .topUp: break
            // There was not so much on it, or left of the charge; nobody asks again.
            case .adjustment, .refund:
                moneyRequests[index].isAnswered = true
                if auditor.durablePostings.contains(request.postingID) {
                    auditor.find("refused and done", request.postingID)
                }
            }
        case .status, .calls, .trunks, .lines, .registrations, .extensions, .accounts,
            .explanation, .runningCall, .price, .vouchers, .voucherBatches,
            .bans:
            auditor.find("a wrong reply", request.change.id)
        }
    }
}
