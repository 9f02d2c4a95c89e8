import Charging
import Dialplan
import SIP

@testable import Switching

/// The switch of a site under test, which `#expect` can look into: a `Switch` itself is never copied.
final class ObservedSwitch {
    private var theSwitch: Switch

    init(_ theSwitch: consuming Switch) { self.theSwitch = theSwitch }

    func handle(_ event: Event, now: Instant, into actions: inout ActionList) {
        theSwitch.handle(event, now: now, into: &actions)
    }

    var nextDeadline: Instant { theSwitch.nextDeadline }
    var plan: Plan { theSwitch.plan }
    var tariffs: TariffBook {
        get { theSwitch.tariffs }
        set { theSwitch.tariffs = newValue }
    }
    var tariff: Tariff { theSwitch.tariff }
    var ledger: Ledger {
        get { theSwitch.ledger }
        set { theSwitch.ledger = newValue }
    }
    var extensions: [String: Extension] { theSwitch.extensions }
    var userSettings: [String: UserSettings] { theSwitch.userSettings }
    var registrar: Registrar { theSwitch.registrar }
    var trunks: [String: Trunk] {
        get { theSwitch.trunks }
        set { theSwitch.trunks = newValue }
    }
    var calls: Slab<Call> {
        get { theSwitch.calls }
        set { theSwitch.calls = newValue }
    }
    var callHandles: [CallID: Handle] { theSwitch.callHandles }
    /// In and out together.
    var callsOfExtension: [String: Int] { theSwitch.callsOfExtension.mapValues(\.together) }
    var linesInUse: [String: CallID] { theSwitch.linesInUse }
    var origins: [Switch.Origin: Handle] { theSwitch.origins }
    var ringing: [String: [Handle]] { theSwitch.ringing }
    var counters: Counters { theSwitch.counters }
    var lastTicket: CommitTicket { theSwitch.lastTicket }
    var outOfService: String? { theSwitch.outOfService }
    var wallClock: WallClock { theSwitch.wallClock }
    var wallTime: Int64 { theSwitch.wallTime }
    var parkedCalls: [String: Handle] { theSwitch.parkedCalls }
    var subscriptions: Slab<Subscription> { theSwitch.subscriptions }
    var subscriptionHandles: [UInt64: Handle] { theSwitch.subscriptionHandles }
    var watchers: [String: [Handle]] { theSwitch.watchers }
    var subscriptionsOfWatcher: [String: Int] { theSwitch.subscriptionsOfWatcher }
    var isOverloaded: Bool { theSwitch.isOverloaded }
    var forks: Slab<Fork> { theSwitch.forks }
    var mailboxes: Slab<MailboxSubscription> { theSwitch.mailboxes }
    var isLeaving: Bool { theSwitch.isLeaving }
    var inspectedTable: [String] { theSwitch.inspectedTable }
    var inspection: SwitchInspection { theSwitch.inspection }

    func planSettings(of number: String) -> ExtensionSettings? {
        theSwitch.planSettings(of: number)
    }

    func reserve(_ handle: Handle) -> Call.Failure? { theSwitch.reserve(handle) }
}
