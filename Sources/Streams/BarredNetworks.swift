import NIOCore
import SIP
import Synchronization

/// From where no connection is taken, and until when. The loop changes it, the thread of the connections
/// looks at it; what is changed holds from then on.
///
/// Whoever bars has a limit to that, and admits what it has barred: nothing here is forgotten before.
final class BarredNetworks: Sendable {
    private let ends = Mutex<[IPAddress: NIODeadline]>([:])

    func bar(_ network: IPAddress, until end: NIODeadline) {
        ends.withLock { $0[network] = end }
    }

    func admit(_ network: IPAddress) {
        ends.withLock { $0[network] = nil }
    }

    func holds(_ address: IPAddress, now: NIODeadline) -> Bool {
        ends.withLock { ends in ends[address.network].map { $0 > now } ?? false }
    }
}
