import Charging
import SIP
import Switching
import Testing

@testable import Simulation

/// A small story in a simulated world without chance: phones 8000 to 8008 that dial, gateways that
/// answer as they are told, and an auditor that looks on as always. Calls to `02…` cost 0.07 for each
/// begun 6 s and go by the E1; `2…` costs 0.22 for 180 s and then 0.11 for each 60 s, by the own line.
final class Scenario {
    static let national = "02088886666"
    static let local = "26677889"
    /// Pays by itself, prepaid.
    static let payer = "c"

    var world: Simulation

    /// All extensions pay from `payer`, which has this on it.
    init(
        balance: String, faults: [Fault] = [], book: Int = 0,
        change: (inout SimulatedSite) -> Void = { _ in }
    ) throws {
        let amount = try #require(Amount(balance))
        world = Simulation(seed: 1, minutes: 1, faults: Faults(faults)) { site in
            for place in site.accounts.indices where site.accounts[place].id == Self.payer {
                site.accounts[place] = Account(id: Self.payer, name: "Payer", balance: amount)
            }
            for place in site.extensions.indices {
                site.extensions[place].account = Self.payer
                site.extensions[place].callLimit = 9
            }
            site.settings.calls.slice = .seconds(30)
            site.settings.calls.extendAhead = .seconds(2)
            site.settings.calls.noAnswer = .seconds(20)
            change(&site)
        }
        for index in world.agents.indices {
            world.agents[index].manner = .answers(after: .seconds(1), phones: 1)
        }
        world.begin()
        wait(.seconds(2))
    }

    // MARK: What happens

    func wait(_ span: Instant.Span) { world.advance(to: world.now + span) }

    @discardableResult
    func call(
        _ number: String = national, from index: Int = 5, talk: Instant.Span = .seconds(3600),
        patience: Instant.Span? = nil
    ) -> Int {
        world.place(from: index, to: number, kind: .outbound, talk: talk, patience: patience)
    }

    /// Whoever is still in a call hangs up.
    func hangUp() {
        for index in world.agents.indices {
            for callID in world.agents[index].openSessions where world.agents[index].kind == .phone
            {
                world.agents[index].hangUp(callID, now: world.now)
            }
            world.flush(index)
        }
    }

    func gateways(_ manner: UserAgent.Manner) {
        for index in world.agents.indices where world.agents[index].kind == .gateway {
            world.agents[index].manner = manner
        }
    }

    func gateways(are condition: UserAgent.Condition) {
        for index in world.agents.indices where world.agents[index].kind == .gateway {
            world.agents[index].condition = condition
        }
    }

    /// The end: all drains, and no rule was broken on the way.
    func end() {
        world.drain()
        #expect(world.outcome.isGood, "\(world.outcome.findings)")
    }

    // MARK: What is to be seen

    /// What was charged to the payer, by the postings on the disk.
    var charges: [String] {
        world.disk.durable.postings.filter { $0.kind == .charge && $0.account == Self.payer }
            .map { Self.text(-$0.amount) }
    }

    var balance: String {
        Self.text(Amount(micros: world.disk.durable.balances[Self.payer] ?? 0))
    }

    /// In cents: no price here has less.
    private static func text(_ amount: Amount) -> String {
        let text = "\(amount)"
        return text.hasSuffix("0000") ? String(text.dropLast(4)) : text
    }

    var records: Int { world.auditor.calls.values.reduce(0) { $0 + $1.durableRecords } }

    /// Calls that the switch has in its table.
    var running: Int {
        switch world.theSwitch {
        case .some(let running): running.inspection.calls
        case nil: 0
        }
    }

    var reserved: String {
        switch world.theSwitch {
        case .some(let running):
            Self.text(running.inspectedLedger.reserved(account: Self.payer) ?? .zero)
        case nil: Self.text(.zero)
        }
    }

    /// How long after its answer a call ended, in milliseconds.
    func lasted(_ serial: Int) -> Int64? {
        guard let facts = world.auditor.calls[serial], let began = facts.answeredAt,
            let ended = facts.closedAt
        else { return nil }
        return (ended - began).milliseconds
    }
}
