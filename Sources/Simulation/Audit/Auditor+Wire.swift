import SIP

// What the auditor learns from the wire.

extension Auditor {
    /// A datagram is handed to the switch.
    mutating func delivered(_ bytes: [UInt8]) {
        figures.datagrams += 1
        if hasPickups, bytes.starts(with: "INVITE ".utf8),
            let invite = Self.read(bytes), invite.has(.replaces)
        {
            pickingThisTurn.append(Array(invite.callID))
        }
        // Only a provisional response, a 2xx and a BYE matter.
        let isProvisional = bytes.starts(with: "SIP/2.0 1".utf8)
        guard
            isProvisional || bytes.starts(with: "SIP/2.0 2".utf8)
                || bytes.starts(with: "BYE ".utf8),
            let message = Self.read(bytes)
        else { return }
        let callID = Array(message.callID)
        guard let leg = legs[callID] else { return }
        if isProvisional {
            legs[callID]?.isHeard = true
            return
        }
        if message.isRequest {
            legs[callID]?.isHungUp = true
            hungUpThisTurn = (callID, Array(message.topVia.branch ?? []))
            return
        }
        guard message.method == .invite, !leg.isCaller else { return }
        guard leg.answeredAt == nil else {
            // A phone whose registration a wall clock that was set has ended is a stranger to a process
            // that has not invited it.
            if let tag = message.toTag, leg.remoteTag?.elementsEqual(tag) == false,
                leg.sequences[Self.dialog(of: message)] == nil,
                leg.start == start || !wasClockSet
            {
                legs[callID]?.forks.insert(Array(tag))
            }
            return
        }
        legs[callID]?.answeredAt = now
        legs[callID]?.remoteTag = message.toTag.map(Array.init)
        answeredThisTurn.append(callID)
    }

    private static func read(_ bytes: [UInt8]) -> Message? {
        do throws(ParseError) {
            return try Message(parsing: bytes)
        } catch {
            // Garbage of the world's own making.
            return nil
        }
    }

    /// The switch has sent this.
    mutating func sent(_ message: Message, to place: Endpoint) {
        if message.isRequest {
            checkSequence(message, to: place)
            switch message.method {
            case .invite: if message.toTag == nil { attempted(message) }
            case .bye: hungUp(message)
            case .ack, .cancel, .options, .register, .update, .info, .prack, .subscribe, .notify,
                .refer, .message, .publish, .other:
                break
            }
            return
        }
        if message.method == .bye, message.status == 200 { checkGoodbye(message) }
        guard message.method == .invite, let leg = legs[Array(message.callID)], leg.isCaller else {
            return
        }
        // Only the INVITE that makes a call is answered by a 100 without a tag.
        if message.reasonPhrase.starts(with: "Voucher ".utf8),
            let voucher = calls[leg.serial]?.voucher, !durablePostings.contains(voucher)
        {
            find("money told before durable", "\(voucher), from a phone")
        }
        let isTakenOn = message.status == 100 && message.toTag == nil
        responded(
            message.status, cseq: message.cseqNumber,
            to: isTakenOn
                ? life(of: leg.serial, start: start) : latestLife[leg.serial] ?? leg.serial)
    }

    /// A request inside a dialog has a higher number than the one before (RFC 3261 §12.2.1.1), or its
    /// peer takes no notice of it: a call that cannot be hung up. A restart is no excuse. The same request
    /// for another place has the same number (RFC 3263 §4.3).
    private mutating func checkSequence(_ request: Message, to place: Endpoint) {
        let callID = Array(request.callID)
        guard request.method != .ack, request.method != .cancel,
            request.toTag != nil, let leg = legs[callID],
            legs[callID]?.branches.insert(Array(request.topVia.branch ?? [])).inserted == true
        else { return }
        // Whoever has had a BYE or said one is gone already, and whom ours did not reach has not seen
        // its number.
        let dialog = Self.dialog(of: request)
        if let last = leg.sequences[dialog], request.cseqNumber <= last.number,
            last.method != .bye, !leg.isHungUp,
            request.cseqNumber < last.number || request.method != last.method || place == last.place
        {
            find(
                "CSeq went back",
                "call \(leg.serial): \(request.method.name) \(request.cseqNumber) after "
                    + "\(last.number)")
        }
        legs[callID]?.sequences[dialog] = (request.cseqNumber, request.method, place)
    }

    /// Its tags, of a request of the switch and of the answer to it.
    private static func dialog(of message: Message) -> [UInt8] {
        Array(message.fromTag ?? []) + [0] + Array(message.toTag ?? [])
    }

    /// Whoever hung up hears of it when the end of the call is on the disk, so that a kill before that
    /// leaves somebody who hangs up again.
    private mutating func checkGoodbye(_ response: Message) {
        guard let serial = goodbyes.removeValue(forKey: Array(response.topVia.branch ?? [])),
            calls[serial]?.durableRecords == 0, !isStoreGivenUp
        else { return }
        find("goodbye before durable", "call \(serial) is not recorded, and its BYE was answered")
    }

    /// An INVITE leaves for a callee.
    private mutating func attempted(_ invite: Message) {
        let callID = Array(invite.callID)
        // It may be sent again.
        guard legs[callID] == nil else { return }
        let recalled = recall(in: invite)
        guard let number = recalled ?? Self.serial(in: invite), calls[number] != nil else {
            find("INVITE of no call", "\(invite)")
            return
        }
        let serial = recalled ?? life(of: number, start: start)
        if calls[serial]?.kind != .outbound { sentOn(serial, to: invite) }
        guard let facts = calls[serial] else { return }
        legs[callID] = LegFacts(
            serial: serial, isCaller: false, start: start,
            number: URI(parsing: invite.requestURI)?.userUnescaped ?? "")
        let isFirst = facts.forwardedBy == nil ? !facts.isAttempted : facts.rows.isEmpty
        calls[serial]?.isAttempted = true
        if case .transfer = facts.handover, !facts.isAccepted {
            calls[serial]?.isAccepted = true
            // One that is sent on at once may have that of another: see `sentOn`.
            if facts.forwardedBy == nil {
                calls[serial]?.limit = SimulatedSite.limits[plan][facts.caller]
            }
        }
        if isFirst, facts.wasTakenWhileDraining, facts.kind != .emergency {
            find("a call while draining", "call \(serial) was taken on")
        }
        guard facts.kind == .outbound || facts.forwardedBy != nil else { return }
        guard let row = book.row(for: facts.normalised) else {
            find("INVITE without a price", "call \(serial) to \(facts.normalised)")
            return
        }
        legs[callID]?.row = row
        if !facts.rows.contains(row) { calls[serial]?.rows.append(row) }
        if facts.chain.isEmpty, !row.isFree {
            find("nobody pays", "call \(serial) to \(facts.normalised) has no account")
        }
        if isFirst, !row.isFree, let account = barred(of: facts.chain) {
            find("a barred account calls", "call \(serial) is to be paid by \(account)")
        }
        if isFirst, isStoreFailing, !row.isFree {
            find("paid call without a disk", "call \(serial) left while nothing can be stored")
        }
    }

    /// The number of a call: in what its caller's INVITE says, or in the REFER that it was made for.
    private static func serial(in invite: Message) -> Int? {
        let words = (invite.value(.subject) ?? []).split(separator: UInt8(ascii: " "))
        if words.count > 1 { return Int(String(decoding: words[1], as: UTF8.self)) }
        let text = String(decoding: invite.value(.referredBy) ?? [], as: UTF8.self)
        guard let place = text.firstRange(of: ";serial=") else { return nil }
        return Int(text[place.upperBound...])
    }

    private mutating func hungUp(_ bye: Message) {
        let callID = Array(bye.callID)
        guard let leg = legs[callID] else { return }
        // The BYE of a fork that was one too many is not the call's.
        if let tag = leg.remoteTag, let to = bye.toTag, !to.elementsEqual(tag) {
            legs[callID]?.forks.remove(Array(to))
            return
        }
        legs[callID]?.isHungUp = true
    }

    private mutating func responded(_ status: Int, cseq: UInt32, to serial: Int) {
        guard let facts = calls[serial], !facts.isAccepted || facts.inviteCSeq == cseq else {
            return
        }
        switch status {
        case ..<200:
            if !facts.isAccepted {
                calls[serial]?.isAccepted = true
                calls[serial]?.inviteCSeq = cseq
                calls[serial]?.wasTakenWhileDraining = isDraining
                if facts.kind != .emergency {
                    calls[serial]?.limit = SimulatedSite.limits[plan][facts.caller]
                }
                acceptedThisTurn.append(serial)
            }
        case 200..<300:
            guard facts.toldAt == nil else { return }
            calls[serial]?.toldAt = now
            if case .pickup(let rings) = facts.handover, calls[rings]?.answeredAt == nil {
                find("picked up in vain", "call \(serial) was told 200, and call \(rings) rings on")
            }
            figures.answered += 1
            // A disk that says nothing keeps no caller waiting for its 503. Is the process gone before the
            // record of that is written, the journal has an answer; the next process asks for the caller
            // and finds that it is gone.
            if facts.isRefused, !(facts.isRefusedUnwritten && facts.diedAt != nil) {
                find("told twice", "call \(serial) was refused and then answered")
            }
            if facts.isPaying, !facts.isJournalDurable {
                find(
                    "told before durable",
                    "call \(serial) was told 200 before its commit was durable")
            }
        case 401: break
        default:
            // A challenge comes before anything is taken on; after the answer it is a re-INVITE's.
            if facts.isAccepted, facts.toldAt == nil {
                calls[serial]?.isRefused = true
                // What comes behind its ACK is an INVITE that is sent without end.
                if !facts.isRefused {
                    calls[serial]?.isRefusedUnwritten = status == 503 && facts.answeredAt != nil
                }
            }
        }
    }
}
