import Charging
import Dialplan
import Switching

extension Explanation {
    /// For people: the outcome in a sentence, then every step, numbered.
    public func text(_ language: ExplanationLanguage) -> String {
        let words = Words(language)
        var text = "\(dialled)\(words.colon)\(outcomeText(words))\n"
        if let presented { text += "\(words.presents) \(presented)\n" }
        if normalised != dialled { text += "\(words.broughtTo) \(normalised)\n" }
        if let numberClass { text += "\(words.numberClass) \(numberClass)\n" }
        text += Explanation.text(ofSteps: steps, language)
        for payment in payments { text += words.payment(payment) + "\n" }
        return text + "\(words.dialplan) \(planVersion)\n"
    }

    /// Steps as they are stored, numbered, one a line.
    public static func text(ofSteps steps: [String], _ language: ExplanationLanguage) -> String {
        var text = ""
        let width = String(steps.count).count
        for (index, step) in steps.enumerated() {
            let number = String(index + 1)
            text += String(repeating: " ", count: width - number.count)
            text += "\(number)  \(Step.text(stored: step, language))\n"
        }
        return text
    }

    /// What became of a call that was made: every way that was tried, then every step of the decision.
    ///
    /// - Parameter state: as `show calls` names it, of a call under way.
    public static func text(
        of record: CallRecord, state: String?, _ language: ExplanationLanguage
    ) -> String {
        let words = Words(language)
        var text = ""
        if let state { text += words.underWay + words.state(state) + "\n" }
        for attempt in record.attempts {
            text += "\(words.tried) \(words.kind(attempt.kind)) \(attempt.route)\(words.colon)"
            text += words.outcome(attempt.outcome)
            text += (attempt.reason.isEmpty ? "" : words.comma + attempt.reason) + "\n"
        }
        text += Explanation.text(ofSteps: record.explanation, language)
        return text + "\(words.dialplan) \(record.dialplanVersion)\n"
    }

    private func outcomeText(_ words: Words) -> String {
        if let refusal {
            // The text of a rule is the admin's own, in the admin's own words.
            let code = refusalCode.flatMap(Refusal.Code.init(rawValue:))
            let reason = words.language == .english ? refusal : code?.text(.chinese) ?? refusal
            return words.refused + reason + (sipStatus.map { " (\($0))" } ?? "")
        }
        let outcome = words.outcome(outcome)
        guard !routes.isEmpty else { return outcome }
        return outcome + words.via + routes.map(words.way).joined(separator: words.then)
    }

    /// For programs: one object. The steps stand there as sentences, and as facts that are the same
    /// in every language: the step's word, then what it is about.
    public func cell(_ language: ExplanationLanguage) -> Cell {
        .object([
            .init("outcome", .text(outcome)), .init("dialled", .text(dialled)),
            .init("normalised", .text(normalised)), .init("class", .text(numberClass)),
            .init("routes", .texts(routes)), .init("presented", .text(presented)),
            .init("refusal", .text(refusal)), .init("refusal_code", .text(refusalCode)),
            .init("sip_status", .number(sipStatus)),
            .init("steps", .texts(steps.map { Step.text(stored: $0, language) })),
            .init("facts", Explanation.facts(ofSteps: steps)),
            .init(
                "payments",
                .list(
                    payments.map { payment in
                        .object([
                            .init("way", .text(payment.way)),
                            .init("account", .text(payment.account)),
                            .init("minute", .amount(payment.minute)),
                            .init("currency", .text(payment.currency)),
                            .init("refusal", .text(payment.refusal)),
                            .init("sip_status", .number(payment.sipStatus)),
                        ])
                    })),
            .init("dialplan", .text(planVersion)),
        ])
    }

    /// Nothing for a step of an older version, which is a sentence.
    public static func facts(ofSteps steps: [String]) -> Cell {
        .list(
            steps.map { stored in
                Step(stored: stored).map { .texts([$0.code] + $0.facts) } ?? .texts([])
            })
    }
}

/// What stands around the steps.
private struct Words {
    let language: ExplanationLanguage

    init(_ language: ExplanationLanguage) { self.language = language }

    private func choose(_ english: String, _ chinese: String) -> String {
        switch language {
        case .english: english
        case .chinese: chinese
        }
    }

    var colon: String { choose(": ", "：") }
    var presents: String { choose("presents", "显示主叫") }
    var broughtTo: String { choose("brought to the form", "规整为") }
    var numberClass: String { choose("number class", "号码类别") }
    var dialplan: String { choose("dialplan", "拨号方案版本") }
    var refused: String { choose("refused: ", "拒绝：") }
    var via: String { choose(" via ", "，经 ") }
    var then: String { choose(", then ", "，其次 ") }
    var comma: String { choose(", ", "，") }
    var tried: String { choose("tried", "试呼") }
    var underWay: String { choose("the call is under way: ", "通话进行中：") }

    /// What carried an attempt.
    func kind(_ kind: CallRecord.Attempt.Kind) -> String {
        guard language == .chinese else { return kind.rawValue }
        return switch kind {
        case .extension: "分机"
        case .line: "直线"
        case .trunk: "中继"
        }
    }

    /// What came of an attempt; nil for one that is not at its end.
    func outcome(_ outcome: CallRecord.Attempt.Outcome?) -> String {
        switch outcome {
        case .answered: choose("answered", "应答")
        case .failed: choose("failed", "失败")
        case .skipped: choose("skipped", "未试")
        case nil: choose("unfinished", "未完")
        }
    }

    /// A call's state as `show calls` names it.
    func state(_ state: String) -> String {
        guard language == .chinese else { return state }
        return switch state {
        case "routing": "选路"
        case "trying": "正在呼叫"
        case "ringing": "振铃"
        case "answering": "应答中"
        case "connected": "通话"
        case "parked": "驻留"
        case "transferring": "转接中"
        default: state
        }
    }

    /// `ip-e1: a minute costs 0.700000 CNY, account 8100 pays`
    func payment(_ payment: Explanation.Payment) -> String {
        let price = payment.minute.map { "\($0) \(payment.currency)" }
        var text = way(payment.way) + colon
        text += price.map { choose("a minute costs \($0)", "每分钟 \($0)") } ?? ""
        if let account = payment.account {
            text += choose(", account \(account) pays", "，由账户 \(account) 付费")
        }
        guard let refusal = payment.refusal else { return text }
        let separator = price == nil ? "" : choose("; ", "；")
        let why =
            payment.sipStatus == 402 ? Refusal.Code.balance.text(language) + choose(": ", "：") : ""
        return text + separator + choose("not taken: ", "不可用：")
            + (language == .english ? refusal : why + refusal)
    }

    /// `ring 8002`, `route` and so on.
    func outcome(_ outcome: String) -> String {
        guard language == .chinese else { return outcome }
        let feature = outcome.split(separator: " ").map(String.init)
        if feature.count == 3, feature[0] == "feature", let known = Feature(rawValue: feature[1]),
            let action = FeatureCall.Action(rawValue: feature[2])
        {
            return "功能：" + known.text(.chinese) + action.text(.chinese)
        }
        let table = [
            ("ring group ", "振铃组 "), ("ring ", "振铃分机 "), ("emergency", "紧急呼叫"),
            ("route", "接出"), ("ask pin of ", "要求输入密码："),
            ("refuse", "拒绝"),
        ]
        for (english, chinese) in table where outcome.hasPrefix(english) {
            return chinese + outcome.dropFirst(english.count)
        }
        return outcome
    }

    /// `line 66778001 (down) sends 86035566`
    func way(_ way: String) -> String {
        guard language == .chinese else { return way }
        return way.split(separator: " ").map { word in
            switch word {
            case "line": "直线"
            case "lines": "直线组"
            case "trunk": "中继"
            case "(down)": "（不可用）"
            case "sends": "发送"
            default: String(word)
            }
        }.joined(separator: " ")
    }
}
