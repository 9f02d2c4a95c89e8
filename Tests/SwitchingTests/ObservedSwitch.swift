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
    var calls: SlabView<Call> {
        SlabView(
            count: theSwitch.calls.count, handles: theSwitch.calls.handles,
            read: { [self] in theSwitch.calls[$0] }, write: { [self] in theSwitch.calls[$0] = $1 })
    }
    var callHandles: [CallID: Handle] { theSwitch.callHandles }
    /// In and out together.
    var callsOfExtension: [String: Int] { theSwitch.callsOfExtension.mapValues(\.together) }
    var linesInUse: [String: CallID] { theSwitch.linesInUse }
    var channelsOfGone: [String: Channels] { theSwitch.channelsOfGone }
    var origins: [Switch.Origin: Handle] { theSwitch.origins }
    var ringing: [String: [Handle]] { theSwitch.ringing }
    var counters: Counters { theSwitch.counters }
    var lastTicket: CommitTicket { theSwitch.lastTicket }
    var outOfService: String? { theSwitch.outOfService }
    var wallClock: WallClock { theSwitch.wallClock }
    var wallTime: Int64 { theSwitch.wallTime }
    var parkedCalls: [String: Handle] { theSwitch.parkedCalls }
    var subscriptions: SlabView<Subscription> {
        SlabView(
            count: theSwitch.subscriptions.count, handles: theSwitch.subscriptions.handles,
            read: { [self] in theSwitch.subscriptions[$0] },
            write: { [self] in theSwitch.subscriptions[$0] = $1 })
    }
    var subscriptionHandles: [UInt64: Handle] { theSwitch.subscriptionHandles }
    var watchers: [String: [Handle]] { theSwitch.watchers }
    var subscriptionsOfWatcher: [String: [Handle]] { theSwitch.subscriptionsOfWatcher }
    var requestRateCount: Int { theSwitch.requestRates.count }
    var textRateCount: Int { theSwitch.textRates.count }
    var serversOfAddress: [IPAddress: Int] { theSwitch.serversOfAddress }
    var finishedInvites: [Switch.Origin: Switch.FinishedInvite] { theSwitch.finishedInvites }
    var isOverloaded: Bool { theSwitch.isOverloaded }
    var isMeasured: Bool { theSwitch.isMeasured }
    var forkCount: Int { theSwitch.forks.count }
    var mailboxCount: Int { theSwitch.mailboxes.count }
    var isLeaving: Bool { theSwitch.isLeaving }
    var inspectedTable: [String] { theSwitch.inspectedTable }
    var inspection: SwitchInspection { theSwitch.inspection }

    func planSettings(of number: String) -> ExtensionSettings? {
        theSwitch.planSettings(of: number)
    }

    func reserve(_ handle: Handle) -> Call.Failure? { theSwitch.reserve(handle) }
}

/// A slab of the switch, which is never copied.
struct SlabView<Element> {
    let count: Int
    let handles: [Handle]
    let read: (Handle) -> Element
    let write: (Handle, Element) -> Void

    subscript(handle: Handle) -> Element {
        get { read(handle) }
        nonmutating set { write(handle, newValue) }
    }
}
