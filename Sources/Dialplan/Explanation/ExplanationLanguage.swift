/// A language in which explanations are told. Each has a catalogue that names every kind of step, and
/// a step that one of them does not know does not compile.
public enum ExplanationLanguage: String, Hashable, Sendable, CaseIterable {
    case english = "en"
    case chinese = "zh"
}

extension Step {
    /// The sentence, without a full stop.
    public func text(_ language: ExplanationLanguage) -> String {
        switch language {
        case .english: text
        case .chinese: chineseText
        }
    }

    /// The sentence of a step as it was stored; one that was stored as a sentence is given as it is.
    public static func text(stored: String, _ language: ExplanationLanguage) -> String {
        Step(stored: stored)?.text(language) ?? stored
    }
}

extension Refusal.Code {
    /// Why a call is not made, in a word or two.
    public func text(_ language: ExplanationLanguage) -> String {
        switch language {
        case .english:
            switch self {
            case .level: "the level does not allow it"
            case .rule: "a rule forbids it"
            case .group: "the groups do not allow it"
            case .incoming: "the incoming level does not allow it"
            case .pin: "the PIN is wrong or missing"
            case .busy: "busy"
            case .forwarding: "forwarded too often"
            case .balance: "the balance does not suffice"
            case .unknownNumber: "the number is not known"
            case .noRoute: "there is no way out"
            case .invalid: "what was dialled is no number"
            }
        case .chinese:
            switch self {
            case .level: "外线等级不允许"
            case .rule: "被规则禁止"
            case .group: "分组不允许"
            case .incoming: "被叫的来话等级不允许"
            case .pin: "密码错误或未设置"
            case .busy: "忙"
            case .forwarding: "转移次数过多"
            case .balance: "余额不足"
            case .unknownNumber: "号码不存在"
            case .noRoute: "没有可用的出局路由"
            case .invalid: "所拨的不是有效号码"
            }
        }
    }
}

extension Feature {
    /// Its name: as the dialplan spells it, or in Chinese.
    public func text(_ language: ExplanationLanguage) -> String {
        switch language {
        case .english: rawValue
        case .chinese:
            switch self {
            case .forwardAlways: "无条件转移"
            case .forwardBusy: "遇忙转移"
            case .forwardNoAnswer: "无应答转移"
            case .forwardUnregistered: "未注册转移"
            case .doNotDisturb: "免打扰"
            case .callWaiting: "呼叫等待"
            case .lock: "话机锁定"
            case .pickup: "同组代答"
            case .pickupExtension: "指定代答"
            case .callByPIN: "密码呼叫"
            case .balance: "查询余额"
            case .redeem: "充值"
            case .park: "呼叫驻留"
            case .retrieve: "取回驻留"
            case .redial: "重拨"
            case .speedDial: "缩位拨号"
            }
        }
    }
}

extension FeatureCall.Action {
    /// What is done with a feature, behind its name; nothing in Chinese for one that is used.
    public func text(_ language: ExplanationLanguage) -> String {
        switch language {
        case .english: rawValue
        case .chinese:
            switch self {
            case .on: "（开）"
            case .off: "（关）"
            case .use: ""
            }
        }
    }
}
