import Charging
import SIP

// What a simulator may look at after a turn, and never change: how much is in each table, and the
// ledger as it stands. Nothing of the switch itself uses it.

/// How much of everything a switch holds.
package struct SwitchInspection: Sendable, Equatable {
    package init() {}

    package var calls = 0
    /// Legs that requests inside a dialog still find; those of calls that are over not counted.
    package var legs = 0
    /// Legs of calls that are over, kept for a BYE that crosses ours.
    package var retiredLegs = 0
    package var transactions = 0
    package var bindings = 0
    /// INVITEs that are known again when they come merged.
    package var origins = 0
    package var linesInUse = 0
    package var busyExtensions = 0
    /// Answers and replies that wait for the disk.
    package var waiting = 0
    /// Commits that wait for the disk.
    package var commits = 0
    package var reservations = 0
    /// Addresses that are banned, and that may be.
    package var bans = 0
    package var suspects = 0
    /// Deadlines that are set, those of housekeeping and of flows that are kept open not counted: a
    /// registered phone has one as long as it is there, and its last one passes without a trace.
    package var deadlines = 0
    /// In the order of the settings.
    package var trunks: [Trunk] = []

    package struct Trunk: Sendable, Equatable {
        package var name: String
        /// Calls that may be on it: its limit, and beyond it calls for help where no wire ends it.
        package var limit: Int
        package var inUse: Int
    }
}

extension Switch {
    /// Costs O(trunks, flows that are kept open, calls).
    package var inspection: SwitchInspection {
        var inspection = SwitchInspection()
        inspection.calls = calls.count
        inspection.retiredLegs = retiredTags.count
        inspection.legs = legs.count - retiredTags.count
        inspection.transactions = clients.count + servers.count
        inspection.bindings = registrar.count
        inspection.origins = origins.count
        inspection.linesInUse = linesInUse.count
        inspection.busyExtensions = callsOfExtension.count
        inspection.waiting = answering.count + waitingReplies.count + partings.count
        inspection.commits = waitingCommits
        inspection.reservations = ledger.reservationCount
        inspection.bans = bans.count
        inspection.suspects = bans.suspectCount
        let ofKeptFlows = (0..<registrar.keptFlows.slotCount).count { slot in
            deadlines.deadline(of: DeadlineKey(kind: .keepAlive, slot: UInt32(slot))) != nil
        }
        inspection.deadlines = deadlines.count - 1 - ofKeptFlows
        var emergencies = 0
        calls.forEach { if $0.isEmergency { emergencies += 1 } }
        inspection.trunks = settings.trunks.map { trunk in
            .init(
                name: trunk.name,
                limit: trunk.kind == .sip ? trunk.channels + emergencies : trunk.channels,
                inUse: trunks[trunk.name]?.channelsInUse ?? 0)
        }
        return inspection
    }

    /// What is under way, a line for each call and transaction, for whoever finds too many of them.
    package var inspectedTable: [String] {
        calls.handles.map { "call \(calls[$0].id) \(calls[$0].stateName)" }
            + clients.handles.map { "client \(clients[$0].method.name) \(clients[$0].machine)" }
            + servers.handles.map {
                "server \(servers[$0].request?.method.name ?? "answered") \(servers[$0].user) "
                    + "\(servers[$0].machine)"
            }
    }

    /// A copy of the ledger: accounts and reservations as they stand after the last turn.
    package var inspectedLedger: Ledger { ledger }

    /// Server transactions, which the table limit of transactions counts.
    package var serverTransactions: Int { servers.count }
}
