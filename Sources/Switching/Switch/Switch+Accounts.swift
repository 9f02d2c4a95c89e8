import Charging
import Dialplan
import SIP

// What operators do with accounts. Every change of money goes in here, and its answer waits for the
// disk.

extension Switch {
    mutating func moneyRequested(_ request: ControlRequest, by token: ControlToken) {
        // It could only be answered when the disk has it, and nobody knows when that is.
        if let storeFailure, request.changesMoney {
            reply(
                .refused("not done, ask again later: the store fails: \(storeFailure)"), to: token)
            return
        }
        switch request {
        case .accounts:
            let all = ledger.accounts
            commit(all.flatMap { renewals(of: $0.id) })
            reply(.accounts(ledger.accounts.map { accountRow($0) }), to: token)
        case .accountShown(let id):
            commit(renewals(of: id))
            if let account = ledger.account(id) {
                reply(.accounts([accountRow(account)]), to: token)
            } else {
                reply(.refused("there is no account \(id)"), to: token)
            }
        case .accountOpened(let opening): open(opening, for: token)
        case .accountChanged(let change): self.change(change, for: token)
        case .accountToppedUp(let change):
            commit(renewals(of: change.account))
            let outcome = ledger.topUp(
                id: change.id, account: change.account, amount: change.amount, at: wallTime,
                note: change.note, by: change.by)
            post(outcome, verb: "topped up", account: change.account, for: token)
        case .accountAdjusted(let change):
            commit(renewals(of: change.account))
            let outcome = ledger.adjust(
                id: change.id, account: change.account, amount: change.amount, at: wallTime,
                note: change.note, by: change.by)
            post(outcome, verb: "adjusted", account: change.account, for: token)
        case .accountRefunded(let change): refund(change, for: token)
        case .spendingHeld(let subject, let reason, let by):
            hold(subject, reason: reason, by: by, for: token)
        case .spendingReleased(let subject, let by): release(subject, by: by, for: token)
        case .vouchersMade(let order): make(order, for: token)
        case .voucherRedeemed(let code, let account, let by):
            let outcome = redeemVoucher(code: code, account: account, by: by)
            post(outcome, verb: "topped up by a voucher", account: account, for: token)
        case .voucherBatches: reply(.voucherBatches(ledger.voucherBatches), to: token)
        case .priced(let question): price(question, for: token)
        default:
            // Whoever calls this has sorted the requests.
            preconditionFailure("this is not about money")
        }
    }

    // MARK: Accounts

    private mutating func open(_ opening: AccountOpening, for token: ControlToken) {
        let above = opening.parent.flatMap { ledger.account($0)?.currency }
        let account = Account(
            id: opening.id, name: opening.name, parent: opening.parent,
            kind: opening.isPostpaid || opening.renewal != nil ? .postpaid : .prepaid,
            creditLimit: opening.creditLimit,
            currency: opening.currency ?? above ?? settings.currency,
            expiresAt: opening.expiresAt, lowMark: opening.lowMark, plan: opening.plan,
            limits: opening.limits, renewal: opening.renewal)
        if let plan = opening.plan, let problem = problem(plan: plan, of: account) {
            reply(.refused(problem), to: token)
            return
        }
        if let refusal = ledger.open(account, at: moment) {
            reply(.refused("\(refusal)"), to: token)
            return
        }
        guard let opened = ledger.account(opening.id) else { return }
        commit([.accountSaved(opened)], then: .done("account \(opening.id) opened"), to: token)
    }

    /// Why a plan cannot price the calls of an account; nil when it can.
    private func problem(plan: String, of account: Account) -> String? {
        guard tariffs.has(plan: plan) || plan == TariffBook.standardPlan else {
            let plans = tariffs.plans.joined(separator: ", ")
            return "there is no tariff plan \(plan)"
                + (plans.isEmpty ? "; import one first" : "; there are \(plans)")
        }
        guard let deck = tariffs.deck(plan: plan, at: wallTime) else { return nil }
        return otherCurrency(of: deck, than: account)
    }

    /// Why prices of a list are not for an account: a chain pays in one currency.
    func otherCurrency(of deck: TariffDeck, than account: Account) -> String? {
        let currency = deck.tariff.currency ?? settings.currency
        guard account.currency != currency else { return nil }
        return "plan \(deck.plan) has prices in \(currency), and account \(account.id) is in "
            + account.currency
    }

    private mutating func change(_ change: AccountChange, for token: ControlToken) {
        commit(renewals(of: change.id))
        guard var account = ledger.account(change.id) else {
            reply(.refused("there is no account \(change.id)"), to: token)
            return
        }
        if let name = change.name { account.name = name }
        if let limit = change.creditLimit { account.creditLimit = limit }
        if let isBlocked = change.isBlocked { account.isBlocked = isBlocked }
        if let expiry = change.expiresAt { account.expiresAt = expiry.value }
        if let mark = change.lowMark { account.lowMark = mark.value }
        if let plan = change.plan { account.plan = plan.value }
        if let limit = change.callLimit { account.limits.call = limit.value }
        if let limit = change.hourLimit { account.limits.hour = limit.value }
        if let limit = change.dayLimit { account.limits.day = limit.value }
        // Only a plan that is named now: one that is gone must not keep its accounts from being blocked.
        if let plan = change.plan?.value, let problem = problem(plan: plan, of: account) {
            reply(.refused(problem), to: token)
            return
        }
        if let refusal = ledger.update(account) {
            reply(.refused("\(refusal)"), to: token)
            return
        }
        guard let changed = ledger.account(change.id) else { return }
        commit([.accountSaved(changed)], then: .done("account \(change.id) changed"), to: token)
    }

    private mutating func refund(_ change: MoneyChange, for token: ControlToken) {
        commit(renewals(of: change.account))
        let outcome: Ledger.Outcome
        if let text = change.call {
            guard let call = CallID(text) else {
                reply(.refused("\"\(text)\" is no call id; it looks like 3-1042"), to: token)
                return
            }
            outcome = ledger.refund(
                id: change.id, account: change.account, amount: change.amount, at: wallTime,
                call: call.rawValue, charged: change.charged, note: change.note, by: change.by)
        } else {
            outcome = ledger.refund(
                id: change.id, account: change.account, amount: change.amount, at: wallTime,
                note: change.note, by: change.by)
        }
        post(outcome, verb: "refunded", account: change.account, for: token)
    }

    private mutating func post(
        _ outcome: Ledger.Outcome, verb: String, account: String, for token: ControlToken
    ) {
        switch outcome {
        case .posted(let posting):
            announceLow(posting)
            let text =
                "account \(account) \(verb) by \(posting.amount), balance \(posting.balanceAfter)"
            commit([.posted(posting)], then: .done(text), to: token)
        case .alreadyDone(let posting):
            let text =
                "done before under the same id: \(posting.amount), balance then "
                + "\(posting.balanceAfter)"
            // What was done before may itself still wait for the disk.
            if waitingCommits == 0 {
                reply(.done(text), to: token)
            } else {
                replyWhenDurable(.done(text), to: token)
            }
        case .refused(let refusal): reply(.refused("\(refusal)"), to: token)
        }
    }

    private func accountRow(_ account: Account) -> AccountRow {
        let subject = SpendingSubject.account(account.id)
        let spent = ledger.spent(subject, at: moment)
        var states: [String] = []
        if account.isBlocked { states.append("blocked") }
        if let expiresAt = account.expiresAt, expiresAt <= wallTime { states.append("expired") }
        if let hold = ledger.hold(subject), hold.releasedAt == nil {
            states.append("on hold: \(hold.reason)")
        }
        if account.isLow { states.append("low") }
        return AccountRow(
            id: account.id, name: account.name, parent: account.parent,
            kind: account.kind.rawValue, balance: account.balance,
            reserved: ledger.reserved(account: account.id) ?? .zero,
            available: ledger.available(account.id) ?? .zero, creditLimit: account.creditLimit,
            currency: account.currency, isBlocked: account.isBlocked,
            state: states.isEmpty ? "ok" : states.joined(separator: ", "),
            plan: ledger.tariffPlan(of: account.id), renewal: account.renewal?.rawValue,
            expiresAt: account.expiresAt, lowMark: account.lowMark, spentInHour: spent.hour,
            spentToday: spent.day, limits: account.limits)
    }

    // MARK: Limits against theft

    private mutating func hold(
        _ subject: SpendingSubject, reason: String, by: String, for token: ControlToken
    ) {
        if let problem = problem(subject, texts: [reason, by]) {
            reply(.refused(problem), to: token)
            return
        }
        guard let hold = ledger.hold(subject, reason: reason, by: by, at: moment) else {
            reply(.done("\(subject) is on hold already"), to: token)
            return
        }
        log(.notice, "\(subject) is on hold: \(reason)")
        commit([.spendingHeld(hold)], then: .done("\(subject) is on hold"), to: token)
    }

    private mutating func release(
        _ subject: SpendingSubject, by: String, for token: ControlToken
    ) {
        if let problem = problem(subject, texts: [by]) {
            reply(.refused(problem), to: token)
            return
        }
        guard let hold = ledger.release(subject, by: by, at: moment) else {
            reply(.refused("\(subject) is not on hold"), to: token)
            return
        }
        log(.notice, "\(subject) is released")
        commit(
            [.spendingHeld(hold)],
            then: .done("\(subject) is released; its hour and its day count anew"), to: token)
    }

    private func problem(_ subject: SpendingSubject, texts: [String]) -> String? {
        switch subject {
        case .account(let id):
            if ledger.account(id) == nil { return "there is no account \(id)" }
        case .extension(let number):
            if extensions[number] == nil { return "there is no extension \(number)" }
        }
        guard texts.allSatisfy({ $0.utf8.count <= SpendingHold.longestText }) else {
            return "a reason is \(SpendingHold.longestText) bytes long at most"
        }
        return nil
    }

    // MARK: Prices

    private mutating func price(_ question: PriceQuestion, for token: ControlToken) {
        guard question.milliseconds >= 0, question.milliseconds <= 366 * 86_400_000 else {
            reply(.refused("a call lasts 0 s to one year"), to: token)
            return
        }
        let at = question.at ?? wallTime
        var account: String?
        var caller = Caller.extension(
            plan.extensions.first?.first ?? "0", level: plan.levels.last ?? "")
        if let payer = question.payer {
            if let subscriber = extensions[payer] {
                account = subscriber.account
                caller = .extension(payer, level: subscriber.level)
                guard account != nil else {
                    reply(.refused("extension \(payer) has no account"), to: token)
                    return
                }
            } else if ledger.account(payer) != nil {
                account = payer
            } else {
                reply(.refused("there is no extension and no account \(payer)"), to: token)
                return
            }
        }
        // A number is rated in the form the dialplan brings it to.
        var query = Query(
            caller: caller, dialled: question.number, time: wallClock.civilTime(at))
        query.timesElsewhere = wallClock.otherTimes(at)
        let decision = plan.decide(query)
        if question.via == nil, let kind = uncharged(decision) {
            let free = PriceRow(
                number: decision.normalised, prefix: nil, name: kind, plan: nil, via: nil, at: at,
                milliseconds: question.milliseconds, amount: .zero, currency: settings.currency,
                receipt: [])
            reply(.price(free), to: token)
            return
        }
        let via = question.via ?? firstWay(decision, at: at)
        if let via, via != TariffBook.lines, trunks[via] == nil {
            reply(
                .refused("there is no trunk \(via), and it is not \(TariffBook.lines)"), to: token)
            return
        }
        let name = account.map { ledger.tariffPlan(of: $0) } ?? TariffBook.standardPlan
        guard let (row, deck) = tariffs.price(of: decision.normalised, plan: name, via: via, at: at)
        else {
            reply(.refused(Self.noPrice(decision.normalised, plan: name)), to: token)
            return
        }
        if let payer = account.flatMap({ ledger.account($0) }),
            let problem = otherCurrency(of: deck, than: payer)
        {
            reply(.refused(problem), to: token)
            return
        }
        let rating = Rating(
            row, calendar: deck.tariff.calendar, from: at, offset: priceOffset(at: at))
        let steps = rating.begunSteps(milliseconds: question.milliseconds)
        var refused: String?
        if case .refuse(let refusal) = decision.outcome, extensions[question.payer ?? ""] != nil {
            refused = refusal.reason
        }
        reply(
            .price(
                PriceRow(
                    number: decision.normalised, prefix: row.prefix, name: row.name, plan: name,
                    via: via, at: at, milliseconds: question.milliseconds,
                    amount: rating.cost(ofSteps: steps),
                    currency: deck.tariff.currency ?? settings.currency,
                    receipt: rating.receipt(ofSteps: steps).map { "\($0)" },
                    refused: refused)), to: token)
    }

    /// What a call is that nobody pays for, whatever the tariff says of its number.
    private func uncharged(_ decision: Decision) -> String? {
        switch decision.outcome {
        case .ring, .ringGroup: "inside, free"
        case .emergency: "emergency, free"
        case .feature: "feature code, free"
        case .routes, .askPIN, .refuse: nil
        }
    }

    private mutating func firstWay(_ decision: Decision, at: Int64) -> String? {
        guard case .routes(let choices) = decision.outcome,
            let first = inOrder(choices, to: decision.normalised, at: at, isDrawn: false)
                .choices.first
        else { return nil }
        switch first.via {
        case .trunk(let name): return name
        case .line, .lines: return TariffBook.lines
        }
    }
}

extension ControlRequest {
    /// Whether it changes what stands in the books.
    fileprivate var changesMoney: Bool {
        switch self {
        case .accountOpened, .accountChanged, .accountToppedUp, .accountAdjusted, .accountRefunded,
            .spendingReleased, .vouchersMade, .voucherRedeemed:
            true
        // A hold stops calls, and does so at once even if the disk has it later.
        case .spendingHeld: false
        default: false
        }
    }
}
