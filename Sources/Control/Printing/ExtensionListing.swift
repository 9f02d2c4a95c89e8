import Switching

extension Listing {
    /// Extensions with what their users have set; the latter on cards and for programs only, since a
    /// table would be too wide.
    init(extensions rows: [ExtensionRow]) {
        self.init(
            [
                Column("extension", "extension"), Column("name", "name"),
                Column("level", "level"), Column("account", "account"),
                Column("call_limit", "calls at once"), Column("line", "line"),
                Column("registered", "registered"), Column("on_hold", "on hold"),
                Column("spent_in_hour", "spent in the hour", isCardOnly: true),
                Column("spent_today", "spent today", isCardOnly: true),
                Column("call_limit_in", "of them in", isCardOnly: true),
                Column("call_limit_out", "of them out", isCardOnly: true),
                Column("calls_in", "calls in now", isCardOnly: true),
                Column("calls_out", "calls out now", isCardOnly: true),
                Column("call_waiting", "call waiting", isCardOnly: true),
                Column("incoming_level", "incoming level", isCardOnly: true),
                Column("locked", "locked", isCardOnly: true),
                Column("do_not_disturb", "do not disturb", isCardOnly: true),
                Column("forward_always", "forwards every call to", isCardOnly: true),
                Column("forward_busy", "when busy to", isCardOnly: true),
                Column("forward_no_answer", "when unanswered to", isCardOnly: true),
                Column("forward_unregistered", "when unregistered to", isCardOnly: true),
                Column("presents", "may present", isCardOnly: true),
                Column("speed_dial", "speed dial", isDetail: true, isCardOnly: true),
                Column("last_dialled", "dialled last", isCardOnly: true),
                Column("pin", "PIN", isCardOnly: true),
                Column("wrong_pins", "wrong PINs in a row", isCardOnly: true),
                Column("locked_out_until", "no PIN until", isCardOnly: true),
            ], nothing: "no extensions")
        for row in rows {
            let settings = row.settings
            let entries = settings.speedDial.sorted { $0.key < $1.key }
            append([
                .text(row.number), .text(row.name), .text(row.level), .text(row.account),
                .number(row.callLimit), .text(row.line), .number(row.registered),
                .text(row.hold), .amount(row.spentInHour), .amount(row.spentToday),
                .number(row.callLimitIn), .number(row.callLimitOut), .number(row.callsIn),
                .number(row.callsOut), .flag(settings.callWaiting),
                .text(settings.incomingLevel), .flag(settings.isLocked),
                .flag(settings.doNotDisturb), .text(settings.forwardAlways),
                .text(settings.forwardBusy), .text(settings.forwardNoAnswer),
                .text(settings.forwardUnregistered),
                settings.presents.isEmpty ? .absent : .texts(settings.presents),
                entries.isEmpty
                    ? .absent : .object(entries.map { Cell.Field($0.key, .text($0.value)) }),
                .text(settings.lastDialled), .text(settings.hasPIN ? "set" : nil),
                .number(settings.wrongPINs), .time(settings.lockedOutUntil),
            ])
        }
    }
}
