// The sentences of an explanation in Chinese.

extension Step {
    /// The sentence in Chinese, without a full stop.
    var chineseText: String {
        switch self {
        case .dialled(let number, .extension(let caller, let level)):
            "分机 \(caller)（等级 \(level)）拨打 \(number)"
        case .dialled(_, .line(let line)): "外线来电，呼入直线 \(line)"
        case .dialled(let number, .trunk(let trunk)): "外线经中继 \(trunk) 呼叫 \(number)"
        case .cleaned(let from, let to): "\(from) 读作 \(to)"
        case .rewritten(let from, let to, let pattern, let place):
            "号码规整规则 \(pattern) 把 \(from) 变为 \(to)（\(place)）"
        case .shortCode(let code, let number, let place): "缩位号 \(code) 代表 \(number)（\(place)）"
        case .unreadable(let dialled, let why): "“\(dialled)”\(Self.chinese(why))"
        case .emergency(let number): "\(number) 是紧急号码：不论等级、时间和余额，一律接出"
        case .extension(let number, let place): "\(number) 是本局分机（\(place)）"
        case .line(let line, let rings, let place):
            "\(line) 是本局直线，振铃 \(rings)（\(place)）"
        case .classified(let number, let numberClass, let pattern, let place):
            "\(number) 属于号码类别 \(numberClass)：最具体的匹配是 \(pattern)（\(place)）"
        case .unclassified(let number): "没有分机、直线或号码类别包含 \(number)"
        case .levelAllows(let level, let numberClass, let through, let place):
            level == through
                ? "等级 \(level) 可以呼叫 \(numberClass)（\(place)）"
                : "等级 \(level) 可以呼叫 \(numberClass)，权限来自等级 \(through)（\(place)）"
        case .levelRefuses(let level, let numberClass, let place):
            "等级 \(level) 不可以呼叫 \(numberClass)（\(place)）"
        case .levelUnknown(let level): "本方案没有等级 \(level)"
        case .locked(let number, let level):
            "话机 \(number) 已锁定，" + (level.map { "只能拨打等级 \($0) 也允许的号码" } ?? "只能拨打内线")
        case .incomingAllows(let number, let level, let place):
            (level.map { "\(number) 的来话等级 \($0) 允许此主叫呼入" }
                ?? "\(number) 没有来话等级：任何人都可以呼入") + Self.chinese(place)
        case .incomingRefuses(let number, let level, let place):
            "\(number) 的来话等级 \(level) 不允许此主叫呼入（\(place)）"
        case .incomingUnknown(let number, let level):
            "\(number) 的来话等级是 \(level)，而本方案没有这个等级"
        case .groupAllows(let number, let group, let place):
            "分组 \(group) 可以呼叫 \(number)（\(place)）"
        case .groupRefuses(let number, let group, let place):
            "分组 \(group) 不可以呼叫 \(number)（\(place)）"
        case .rulePassed(let rule, let why, let place):
            "规则 \(rule) 不适用：\(Self.chinese(why))（\(place)）"
        case .ruleRefuses(let rule, let text, let place):
            "规则 \(rule) 拒绝此呼叫" + (text.map { "：\($0)" } ?? "") + "（\(place)）"
        case .ruleLimits(let rule, let milliseconds, let place):
            "规则 \(rule) 限制通话时长为 \(milliseconds / 1000) 秒（\(place)）"
        case .ruleAllows(let rule, let place):
            "规则 \(rule) 放行此呼叫，不受等级限制（\(place)）"
        case .ruleAsksPIN(let rule, let place): "规则 \(rule) 要求输入密码（\(place)）"
        case .pin(let answer): Self.chinese(answer)
        case .pinMissing(let number): "\(number) 没有设置密码"
        case .onRightsOf(let number, let level):
            "此呼叫使用 \(number) 的权限（等级 \(level)）和账户"
        case .diverted(let target, let forwarder):
            "\(forwarder ?? "方案")把呼叫转到\(Self.chinese(target))"
        case .transferred(let number, let party):
            "\(number) 转接与 \(party) 的通话：此呼叫以其名义发起，记在其账户上"
        case .forwardsAlways(let number, let target): "\(number) 把所有来电转移到 \(target)"
        case .forwardedTooOften(let number): "呼叫转移次数过多或成环，最后一次由 \(number) 转移"
        case .doNotDisturb(let number): "\(number) 设置了免打扰"
        case .feature(let feature, let action, let code, let place):
            "\(code) 是功能码：\(feature.text(.chinese))\(action.text(.chinese))（\(place)）"
        case .recalled(let feature, let entry, let number):
            feature.text(.chinese) + (entry.map { " \($0)" } ?? "")
                + (number.map { " 代表 \($0)" } ?? " 还没有号码")
        case .pickup(let right, let number, let picker):
            switch right {
            case .own: "\(picker) 可以代答振铃于自己的来电"
            case .common(let group, let place):
                "\(picker) 可以代答 \(number) 的来电：同在分组 \(group)（\(place)）"
            case .granted(let group, let place):
                "\(picker) 可以代答 \(number) 的来电：方案准许分组 \(group)（\(place)）"
            case .none: "\(picker) 不可以代答 \(number) 的来电：没有共同的分组"
            }
        case .replaces(let taker, let number, let isRinging):
            if let number {
                "\(taker) 用 Replaces 请求接管\(isRinging ? "正在呼叫 \(number) 的" : " \(number) 的")通话"
            } else {
                "\(taker) 用 Replaces 请求接管的通话不存在"
            }
        case .group(let name, let place): "振铃组 \(name)（\(place)）"
        case .memberPassed(let number, let group, let why):
            "分组 \(group) 的 \(number) 不振铃：\(Self.chinese(why))"
        case .inbound(let trunk, let pattern, let place):
            "中继 \(trunk) 的呼入路由：\(pattern ?? "其余号码")（\(place)）"
        case .target(let target, let passed, let place):
            "转到\(Self.chinese(target))："
                + (passed.map { "跳过，因为\(Self.chinese($0))" } ?? "采用") + "（\(place)）"
        case .fallback(let number, let occasion, let target, let place):
            "\(number) \(Self.chinese(occasion))时，呼叫转到\(Self.chinese(target))"
                + (place.map { "（\($0)）" } ?? "，由用户设置")
        case .alternative(let choice, let place): Self.chinese(choice, place)
        case .ordered(.cost, let ways): "按三分钟的费用，便宜的在先：\(ways)"
        case .ordered(.drawn, let ways): "按份额抽取，依次尝试：\(ways)"
        case .ordered(.share, let ways): "每次呼叫按份额抽取哪条在先：\(ways)"
        case .withoutLine(let caller, let place):
            "\(caller) 没有自己的直线，跳过这条路由（\(place)）"
        case .wayForbidden(let way, let group, let place):
            "分组 \(group) 不可以使用 \(way)，跳过这条路由（\(place)）"
        case .wayClosed(let way, let hours, let isOpen, let place):
            "现在\(isOpen ? "在" : "不在")时段 \(hours) 内，跳过 \(way)（\(place)）"
        case .wish(let number, let isGranted, let group):
            "话机请求显示主叫号码 \(number)，"
                + (group.map { "分组 \($0)" } ?? "它的分组") + (isGranted ? "允许" : "不允许")
        case .wishGranted(let number, let extensionNumber, let place):
            "话机请求显示主叫号码 \(number)，分机 \(extensionNumber) "
                + (place.map { "可以显示它（\($0)）" } ?? "的设置允许显示它")
        case .noRoute(let numberClass): "号码类别 \(numberClass) 没有路由"
        case .insideOnly(let number):
            "\(number) 既不是分机也不是直线，而外线来电只能到达分机和直线"
        }
    }

    private static func chinese(_ place: Place?) -> String { place.map { "（\($0)）" } ?? "" }

    private static func chinese(_ why: Unreadable) -> String {
        switch why {
        case .empty: "是空的"
        case .tooLong: "太长"
        case .unknownCharacter: "含有话机上没有的字符"
        case .endless: "的规整没有终止"
        case .emergency: "是紧急号码，不能转移到它"
        }
    }

    private static func chinese(_ why: Pass) -> String {
        switch why {
        case .caller: "它针对其他主叫"
        case .number: "它针对其他号码"
        case .excepted: "这个号码被除外"
        case .hours(let name, let isOpen): "现在\(isOpen ? "在" : "不在")时段 \(name) 内"
        case .pinGiven: "密码已经输入"
        case .doNotDisturb: "它设置了免打扰"
        case .incoming(let level): "它的来话等级 \(level) 不允许此主叫呼入"
        }
    }

    private static func chinese(_ answer: PINAnswer) -> String {
        switch answer {
        case .notAsked: "还没有要求输入密码"
        case .verified(let number): "\(number) 的密码正确"
        case .wrong(let number): "\(number) 的密码错误"
        case .lockedOut(let number): "\(number) 的密码错误次数过多，暂时锁定"
        }
    }

    private static func chinese(_ target: Target) -> String {
        switch target {
        case .extension(let number): "分机 \(number)"
        case .group(let name): "分组 \(name)"
        case .number(let number, let payer): "号码 \(number)（由 \(payer) 付费）"
        case .trunk(let name): "中继 \(name)"
        case .busy: "忙音"
        }
    }

    private static func chinese(_ occasion: Occasion) -> String {
        switch occasion {
        case .busy: "忙"
        case .noAnswer: "无应答"
        case .unregistered: "未注册"
        }
    }

    private static func chinese(_ choice: RouteChoice, _ place: Place?) -> String {
        let way =
            switch choice.via {
            case .line(let number): "直线 \(number)"
            case .lines(let name): "直线组 \(name)"
            case .trunk(let name): "中继 \(name)"
            }
        return "经\(way)：发送 \(choice.number)"
            + (choice.presented.map { "，显示主叫 \($0)" } ?? "")
            + (choice.down ? "，已知不可用" : "，目前可用") + chinese(place)
    }
}
