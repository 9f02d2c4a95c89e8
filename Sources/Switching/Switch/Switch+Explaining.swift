import Charging
import Dialplan
import SIP

// What would become of a call: the dialplan's decision, the order of its ways, and who could pay now.

extension Switch {
    mutating func explain(_ question: Explanation.Question, for token: ControlToken) {
        if let name = question.down.first(where: { !isWay($0) }) {
            let names = settings.trunks.map(\.name).joined(separator: ", ")
            reply(
                .refused(
                    "there is no trunk and no direct line \(name); the trunks are \(names), and "
                        + "line stands for every line"), to: token)
            return
        }
        guard let (caller, dialled) = caller(question) else {
            reply(
                .refused(
                    "\(question.from) is neither an extension that is set up, nor a trunk, nor a "
                        + "direct line"), to: token)
            return
        }
        guard dialled == question.dial else {
            reply(
                .refused("a call on the direct line \(dialled) dials \(dialled)"), to: token)
            return
        }
        var query = query(
            caller: caller, dialled: dialled, at: question.at, down: Set(question.down),
            callerNumber: caller.number == nil ? question.presenting : nil,
            wish: caller.number == nil ? nil : question.presenting)
        query.isThorough = true
        var decision = plan.decide(query)
        var payments: [Explanation.Payment] = []
        if case .routes(var choices) = decision.outcome {
            let number = decision.normalised
            let (routes, steps) = inOrder(
                choices, to: number, at: question.at ?? wallTime, isDrawn: false)
            choices = routes
            decision.explanation += steps
            if let payer = decision.rights {
                // As a call does: an allowance may begin anew now.
                if let account = extensions[payer]?.account { commit(renewals(of: account)) }
                payments = choices.map {
                    payment(for: number, on: $0.via, by: payer, at: question.at)
                }
                choices = zip(choices, payments).filter { $1.refusal == nil }.map(\.0)
            }
            if !choices.isEmpty { decision.outcome = .routes(choices) }
        }
        // Nobody learns here whether a PIN is right: the question is what would be asked.
        let secrets = plan.secrets(in: dialled, by: caller)
        decision.mask(secrets)
        var explanation = Explanation(decision)
        explanation.steps = explanation.steps.map { PINMask.masked($0, secrets) }
        explanation.payments = payments
        if let last = payments.last, payments.allSatisfy({ $0.refusal != nil }) {
            explanation.outcome = "refuse"
            explanation.routes = []
            explanation.presented = nil
            explanation.refusal = last.refusal
            explanation.sipStatus = last.sipStatus
            if last.sipStatus == 402 { explanation.refusalCode = Refusal.Code.balance.rawValue }
        }
        reply(.explanation(explanation), to: token)
    }

    private func isWay(_ name: String) -> Bool {
        name == "line" || trunks[name] != nil || settings.trunks.contains { $0.name == name }
            || plan.hasLine(name)
    }

    /// Who asks, and what is dialled: on a direct line that is its number.
    private func caller(_ question: Explanation.Question) -> (Caller, dialled: String)? {
        if let subscriber = extensions[question.from] {
            return (.extension(subscriber.number, level: subscriber.level), question.dial)
        }
        if trunks[question.from] != nil { return (.trunk(question.from), question.dial) }
        guard plan.hasLine(question.from) else { return nil }
        // Its calls come from its gateway.
        guard let gateway = lineGateways.gateway(of: question.from) else {
            return (.line(question.from), question.from)
        }
        return (.trunk(gateway.trunk), question.from)
    }

    /// What `reserve` would find for a call that begins now; nothing is held.
    ///
    /// - Parameter at: when the price is asked for, in microseconds since 1970; nil for now.
    private func payment(
        for number: String, on via: RouteChoice.Via, by payer: String, at: Int64?
    ) -> Explanation.Payment {
        let account = extensions[payer]?.account
        let plan = account.map { ledger.tariffPlan(of: $0) } ?? TariffBook.standardPlan
        let way: String
        switch via {
        case .trunk(let name): way = name
        case .line, .lines: way = TariffBook.lines
        }
        let at = at ?? wallTime
        var payment = Explanation.Payment(way: "\(via)", currency: settings.currency)
        guard let (row, deck) = tariffs.price(of: number, plan: plan, via: way, at: at) else {
            (payment.refusal, payment.sipStatus) = (Self.noPrice(number, plan: plan), 403)
            return payment
        }
        payment.currency = deck.tariff.currency ?? settings.currency
        let rating = Rating(
            row, calendar: deck.tariff.calendar, from: at, offset: priceOffset(at: at))
        payment.minute = rating.price(milliseconds: 60_000)
        if row.isFree { return payment }
        payment.account = account
        guard let account else {
            (payment.refusal, payment.sipStatus) = ("extension \(payer) has no account", 402)
            return payment
        }
        if outOfService != nil {
            (payment.refusal, payment.sipStatus) = ("calls cannot be charged now", 503)
            return payment
        }
        if let own = ledger.account(account)?.currency, own != payment.currency {
            payment.refusal =
                "plan \(plan) has prices in \(payment.currency), and account \(account) is in \(own)"
            payment.sipStatus = 403
            return payment
        }
        if let refusal = refusal(of: rating, account: account, payer: payer) {
            let failure = Self.failure(refusal)
            (payment.refusal, payment.sipStatus) = (failure.text, failure.status)
        }
        return payment
    }

    /// Whether the first slice, or at least the first step, could be held.
    private func refusal(
        of rating: Rating, account: String, payer: String
    ) -> Ledger.Refusal? {
        let ring = settings.calls.noAnswer.milliseconds
        let slice = settings.calls.slice.milliseconds
        func refusal(_ amount: Amount) -> Ledger.Refusal? {
            ledger.refusal(
                ofReserving: amount, account: account, extension: payer, at: moment)
        }
        let first = refusal(rating.dearestCost(milliseconds: slice, answeredWithin: ring))
        guard let first, refusal(rating.dearestFirstStep(answeredWithin: ring)) != nil else {
            return nil
        }
        return first
    }
}
