import Charging
import Switching

extension Listing {
    /// The rows of a reply; nil for a reply that is one sentence or one explanation.
    public init?(_ reply: ControlReply) {
        switch reply {
        case .done, .refused, .explanation, .runningCall: return nil
        case .status(let row): self.init(status: row)
        case .calls(let rows): self.init(calls: rows)
        case .trunks(let rows): self.init(trunks: rows)
        case .lines(let rows): self.init(lines: rows)
        case .registrations(let rows): self.init(registrations: rows)
        case .extensions(let rows): self.init(extensions: rows)
        case .accounts(let rows): self.init(accounts: rows)
        case .price(let row): self.init(price: row)
        case .vouchers(let rows): self.init(vouchers: rows)
        case .bans(let rows): self.init(bans: rows)
        case .voucherBatches(let rows): self.init(voucherBatches: rows)
        }
    }

    private init(status row: StatusRow) {
        self.init(
            [
                Column("state", "state"), Column("uptime_seconds", "up, seconds"),
                Column("calls", "calls"), Column("calls_total", "calls since start"),
                Column("registrations", "registrations"), Column("extensions", "extensions"),
                Column("accounts", "accounts"), Column("tariff_rows", "tariff rows"),
                Column("transactions", "transactions"), Column("received", "datagrams received"),
                Column("malformed", "of them no SIP"),
                Column("commits_waiting", "commits waiting"), Column("dialplan", "dialplan"),
                Column("counters", "refused and dropped"), Column("tables", nil),
                Column("turned_away", "turned away, of 100"), Column("delay_ms", "behind, ms"),
                Column("longest_delay_ms", "at the longest"),
            ], nothing: "no status")
        let counters = row.counters.sorted { $0.key < $1.key }
        append([
            .text(row.state), .number(row.uptimeSeconds), .number(row.calls),
            .number(row.callsTotal), .number(row.registrations), .number(row.extensions),
            .number(row.accounts), .number(row.tariffRows), .number(row.transactions),
            .number(row.received), .number(row.malformed), .number(row.commitsWaiting),
            .text(row.planVersion), .object(counters.map { .init($0.key, .number($0.value)) }),
            .object(
                row.tables.map { table in
                    .init(
                        table.name,
                        .object([
                            .init("used", .number(table.used)),
                            .init("limit", .number(table.limit)),
                            .init("key", .text(table.key)),
                        ]))
                }),
            .number(row.turnedAway), .number(row.delay), .number(row.longestDelay),
        ])
    }

    /// What is in use of each limit.
    public init(limits rows: [TableRow]) {
        self.init(
            [
                Column("name", "limit"), Column("used", "in use"), Column("limit", "at most"),
                Column("key", "set by"),
            ], nothing: "no limits")
        for row in rows {
            append([
                .text(row.name), .number(row.used), .number(row.limit), .text(row.key),
            ])
        }
    }

    private init(calls rows: [CallRow]) {
        self.init(
            [
                Column("call", "call"), Column("state", "state"), Column("caller", "from"),
                Column("dialled", "to"), Column("route", "route"), Column("channel", "channel"),
                Column("start", "start"),
                Column("answer", nil), Column("seconds", "seconds"), Column("account", "account"),
                Column("reserved", "reserved"), Column("dialplan", nil),
            ], nothing: "no calls")
        for row in rows {
            append([
                .text(row.call), .text(row.state), .text(row.caller), .text(row.dialled),
                row.route.isEmpty ? .absent : .text(row.route), .number(row.channel),
                .time(row.startedAt),
                .time(row.answeredAt), .number(row.seconds), .text(row.account),
                .amount(row.reserved), .text(row.planVersion),
            ])
        }
    }

    private init(trunks rows: [TrunkRow]) {
        self.init(
            [
                Column("name", "trunk"), Column("kind", "kind"), Column("address", "address"),
                Column("targets", nil), Column("state", "state"), Column("since", "since"),
                Column("channels", "channels"), Column("in_use", "in use"), Column("taken", nil),
                Column("blocked", nil), Column("reserved", nil), Column("attempts", "attempts"),
                Column("failures", "failures"), Column("reason", "why"),
                Column("signals", "signals"), Column("target_signals", "targets", isCardOnly: true),
            ], nothing: "no trunks")
        for row in rows {
            append([
                .text(row.name), .text(row.kind), .text(row.address), .texts(row.targets),
                .text(row.state), .time(row.since), .number(row.channels), .number(row.inUse),
                .list(row.taken.map { .number($0) }), .list(row.blocked.map { .number($0) }),
                .list(row.reserved.map { .number($0) }), .number(row.attempts),
                .number(row.failures), row.reason.isEmpty ? .absent : .text(row.reason),
                .object(row.signals.map(Self.field)),
                row.targetSignals.isEmpty
                    ? .absent : .object(row.targetSignals.map(Self.field)),
            ])
        }
    }

    private static func field(_ signal: TrunkSignalRow) -> Cell.Field {
        .init(
            signal.signal,
            .object([
                .init("state", .text(signal.state)), .init("since", .time(signal.since)),
                .init("reason", .text(signal.reason)),
            ]))
    }

    private init(bans rows: [BanRow]) {
        self.init(
            [
                Column("address", "address"), Column("since", "since"), Column("until", "until"),
                Column("reason", "for"), Column("count", "times"),
                Column("dropped", "datagrams dropped"),
            ], nothing: "nobody is banned")
        for row in rows {
            append([
                .text(row.address), .time(row.since), .time(row.until), .text(row.reason),
                .number(row.count), .number(row.dropped),
            ])
        }
    }

    private init(lines rows: [LineRow]) {
        self.init(
            [
                Column("line", "line"), Column("rings", "rings"), Column("gateway", "gateway"),
                Column("label", "called there"), Column("state", "state"), Column("call", "call"),
            ], nothing: "no lines")
        for row in rows {
            append([
                .text(row.line), .text(row.rings), .text(row.gateway), .text(row.label),
                .text(row.state), .text(row.call),
            ])
        }
    }

    private init(registrations rows: [RegistrationRow]) {
        self.init(
            [
                Column("extension", "extension"), Column("contact", "contact"),
                Column("path", "path", isCardOnly: true), Column("transport", "by"),
                Column("source", "source"), Column("state", "state"),
                Column("expires", "expires"), Column("user_agent", "phone"),
                Column("unheard_seconds", "unheard s"),
            ], nothing: "no registrations")
        for row in rows {
            append([
                .text(row.number), .text(row.contact), .text(row.path), .text(row.transport),
                .text(row.source), .text(row.state), .time(row.expiresAt), .text(row.userAgent),
                .number(row.unheardSeconds),
            ])
        }
    }
}
