import SIP

/// Which phones are reached where: bindings by extension (RFC 3261 §10).
///
/// Kept in the order they came. What changes is handed back as stored changes, so that bindings
/// survive a restart.
struct Registrar: Sendable {
    private var bindings: [String: [Binding]] = [:]
    private(set) var count = 0
    /// Which extensions have phones on a connection, or had: it is looked up when the connection ends.
    private var extensionsOfStream: [Flow: Set<String>] = [:]
    /// How many bindings each address has, an IPv6 /64 being one, and each port of an address.
    private var addresses: [IPAddress: Int] = [:]
    private var endpoints: [Endpoint: Int] = [:]
    /// Flows of phones behind NAT.
    var keptFlows = KeptFlows()

    /// Whether a phone is registered from an address, or in IPv6 from its /64, or from a port of it, as
    /// far as is known until expired bindings are dropped.
    func isRegistered(at address: IPAddress) -> Bool { addresses[address.network] != nil }
    func isRegistered(from endpoint: Endpoint) -> Bool { endpoints[endpoint] != nil }
    /// How many bindings a port of an address has.
    func bindingCount(from endpoint: Endpoint) -> Int { endpoints[endpoint] ?? 0 }

    /// Puts the bindings of an extension in place of those it had.
    private mutating func replace(_ number: String, with list: [Binding]) {
        let before = bindings.updateValue(list, forKey: number) ?? []
        if list.isEmpty { bindings[number] = nil }
        count += list.count - before.count
        for binding in before { Self.add(-1, binding.flow.remote, &addresses, &endpoints) }
        for binding in list { Self.add(1, binding.flow.remote, &addresses, &endpoints) }
        // The new ones first, so that a flow that is refreshed stays.
        for binding in list where binding.isBehindNAT { keptFlows.add(binding) }
        for binding in before where binding.isBehindNAT { keptFlows.remove(binding) }
    }

    private static func add(
        _ number: Int, _ endpoint: Endpoint, _ addresses: inout [IPAddress: Int],
        _ endpoints: inout [Endpoint: Int]
    ) {
        let network = endpoint.ip.network
        let ofAddress = addresses[network, default: 0] + number
        addresses[network] = ofAddress == 0 ? nil : ofAddress
        let ofEndpoint = endpoints[endpoint, default: 0] + number
        endpoints[endpoint] = ofEndpoint == 0 ? nil : ofEndpoint
    }

    /// What a REGISTER asks for one contact.
    struct Wish: Sendable {
        var contact: [UInt8]
        /// Zero removes it.
        var seconds: Int
        var outbound: OutboundFlow?

        /// Whether it is about this binding: the same flow of the same phone, whatever its contact is
        /// now (RFC 5626 §6), or the same contact.
        ///
        /// - Parameter uri: that of the contact, where other ways to write it count too (RFC 3261 §10.3
        ///   step 7); nil of what is no URI.
        func isAbout(_ binding: Binding, as uri: URI? = nil) -> Bool {
            if let outbound {
                if binding.outbound == outbound { return true }
                guard binding.outbound == nil || binding.regID == outbound.regID else {
                    return false
                }
            }
            if binding.contact == contact { return true }
            guard let uri else { return false }
            return URI(parsing: binding.contact[...]) == uri
        }

        /// Which of the bindings it is about: the very same text before one that means the same.
        func place(in list: [Binding]) -> Int? {
            if let place = list.firstIndex(where: { isAbout($0) }) { return place }
            guard !list.isEmpty, let uri = URI(parsing: contact[...]) else { return nil }
            return list.firstIndex { isAbout($0, as: uri) }
        }

        /// Whether the phone of a binding that this is about is surely the same one: it says so, or its
        /// contact is no private address behind NAT, which another phone may have too, but not behind the
        /// same NAT.
        func isOfSamePhone(as binding: Binding, from flow: Flow) -> Bool {
            if outbound != nil, outbound == binding.outbound { return true }
            guard isAbout(binding), binding.path.isEmpty else { return false }
            let seen = binding.flow.remote.ip
            return seen == flow.remote.ip
                || URI(parsing: contact[...]).flatMap { IPAddress(parsing: $0.host) } == seen
        }
    }

    enum Outcome: Sendable {
        /// `left` are connections that the same phone was reached by before, and `moved` all flows that it,
        /// and surely it, was reached by in place of this one. `restarted` is where a phone was and is
        /// reached that has a new Call-ID, as one that has begun anew has; empty where it goes on with its
        /// Call-ID.
        case done([StoredChange], left: [Flow], moved: Set<Flow>, restarted: [Flow])
        /// An older request of the same Call-ID: nothing was changed (§10.3 step 7).
        case outOfOrder
        /// The table is full.
        case full
    }

    /// The most bindings that one extension has.
    var mostOfExtension: Int { bindings.values.reduce(0) { max($0, $1.count) } }

    /// Those that have not expired.
    func bindings(of number: String, at wallTime: Int64) -> [Binding] {
        guard let all = bindings[number] else { return [] }
        return all.filter { $0.expiresAt > wallTime }
    }

    /// Those of them that can be called.
    func reachable(of number: String, at wallTime: Int64) -> [Binding] {
        guard let all = bindings[number] else { return [] }
        return all.filter { $0.expiresAt > wallTime && $0.isReachable }
    }

    /// All bindings, by extension and then by age.
    func all(at wallTime: Int64) -> [Binding] {
        bindings.keys.sorted().flatMap { bindings(of: $0, at: wallTime) }
    }

    /// Takes up what the last process wrote. Its connections ended with it: such a binding is reached
    /// by a new one, or when its phone registers again.
    mutating func restore(_ binding: Binding) {
        var binding = binding
        if binding.flow.transport.isReliable {
            if let redial = binding.redial { binding.flow = redial }
            // The flow of one that was dialled names its contact already.
            binding.isReachable = binding.flow.dialled(by: binding.nextHop) == binding.flow
            note(binding)
        }
        replace(binding.number, with: (bindings[binding.number] ?? []) + [binding])
    }

    private mutating func note(_ binding: Binding) {
        guard binding.flow.transport.isReliable, binding.isReachable else { return }
        extensionsOfStream[binding.flow, default: []].insert(binding.number)
    }

    // MARK: Connections

    /// A connection is gone: bindings that came by it get the flow of a new one, or cannot be called.
    mutating func connectionClosed(_ closed: ClosedConnection) -> [StoredChange] {
        guard let numbers = extensionsOfStream.removeValue(forKey: closed.flow) else { return [] }
        var changes: [StoredChange] = []
        for number in numbers.sorted() {
            guard var list = bindings[number] else { continue }
            for index in list.indices where list[index].flow == closed.flow {
                if let redial = list[index].redial {
                    list[index].flow = redial
                    changes.append(.bindingSaved(list[index]))
                } else if closed.wasAccepted {
                    list[index].isReachable = false
                }
                note(list[index])
            }
            replace(number, with: list)
        }
        return changes
    }

    /// No connection could be made to a flow.
    mutating func unreachable(_ flow: Flow) {
        for number in (extensionsOfStream[flow] ?? []).sorted() {
            guard var list = bindings[number] else { continue }
            for index in list.indices where list[index].flow == flow {
                list[index].isReachable = false
            }
            bindings[number] = list
        }
    }

    /// Carries out one REGISTER, all of it or nothing.
    ///
    /// - Parameters:
    ///   - wishes: contacts to bind or remove; nil removes all (`Contact: *`).
    ///   - template: flow, Call-ID, CSeq, user agent and Path of the request.
    ///   - isDirect: no proxy stands between: behind its flow is one phone.
    mutating func register(
        _ wishes: [Wish]?, template: Binding, isDirect: Bool, wallTime: Int64, contactLimit: Int,
        tableLimit: Int
    ) -> Outcome {
        let number = template.number
        var list = bindings[number] ?? []
        var changes: [StoredChange] = []
        let before = list.count
        let left = list.filter {
            $0.flow.transport.isReliable && $0.flow != template.flow
                && $0.callID == template.callID
        }
        let restarted = restartedFlows(wishes ?? [], template: template)
        var moved = Set(restarted)
        func notes(_ old: Binding, _ wish: Wish) {
            guard old.path.isEmpty, template.path.isEmpty,
                old.callID == template.callID || wish.isOfSamePhone(as: old, from: template.flow)
            else { return }
            moved.insert(old.flow)
        }
        // One that was displaced from its flow and registers again shares that with another.
        let isAlone =
            isDirect && !restarted.isEmpty && !list.contains { $0.displaced == template.callID }

        for binding in list where binding.expiresAt <= wallTime {
            changes.append(binding.removed)
        }
        list.removeAll { $0.expiresAt <= wallTime }

        if let wishes {
            for wish in wishes {
                let place = wish.place(in: list)
                if let place, list[place].callID == template.callID,
                    list[place].cseq >= template.cseq
                {
                    return .outOfOrder
                }
                if wish.seconds == 0 {
                    if let place { changes.append(list.remove(at: place).removed) }
                    continue
                }
                var binding = template
                binding.contact = wish.contact
                binding.outbound = wish.outbound
                binding.expiresAt = wallTime + Int64(wish.seconds) * 1_000_000
                if let place {
                    notes(list[place], wish)
                    if list[place].contact != binding.contact || list[place].regID != binding.regID
                    {
                        changes.append(list[place].removed)
                    }
                    binding.displaced = list[place].displaced
                    list[place] = binding
                } else {
                    // The same phone behind the same flow with a new contact text replaces itself; so
                    // does one whose connection broke.
                    if let stale = list.firstIndex(where: {
                        ($0.flow == template.flow || !$0.isReachable)
                            && $0.callID == template.callID && $0.cseq != template.cseq
                    }) {
                        notes(list[stale], wish)
                        changes.append(list.remove(at: stale).removed)
                    }
                    while isAlone,
                        let stale = list.firstIndex(where: { binding.isSuccessor(of: $0) })
                    {
                        binding.displaced = list[stale].callID
                        changes.append(list.remove(at: stale).removed)
                    }
                    list.append(binding)
                }
                changes.append(.bindingSaved(binding))
            }
            while list.count > contactLimit {
                changes.append(list.removeFirst().removed)
            }
        } else {
            for binding in list {
                if binding.callID == template.callID, binding.cseq >= template.cseq {
                    return .outOfOrder
                }
                changes.append(binding.removed)
            }
            list.removeAll()
        }

        guard count - before + list.count <= tableLimit || list.count <= before else {
            return .full
        }
        replace(number, with: list)
        if template.flow.transport.isReliable, !list.isEmpty { note(template) }
        moved.remove(template.flow)
        return .done(changes, left: left.map(\.flow), moved: moved, restarted: restarted)
    }

    /// By which flows a phone may have calls that it has lost, since it binds something by a Call-ID
    /// that is new.
    private func restartedFlows(_ wishes: [Wish], template: Binding) -> [Flow] {
        let list = bindings[template.number] ?? []
        guard wishes.contains(where: { $0.seconds > 0 }),
            !list.contains(where: { $0.callID == template.callID })
        else { return [] }
        var flows = [template.flow]
        // Behind a proxy it is asked where it speaks from alone.
        guard template.path.isEmpty else { return flows }
        for old in list where !flows.contains(old.flow) {
            let isSame = wishes.contains { wish in
                wish.seconds > 0 && wish.isOfSamePhone(as: old, from: template.flow)
            }
            if isSame { flows.append(old.flow) }
        }
        return flows
    }

    /// A flow of a phone was found dead by the proxy that held it (RFC 5626 §7): the phone is not called
    /// by it until it registers again.
    mutating func flowFailed(_ failed: Binding) {
        guard var list = bindings[failed.number],
            let place = list.firstIndex(where: {
                $0.contact == failed.contact && $0.regID == failed.regID
                    && $0.callID == failed.callID && $0.cseq == failed.cseq
            })
        else { return }
        list[place].isReachable = false
        replace(failed.number, with: list)
    }

    /// Forgets all contacts of an extension that is no more.
    mutating func removeAll(of number: String) -> [StoredChange] {
        guard let list = bindings[number] else { return [] }
        replace(number, with: [])
        return list.map(\.removed)
    }

    /// The wall clock was set: what was to expire in an hour still does.
    mutating func shift(by microseconds: Int64) -> [StoredChange] {
        var changes: [StoredChange] = []
        for number in bindings.keys.sorted() {
            guard var list = bindings[number] else { continue }
            for index in list.indices {
                list[index].expiresAt += microseconds
                changes.append(.bindingSaved(list[index]))
            }
            bindings[number] = list
        }
        return changes
    }

    /// Forgets connections that no binding needs any more.
    private mutating func forgetStreams() {
        for (flow, numbers) in extensionsOfStream {
            let kept = numbers.filter { number in
                bindings[number]?.contains { $0.flow == flow && $0.isReachable } == true
            }
            if kept.count < numbers.count {
                extensionsOfStream[flow] = kept.isEmpty ? nil : kept
            }
        }
    }

    /// Drops what has expired; call it once a minute.
    mutating func expire(at wallTime: Int64) -> [StoredChange] {
        defer { forgetStreams() }
        var changes: [StoredChange] = []
        for number in bindings.keys.sorted() {
            guard let list = bindings[number], list.contains(where: { $0.expiresAt <= wallTime })
            else { continue }
            for binding in list where binding.expiresAt <= wallTime {
                changes.append(binding.removed)
            }
            let kept = list.filter { $0.expiresAt > wallTime }
            replace(number, with: kept)
        }
        return changes
    }
}

extension Binding {
    var removed: StoredChange {
        .bindingRemoved(number: number, contact: contact, regID: regID)
    }

    /// Whether a phone that has begun anew has made this one, and the other one before: it makes up the
    /// user and the port of its Contact each time, and has no instance to be known by.
    func isSuccessor(of old: Binding) -> Bool {
        guard flow == old.flow, callID != old.callID, userAgent == old.userAgent,
            outbound == nil, old.outbound == nil, path.isEmpty, old.path.isEmpty,
            let uri = URI(parsing: contact[...]), let oldURI = URI(parsing: old.contact[...])
        else { return false }
        return uri.scheme == oldURI.scheme && uri.host.elementsEqual(oldURI.host)
            && uri.parameters.elementsEqual(
                oldURI.parameters,
                by: {
                    $0.name.elementsEqual($1.name)
                        && ($0.value ?? []).elementsEqual($1.value ?? [])
                })
    }
}
