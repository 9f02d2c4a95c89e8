import Charging

/// What a call's price and its money take.
enum MoneyCases {
    static let all = [
        Benchmark("rate among 1,000,000 prefixes", budget: 1000) {
            let tariff = try millionRows()
            var numbers = Numbers(seed: 12)
            let dialled = (0..<65_536).map { _ in numbers.digits(11) }
            return { operations in
                var sum = 0
                for operation in 0..<operations {
                    sum &+= tariff.row(for: dialled[operation % dialled.count])?.steps.count ?? 0
                }
                return sum
            }
        },
        Benchmark("rate an hour that crosses two time bands", budget: 1000) {
            let (tariff, _) = Tariff.parse(csv: bands, file: "bands.csv")
            guard let tariff, let row = tariff.row(for: "02") else { fatalError("no tariff") }
            let offset = UTCOffset(seconds: 28_800)
            return { operations in
                var sum: Int64 = 0
                for operation in 0..<operations {
                    let from = 1_795_612_200_000_000 + Int64(operation % 1000) * 1_000_000
                    let rating = Rating(
                        row, calendar: tariff.calendar, from: from, offset: offset)
                    sum &+= rating.price(milliseconds: 3_600_000).micros
                }
                return Int(truncatingIfNeeded: sum)
            }
        },
        Benchmark("reserve, settle among 100,000 accounts, limits watched", budget: 1000) {
            var ledger = try Ledger(accounts: accounts(), postings: [], reservations: [])
            let plenty = Amount(micros: 1_000_000_000_000)
            let limits = SpendingLimits(call: plenty, hour: plenty, day: plenty)
            ledger.accountLimits = limits
            ledger.extensionLimits = limits
            let ids = (0..<100_000).map { "\(600_000 + $0 * 7919 % 100_000)" }
            let slice = Amount(micros: 350_000)
            let step = Amount(micros: 70_000)
            var call: UInt64 = 0
            return { operations in
                var sum = 0
                for _ in 0..<operations {
                    call += 1
                    let account = ids[Int(call % 100_000)]
                    let now = LedgerMoment(
                        at: Int64(call), uptime: Int64(call), day: CivilDay(number: 20_782))
                    let refusal = ledger.reserve(
                        call: call, account: account, extension: account, amount: slice, at: now)
                    if refusal != nil { fatalError("refused") }
                    sum &+= ledger.settle(call: call, used: step, at: now).postings.count
                }
                return sum
            }
        },
        Benchmark("reserve, extend, settle among 100,000 accounts", budget: 1000) {
            var ledger = try Ledger(accounts: accounts(), postings: [], reservations: [])
            let ids = (0..<100_000).map { "\(600_000 + $0 * 7919 % 100_000)" }
            let slice = Amount(micros: 350_000)
            let step = Amount(micros: 70_000)
            var call: UInt64 = 0
            return { operations in
                var sum = 0
                for _ in 0..<operations {
                    call += 1
                    let account = ids[Int(call % 100_000)]
                    if ledger.reserve(call: call, account: account, amount: slice) != nil {
                        fatalError("refused")
                    }
                    if ledger.extend(call: call, by: slice) != nil { fatalError("refused") }
                    sum &+= ledger.settle(call: call, used: step, at: 0).postings.count
                }
                return sum
            }
        },
    ]

    private static let bands = """
        holiday,2026-10-01..2026-10-07
        band,night,daily 21:00-07:00
        band,rest,sat sun holiday 00:00-24:00
        prefix,name,connect_fee,steps,band
        02,national,0,0.07/6,
        02,national,0,0.04/6,night
        02,national,0,0.05/6,rest
        """

    /// Departments of 100 extensions; the department pays along.
    private static func accounts() -> [Account] {
        let plenty = Amount(micros: 1_000_000_000_000)
        var accounts = (0..<1000).map {
            Account(id: "department-\($0)", name: "Department", balance: plenty)
        }
        for number in 0..<100_000 {
            accounts.append(
                Account(
                    id: "\(600_000 + number)", name: "Extension",
                    parent: "department-\(number / 100)", balance: plenty))
        }
        return accounts
    }

    private static func millionRows() throws -> Tariff {
        var numbers = Numbers(seed: 11)
        var prefixes: Set<String> = []
        prefixes.reserveCapacity(1_000_000)
        while prefixes.count < 1_000_000 {
            prefixes.insert(numbers.digits(Int.random(in: 3...9, using: &numbers)))
        }
        return try Tariff(
            rows: prefixes.map { prefix in
                TariffRow(
                    prefix: prefix, name: "Destination", connectFee: .zero,
                    steps: [
                        .init(seconds: 60, price: Amount(micros: Int64(prefix.utf8.count) * 10_000))
                    ])
            })
    }
}
