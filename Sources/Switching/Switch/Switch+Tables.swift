import SIP

// What others can make grow, and the limits to that: `Limits.md` says what happens beyond each.

extension Switch {
    /// Every limit of the switch, with what is in use where that is something to count.
    func tableRows() -> [TableRow] { tablesOfCalls() + tablesOfSubscribers() + tablesOfStrangers() }

    private func tablesOfCalls() -> [TableRow] {
        let limits = settings.limits
        return [
            TableRow("calls", calls.count, limits.calls, "limits.calls"),
            TableRow("attempts", limits.attempts, "limits.attempts"),
            TableRow("diversions", limits.diversions, "limits.diversions"),
            TableRow("rings", limits.rings, "limits.rings"),
            TableRow("dialled-bytes", limits.dialledBytes),
            TableRow(
                "server-transactions", servers.count, limits.transactions, "limits.transactions"),
            TableRow(
                "client-transactions", clients.count, limits.transactions, "limits.transactions"),
            TableRow("finished-invites", finishedOrder.count, Self.finishedInviteLimit),
            TableRow("ended-dialogs", retiredTags.count, Self.retiredTagLimit),
            TableRow("texts", forks.count, limits.texts, "limits.texts"),
            TableRow("text-bytes", limits.textBytes),
            TableRow("next-hop-names", nextHopNames.count, NextHopNames.limit),
            TableRow("next-hop-questions", nextHopNames.askedCount, NextHopNames.askedLimit),
            TableRow(
                "requests-of-next-hop", nextHopNames.longestWaiting, NextHopNames.waitingLimit),
            TableRow("udp-only-places", datagramsOnly.count, Self.datagramsOnlyLimit),
            TableRow("moved-flows", connections.moveCount, Connections.moveLimit),
            TableRow("restarted-phones", restartedPhones.count, Self.restartedPhoneLimit),
            TableRow(
                "waiting-commits", waitingCommits, limits.waitingCommits, "limits.waiting-commits"),
        ]
    }

    private func tablesOfSubscribers() -> [TableRow] {
        let limits = settings.limits
        return [
            TableRow("extensions", extensions.count, limits.extensions, "limits.extensions"),
            TableRow("accounts", ledger.accountCount, limits.accounts, "limits.accounts"),
            TableRow("vouchers", ledger.voucherCount, ledger.limits.vouchers),
            TableRow(
                "known-postings", ledger.knownPostingCount, ledger.limits.rememberedPostings),
            TableRow("bindings", registrar.count, limits.bindings, "limits.bindings"),
            TableRow(
                "contacts-of-extension", registrar.mostOfExtension,
                settings.registration.contactLimit, "registration.contacts"),
            TableRow(
                "connections-of-extension", connections.mostOfExtension,
                Connections.limitOfExtension),
            TableRow(
                "subscriptions", subscriptions.count, limits.subscriptions, "limits.subscriptions"),
            TableRow(
                "subscriptions-of-extension",
                subscriptionsOfWatcher.values.reduce(0) { max($0, $1.count) },
                limits.subscriptionsOfExtension, "limits.subscriptions-of-extension"),
            TableRow(
                "requests-of-extension", limits.requestsOfExtension,
                "limits.requests-of-extension"),
            TableRow(
                "burst-of-extension", requestRates.longest(each: limits.eachRequest, now: now),
                limits.burstOfExtension, "limits.burst-of-extension"),
            TableRow(
                "texts-of-extension", limits.textsOfExtension, "limits.texts-of-extension"),
            TableRow(
                "burst-of-texts", textRates.longest(each: limits.eachText, now: now),
                limits.burstOfTexts, "limits.burst-of-texts"),
        ]
    }

    private func tablesOfStrangers() -> [TableRow] {
        let overload = settings.overload
        // Trunks and our own have no limit, but for that of all together.
        let transactions =
            serversOfAddress.filter { !trustedNetworks.contains($0.key) }.values.max() ?? 0
        return [
            TableRow("message-bytes", MessageLimits.bytes),
            TableRow("message-fields", MessageLimits.fields),
            TableRow(
                "transactions-of-address", transactions,
                settings.limits.transactionsOfAddress, "limits.transactions-of-address"),
            TableRow("share-of-address", overload.shareOfAddress, "overload.share-of-address"),
            TableRow("share-of-phone", overload.shareOfPhone, "overload.share-of-phone"),
            TableRow("share-of-trunk", overload.shareOfTrunk, "overload.share-of-trunk"),
            TableRow("counted-sources", shares.count, Shares.sourceLimit),
            TableRow("suspects", bans.suspectCount, Bans.suspectLimit),
            TableRow("bans", bans.count, Bans.banLimit),
            TableRow("used-nonces", usedNonces.count, UsedNonces.limit),
            TableRow("plain-digests", plainDigests.count, PlainDigests.places),
        ]
    }
}

extension TableRow {
    fileprivate init(_ name: String, _ used: Int, _ limit: Int, _ key: String? = nil) {
        self.init(name: name, used: used, limit: limit, key: key)
    }

    /// A limit that holds for each message, call or moment anew.
    fileprivate init(_ name: String, _ limit: Int, _ key: String? = nil) {
        self.init(name: name, used: nil, limit: limit, key: key)
    }
}
