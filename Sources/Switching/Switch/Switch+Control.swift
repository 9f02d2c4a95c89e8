import Charging
import Dialplan
import SIP

// What the CLI and the console ask. Every money change goes in here, and its answer waits for the disk.

extension Switch {
    mutating func requested(_ request: ControlRequest, by token: ControlToken) {
        switch request {
        case .status: reply(.status(statusRow()), to: token)
        case .calls: reply(.calls(calls.handles.map { callRow($0) }), to: token)
        case .trunks: reply(.trunks(settings.trunks.compactMap { trunkRow($0.name) }), to: token)
        case .lines: reply(.lines(lineRows()), to: token)
        case .registrations: reply(.registrations(registrationRows()), to: token)
        case .extensions:
            reply(
                .extensions(extensions.keys.sorted().compactMap { extensionRow($0) }), to: token)
        case .extensionShown(let number):
            if let row = extensionRow(number) {
                reply(.extensions([row]), to: token)
            } else {
                reply(.refused("there is no extension \(number)"), to: token)
            }
        case .extensionsChanged(let changes): change(changes, for: token)
        case .extensionRemoved(let number): removeExtension(number, for: token)
        case .accounts, .accountShown, .accountOpened, .accountToppedUp, .accountAdjusted,
            .accountRefunded, .accountChanged, .spendingHeld, .spendingReleased, .vouchersMade,
            .voucherRedeemed, .voucherBatches, .priced:
            moneyRequested(request, by: token)
        case .hungUp(let text): hangUp(text, for: token)
        case .bans: reply(.bans(banRows()), to: token)
        case .unbanned(let address): unban(address, for: token)
        case .drainChanged(let isDraining): drain(isDraining, for: token)
        case .explained(let question): explain(question, for: token)
        case .callExplained(let text):
            guard let handle = handle(ofCall: text, for: token) else { return }
            reply(.runningCall(unfinishedRecord(handle), state: calls[handle].stateName), to: token)
        }
    }

    mutating func reply(_ reply: ControlReply, to token: ControlToken) {
        actions.replies.append((token, reply))
    }

    /// Answers when the changes are durable.
    mutating func commit(
        _ changes: [StoredChange], then reply: ControlReply, to token: ControlToken
    ) {
        guard !changes.isEmpty else {
            self.reply(reply, to: token)
            return
        }
        commit(changes)
        replyWhenDurable(reply, to: token)
    }

    // MARK: Extensions

    private mutating func change(_ changes: [ExtensionChange], for token: ControlToken) {
        var problems: [String] = []
        var rows: [Extension] = []
        var seen: Set<String> = []
        for change in changes {
            let number = change.number
            if !seen.insert(number).inserted { problems.append("\(number) stands there twice") }
            if !plan.hasExtension(number) {
                problems.append("\(number) is not among the dialplan's extensions")
                continue
            }
            let known = extensions[number]
            guard let level = change.level ?? known?.level else {
                problems.append("\(number) has no level")
                continue
            }
            if !plan.levels.contains(level) {
                let levels = plan.levels.joined(separator: ", ")
                problems.append("\(number): the dialplan has no level \(level); it has \(levels)")
            }
            var account = known?.account
            if let wanted = change.account { account = wanted.isEmpty ? nil : wanted }
            if let account, ledger.account(account) == nil {
                problems.append("\(number): there is no account \(account); open it first")
            }
            let limit = change.callLimit ?? known?.callLimit ?? 1
            if !(1...1000).contains(limit) {
                problems.append("\(number): a call limit is 1 to 1000, not \(limit)")
            }
            let limitIn = change.callLimitIn.map(\.value) ?? known?.callLimitIn
            let limitOut = change.callLimitOut.map(\.value) ?? known?.callLimitOut
            for case (let what, let limit?) in [("in", limitIn), ("out", limitOut)]
            where !(1...1000).contains(limit) {
                problems.append(
                    "\(number): a limit of calls \(what) is 1 to 1000, not \(limit)")
            }
            problems += self.problems(with: change.settings, of: number)
            let secret: StoredSecret
            if let password = change.password {
                if password.utf8.count < 6 {
                    problems.append("\(number): a password has at least 6 characters")
                }
                secret = StoredSecret(
                    username: number, realm: settings.realm, password: password, hashes: hashes)
            } else if let known {
                secret = known.secret
            } else {
                problems.append("\(number) is new and needs a password")
                continue
            }
            rows.append(
                Extension(
                    number: number, name: change.name ?? known?.name ?? "", secret: secret,
                    realm: change.password == nil ? known?.realm ?? settings.realm : settings.realm,
                    level: level, account: account, callLimit: limit, callLimitIn: limitIn,
                    callLimitOut: limitOut))
        }
        let added = rows.filter { extensions[$0.number] == nil }.count
        if extensions.count + added > settings.limits.extensions {
            problems.append("there may be \(settings.limits.extensions) extensions at most")
        }
        guard problems.isEmpty else {
            reply(.refused(problems.joined(separator: "\n")), to: token)
            return
        }
        for row in rows { extensions[row.number] = row }
        let changed = rows.count - added
        let settings = changes.flatMap { apply($0.settings, to: $0.number) }
        commit(
            rows.map { .extensionSaved($0) } + settings,
            then: .done("\(added) extensions added, \(changed) changed"), to: token)
    }

    private mutating func removeExtension(_ number: String, for token: ControlToken) {
        guard extensions[number] != nil else {
            reply(.refused("there is no extension \(number)"), to: token)
            return
        }
        extensions[number] = nil
        userSettings[number] = nil
        var changes: [StoredChange] = [.extensionRemoved(number: number)]
        changes += registrar.removeAll(of: number)
        endSubscriptions(ofWatcher: number)
        summaries[number] = nil
        presenceChanged(of: number)
        commit(
            changes, then: .done("extension \(number) removed; a call it is in goes on"),
            to: token)
    }

    private func extensionRow(_ number: String) -> ExtensionRow? {
        guard let row = extensions[number] else { return nil }
        let inUse = callsOfExtension[number] ?? CallCount()
        let hold = ledger.hold(.extension(number))
        let spent = ledger.spent(.extension(number), at: moment)
        return ExtensionRow(
            number: number, name: row.name, level: row.level, account: row.account,
            callLimit: row.callLimit, callLimitIn: row.callLimitIn,
            callLimitOut: row.callLimitOut, callsIn: Int(inUse.in), callsOut: Int(inUse.out),
            line: plan.line(of: number),
            registered: registrar.reachable(of: number, at: wallTime).count,
            hold: hold?.releasedAt == nil ? hold?.reason : nil, spentInHour: spent.hour,
            spentToday: spent.day, settings: settingsRow(number))
    }

    // MARK: Calls

    /// A call under way by its id; nil, and refused, where there is none.
    private mutating func handle(ofCall text: String, for token: ControlToken) -> Handle? {
        guard let id = CallID(text) else {
            reply(.refused("\"\(text)\" is no call id; it looks like 3-1042"), to: token)
            return nil
        }
        guard let handle = callHandles[id] else {
            reply(.refused("no call \(text) is under way"), to: token)
            return nil
        }
        return handle
    }

    /// The record of a call as it would be written if it ended now.
    private func unfinishedRecord(_ handle: Handle) -> CallRecord {
        var record = calls[handle].record
        record.durationMs = (now - calls[handle].startedAt).milliseconds
        if let answeredAt = calls[handle].answeredAt {
            record.billedMs = (now - answeredAt).milliseconds
        }
        return record
    }

    private mutating func hangUp(_ text: String, for token: ControlToken) {
        guard let handle = handle(ofCall: text, for: token) else { return }
        cut(handle, text: "Hung up by the operator", status: nil)
        replyWhenDurable(.done("call \(text) was hung up"), to: token)
    }

    private func callRow(_ handle: Handle) -> CallRow {
        let call = calls[handle]
        var route = call.record.route ?? call.calleeExtension ?? ""
        if route.isEmpty, let attempt = call.record.attempts.last { route = attempt.route }
        if let parked = call.handover?.parked {
            route = "place \(parked.place), parked by \(parked.by)"
        }
        return CallRow(
            call: call.id.description, state: call.stateName, caller: call.record.caller,
            dialled: call.record.dialled, route: route,
            channel: call.channel ?? call.inboundChannel, startedAt: call.record.startedAt,
            answeredAt: call.record.answeredAt,
            seconds: (now - (call.answeredAt ?? call.startedAt)).milliseconds / 1000,
            account: call.money?.account,
            reserved: ledger.reserved(call: call.id.rawValue) ?? .zero,
            planVersion: call.record.dialplanVersion)
    }

    // MARK: Trunks, lines, registrations, status

    private func trunkRow(_ name: String) -> TrunkRow? {
        guard let trunk = trunks[name] else { return nil }
        return TrunkRow(
            name: name, kind: trunk.settings.kind.rawValue,
            address: trunk.settings.address, targets: trunk.targets.hops.map(\.description),
            targetSignals: targetRows(trunk),
            state: trunk.stateName, since: wallClock.microseconds(at: trunk.since),
            reason: trunk.reason, signals: signalRows(trunk), channels: trunk.settings.channels,
            inUse: trunk.channelsInUse, taken: trunk.channels.takenNumbers,
            blocked: trunk.channels.blockedNumbers, reserved: trunk.channels.reservedNumbers,
            attempts: trunk.attempts, failures: trunk.failures)
    }

    /// How its targets answer OPTIONS, where it has several.
    private func targetRows(_ trunk: Trunk) -> [TrunkSignalRow] {
        let hops = trunk.targets.hops
        guard hops.count > 1 else { return [] }
        return hops.sorted { $0.description < $1.description }.map { hop in
            let health = trunk.targets.health[hop] ?? ProbeHealth(now: trunk.since)
            return TrunkSignalRow(
                signal: hop.description, state: health.stateName,
                since: wallClock.microseconds(at: health.since), reason: health.reason)
        }
    }

    /// What its state is joined from, but for what is not asked.
    private func signalRows(_ trunk: Trunk) -> [TrunkSignalRow] {
        func row(_ name: String, _ state: String, _ since: Instant, _ why: String)
            -> TrunkSignalRow
        {
            TrunkSignalRow(
                signal: name, state: state, since: wallClock.microseconds(at: since), reason: why)
        }
        var rows: [TrunkSignalRow] = []
        if trunk.isProbed {
            let options = trunk.options
            rows.append(row("options", options.stateName, options.since, options.reason))
        }
        let calls = trunk.breaker
        rows.append(row("calls", calls.stateName, calls.since, calls.reason))
        if let span = trunk.span {
            rows.append(row("span", span.stateName, span.since, span.reason))
        }
        if let health = trunk.registration?.health {
            rows.append(row("registration", health.stateName, health.since, health.reason))
        }
        return rows
    }

    private func lineRows() -> [LineRow] {
        plan.lines.flatMap { mapping in
            (0..<mapping.lines.count).map { offset in
                let line = mapping.lines[offset]
                let call = linesInUse[line]
                let gateway = lineGateways.gateway(of: line)
                let isDown = isDown(line: line)
                return LineRow(
                    line: line, rings: plan.target(ofLine: line) ?? "",
                    gateway: gateway?.trunk, label: gateway?.label(of: line),
                    state: call != nil ? "busy" : isDown ? "down" : "idle",
                    call: call?.description)
            }
        }
    }

    private func registrationRows() -> [RegistrationRow] {
        registrar.all(at: wallTime).map { binding in
            RegistrationRow(
                number: binding.number, contact: String(decoding: binding.contact, as: UTF8.self),
                path: String(decoding: binding.path, as: UTF8.self),
                transport: binding.flow.transport.name,
                source: binding.flow.remote.description,
                state: binding.isReachable ? "reachable" : "connection lost",
                expiresAt: binding.expiresAt, userAgent: binding.userAgent,
                unheardSeconds: unheardSeconds(binding))
        }
    }

    private func statusRow() -> StatusRow {
        var counted = counters.all
        if counters.bindings > 0 { counted["STUN binding requests"] = counters.bindings }
        if counters.noBindings > 0 { counted["STUN not answered"] = counters.noBindings }
        if counters.keepAlives > 0 { counted["NAT keep-alives"] = counters.keepAlives }
        if counters.keepAliveAnswers > 0 {
            counted["NAT keep-alives answered"] = counters.keepAliveAnswers
        }
        if counters.turnedAway > 0 { counted["newcomers turned away"] = counters.turnedAway }
        if counters.banned > 0 { counted["datagrams of banned addresses"] = counters.banned }
        if counters.heavy > 0 { counted["datagrams beyond their share"] = counters.heavy }
        if subscriptions.count > 0 { counted["subscriptions"] = UInt64(subscriptions.count) }
        return StatusRow(
            state: stateText,
            uptimeSeconds: (now - startedAt).milliseconds / 1000, planVersion: plan.version,
            calls: calls.count, registrations: registrar.count, extensions: extensions.count,
            accounts: ledger.accountCount, tariffRows: tariff.count,
            transactions: clients.count + servers.count, received: counters.received,
            malformed: counters.malformed, callsTotal: counters.calls,
            commitsWaiting: waitingCommits, counters: counted, tables: tableRows(),
            turnedAway: overload.share, delay: overload.delay.milliseconds,
            longestDelay: overload.longestDelay.milliseconds)
    }
}

extension Explanation {
    /// A decision as the CLI and the console show it.
    public init(_ decision: Decision) {
        var outcome = "refuse"
        var routes: [String] = []
        var presented: String?
        var refusal: Refusal?
        switch decision.outcome {
        case .ring(let number): outcome = "ring \(number)"
        case .ringGroup(let group): outcome = "ring group \(group.name)"
        case .feature(let call):
            outcome = "feature \(call.feature.rawValue) \(call.action.rawValue)"
        case .askPIN(let request): outcome = "ask pin of \(request.extension)"
        case .routes(let choices), .emergency(let choices):
            if case .emergency = decision.outcome {
                outcome = "emergency"
            } else {
                outcome = "route"
            }
            routes = choices.map { "\($0.via)\($0.down ? " (down)" : "") sends \($0.number)" }
            presented = (choices.first { !$0.down } ?? choices.first)?.presented
        case .refuse(let reason): refusal = reason
        }
        self.init(
            outcome: outcome, dialled: decision.dialled, normalised: decision.normalised,
            numberClass: decision.numberClass, routes: routes, presented: presented,
            refusal: refusal?.reason, refusalCode: refusal?.code.rawValue,
            sipStatus: refusal?.sipStatus, steps: decision.explanation.map(\.stored),
            planVersion: decision.planVersion, payments: [])
    }
}
