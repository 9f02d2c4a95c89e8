import Charging
import TestSupport
import Testing

/// The bookkeeper again, with chains of four, allowances, two currencies, vouchers, and limits on what
/// is spent: all kept as lists of what happened, added up anew for every question.
@Suite struct LedgerLimitsRandomTests {
    private struct Bookkeeper {
        struct Opened {
            var parent: String?
            var limit: Int64
            var currency = "CNY"
            var isDaily = false
            var renewedOn: Int32 = 0
        }
        struct Charge {
            var subjects: [String]
            var micros: Int64
            var second: Int64
            var day: Int32
        }

        var opened: [String: Opened] = [:]
        var entries: [(account: String, micros: Int64)] = []
        var held: [UInt64: (account: String, number: String, micros: Int64)] = [:]
        var charges: [Charge] = []
        var onHold: Set<String> = []
        var forgotten: [String: Int] = [:]
        var redeemed: [Int: String] = [:]
        let callLimit: Int64 = 350
        let hourLimit: Int64 = 900
        let dayLimit: Int64 = 2500

        func chain(_ account: String) -> [String] {
            guard let found = opened[account] else { return [] }
            return [account] + (found.parent.map(chain) ?? [])
        }

        func balance(_ account: String) -> Int64 {
            entries.filter { $0.account == account }.reduce(0) { $0 + $1.micros }
        }

        func reserved(_ subject: String) -> Int64 {
            held.values.filter { chain($0.account).contains(subject) || $0.number == subject }
                .reduce(0) { $0 + $1.micros }
        }

        func available(_ account: String) -> Int64 {
            balance(account) + (opened[account]?.limit ?? 0) - reserved(account)
        }

        /// Five minutes of spending count until the last of them is an hour old.
        func spent(_ subject: String, _ second: Int64, _ day: Int32) -> (hour: Int64, day: Int64) {
            var hour: Int64 = 0
            var onDay: Int64 = 0
            for charge in charges.dropFirst(forgotten[subject] ?? 0)
            where charge.subjects.contains(subject) {
                if (charge.second / 300 + 1) * 300 + 3600 > second { hour += charge.micros }
                if charge.day == day { onDay += charge.micros }
            }
            return (hour, onDay)
        }

        func canHold(
            _ more: Int64, of held: Int64, _ account: String, _ number: String, _ second: Int64,
            _ day: Int32
        ) -> Bool {
            let accounts = chain(account)
            guard !accounts.isEmpty, accounts.allSatisfy({ available($0) >= more }),
                held + more <= callLimit
            else { return false }
            return (accounts + [number]).allSatisfy { subject in
                let spent = spent(subject, second, day)
                return !onHold.contains(subject)
                    && spent.hour + reserved(subject) + more <= hourLimit
                    && spent.day + reserved(subject) + more <= dayLimit
            }
        }

        mutating func renew(_ account: String, _ day: Int32) -> Int {
            var count = 0
            for id in chain(account) {
                guard let found = opened[id], found.isDaily, day > found.renewedOn else { continue }
                opened[id]?.renewedOn = day
                count += 1
                if balance(id) < 0 { entries.append((id, -balance(id))) }
            }
            return count
        }
    }

    private static let accounts: [(id: String, parent: String?, limit: Int64, isDaily: Bool)] = [
        ("enterprise", nil, 6000, false), ("sales", "enterprise", 0, false),
        ("desk", "sales", 3000, false), ("8001", "desk", 900, true), ("8002", "desk", 700, true),
        ("8003", "sales", 0, false), ("usd", nil, 0, false), ("9001", "usd", 500, true),
    ]

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func theLedgerDecidesAsABookkeeperWould(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed &* 77)
        var ledger = Ledger()
        var books = Bookkeeper()
        var second: Int64 = 0
        var day: Int32 = 0
        func moment() -> LedgerMoment {
            LedgerMoment(at: second * 1_000_000, uptime: second * 1000, day: CivilDay(number: day))
        }
        let usual = SpendingLimits(
            call: Amount(micros: books.callLimit), hour: Amount(micros: books.hourLimit),
            day: Amount(micros: books.dayLimit))
        ledger.accountLimits = usual
        ledger.extensionLimits = usual
        for (id, parent, limit, isDaily) in Self.accounts {
            let currency = ["usd", "9001"].contains(id) ? "USD" : "CNY"
            let account = Account(
                id: id, name: "", parent: parent, kind: limit > 0 ? .postpaid : .prepaid,
                creditLimit: Amount(micros: limit), currency: currency,
                renewal: isDaily ? .day : nil)
            #expect(ledger.open(account, at: moment()) == nil)
            books.opened[id] = .init(
                parent: parent, limit: limit, currency: currency, isDaily: isDaily)
        }
        #expect(
            ledger.add(
                (0..<12).map {
                    Voucher(
                        key: "k\($0)", batch: "b", serial: $0 + 1, amount: Amount(micros: 700),
                        currency: "CNY")
                }) == nil)
        let ids = Self.accounts.map(\.id)
        let numbers = ["x1", "x2", "x3"]
        var nextCall: UInt64 = 1
        var postings = 0
        var refusals: Set<String> = []

        for turn in 0..<800 {
            second += Int64(generator.next() % 240)
            if generator.next() % 90 == 0 { day += 1 }
            let id = try #require(ids.randomElement(using: &generator))
            let number = try #require(numbers.randomElement(using: &generator))
            let micros = Int64(generator.next() % 260)
            let call = books.held.keys.sorted().randomElement(using: &generator)
            let now = moment()
            #expect(ledger.renew(chainOf: id, at: now).count == books.renew(id, day))
            switch (generator.next() % 14, call) {
            case (0...4, _):
                let expected = books.canHold(micros, of: 0, id, number, second, day)
                let refusal = ledger.reserve(
                    call: nextCall, account: id, extension: number, amount: Amount(micros: micros),
                    at: now)
                #expect(
                    (refusal == nil) == expected, "turn \(turn): \(String(describing: refusal))")
                if expected { books.held[nextCall] = (id, number, micros) }
                if case .limitMet(_, let period, _) = refusal { refusals.insert(period.rawValue) }
                nextCall += 1
            case (5...6, let call?):
                let hold = try #require(books.held[call])
                let expected = books.canHold(
                    micros, of: hold.micros, hold.account, hold.number, second, day)
                let most = ledger.coverable(
                    call: call, account: hold.account, extension: hold.number, at: now)
                let refusal = ledger.extend(call: call, by: Amount(micros: micros), at: now)
                #expect((refusal == nil) == expected, "turn \(turn)")
                // What can be covered says the same, but for holds.
                let isCovered = most.map { $0.micros >= micros }
                if case .held = refusal {
                    #expect(!expected)
                } else {
                    #expect(isCovered == expected)
                }
                if case .limitMet(_, let period, _) = refusal { refusals.insert(period.rawValue) }
                if expected { books.held[call]?.micros += micros }
            case (7...9, let call?):
                let hold = try #require(books.held[call])
                books.held[call] = nil
                let charged = min(micros, hold.micros)
                let settlement = ledger.settle(call: call, used: Amount(micros: micros), at: now)
                #expect(settlement.charged.micros == charged)
                let chain = books.chain(hold.account)
                for account in chain { books.entries.append((account, -charged)) }
                #expect(settlement.balances.map(\.balance.micros) == chain.map(books.balance))
                if charged > 0 {
                    books.charges.append(
                        .init(
                            subjects: chain + [hold.number], micros: charged, second: second,
                            day: day))
                }
                postings += settlement.postings.count
            case (10, _):
                let outcome = ledger.topUp(
                    id: "\(turn)", account: id, amount: Amount(micros: 300), at: now.at)
                guard case .posted = outcome else {
                    Issue.record("turn \(turn): \(outcome)")
                    continue
                }
                books.entries.append((id, 300))
            case (11, _):
                let place = Int(generator.next() % 12)
                redeem(place, on: id, &ledger, &books, at: now)
            case (12, _):
                let (subject, name) =
                    turn % 2 == 0
                    ? (SpendingSubject.account(id), id) : (.extension(number), number)
                let isNew = books.onHold.insert(name).inserted
                #expect((ledger.hold(subject, reason: "test", at: now) != nil) == isNew)
                // Few stay on hold, or nothing would happen any more.
                guard generator.next() % 8 != 0 else { continue }
                #expect(ledger.release(subject, at: now) != nil)
                books.onHold.remove(name)
                books.forgotten[name] = books.charges.count
            default:
                for name in books.onHold.sorted() {
                    let subject =
                        numbers.contains(name) ? SpendingSubject.extension(name) : .account(name)
                    #expect(ledger.release(subject, at: now) != nil)
                    books.forgotten[name] = books.charges.count
                }
                books.onHold = []
            }
            for id in ids {
                #expect(ledger.account(id)?.balance.micros == books.balance(id), "turn \(turn)")
                #expect(ledger.reserved(account: id)?.micros == books.reserved(id))
                #expect(try #require(ledger.available(id)) >= .zero, "turn \(turn)")
                let spent = ledger.spent(.account(id), at: now)
                let expected = books.spent(id, second, day)
                #expect(spent.hour.micros == expected.hour && spent.day.micros == expected.day)
            }
        }
        #expect(ledger.audit() == [])
        #expect(postings > 50 && !refusals.isEmpty, "\(postings) \(refusals)")
    }

    private func redeem(
        _ place: Int, on id: String, _ ledger: inout Ledger, _ books: inout Bookkeeper,
        at now: LedgerMoment
    ) {
        switch ledger.redeem(key: "k\(place)", account: id, at: now) {
        case .posted(let posting):
            #expect(books.redeemed[place] == nil && books.opened[id]?.currency == "CNY")
            #expect(posting.amount.micros == 700)
            books.redeemed[place] = id
            books.entries.append((id, 700))
        case .alreadyDone: #expect(books.redeemed[place] == id)
        case .refused:
            #expect(
                books.redeemed[place].map { $0 != id } ?? (books.opened[id]?.currency == "USD"))
        }
    }
}
