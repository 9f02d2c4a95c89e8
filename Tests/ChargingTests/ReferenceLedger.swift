import Charging

/// The ledger as a bookkeeper would keep it: a list of all that happened, added up anew for every
/// question. It shares nothing with `Ledger` but the words.
struct ReferenceLedger {
    struct Opened {
        var parent: String?
        var limit: Int64
        var isBlocked = false
    }

    var opened: [String: Opened] = [:]
    /// Account and millionths, for ever.
    var entries: [(account: String, micros: Int64)] = []
    var held: [UInt64: (account: String, micros: Int64)] = [:]
    var done: [String: (account: String, micros: Int64)] = [:]

    func chain(_ account: String) -> [String] {
        guard let found = opened[account] else { return [] }
        return [account] + (found.parent.map(chain) ?? [])
    }

    func balance(_ account: String) -> Int64 {
        entries.filter { $0.account == account }.reduce(0) { $0 + $1.micros }
    }

    func reserved(_ account: String) -> Int64 {
        held.values.filter { chain($0.account).contains(account) }.reduce(0) { $0 + $1.micros }
    }

    func available(_ account: String) -> Int64 {
        balance(account) + (opened[account]?.limit ?? 0) - reserved(account)
    }

    func canHold(_ micros: Int64, _ account: String) -> Bool {
        let chain = chain(account)
        return !chain.isEmpty
            && chain.allSatisfy { opened[$0]?.isBlocked == false && available($0) >= micros }
    }

    /// nil when refused, else whether it was done only now.
    mutating func post(_ id: String, _ account: String, _ micros: Int64) -> Bool? {
        if let earlier = done[id] {
            return earlier.account == account && earlier.micros == micros ? false : nil
        }
        guard opened[account] != nil, available(account) + micros >= 0 else { return nil }
        done[id] = (account, micros)
        entries.append((account, micros))
        return true
    }

    mutating func settle(_ call: UInt64, _ used: Int64) -> Int64 {
        guard let hold = held.removeValue(forKey: call) else { return 0 }
        let charged = min(used, hold.micros)
        for account in chain(hold.account) { entries.append((account, -charged)) }
        return charged
    }
}
