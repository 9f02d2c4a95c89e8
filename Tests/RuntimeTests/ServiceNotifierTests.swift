import Foundation
import SIP
import Store
import Testing

@testable import Runtime

@Suite struct ServiceNotifierTests {
    /// A service manager: a datagram socket in a folder of its own, or in the abstract namespace.
    private final class Manager {
        let name: String
        private let descriptor: CInt

        init(isAbstract: Bool) {
            let unique = UUID().uuidString
            name = isAbstract ? "@tandem-\(unique)" : "/tmp/tandem-\(unique)"
            descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            var bytes = Array(name.utf8)
            if isAbstract { bytes[0] = 0 }
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
            let length = socklen_t(
                MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + bytes.count)
            let descriptor = descriptor
            let result = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length)
                }
            }
            precondition(result == 0)
        }

        deinit {
            close(descriptor)
            unlink(name)
        }

        /// What was told and not read yet.
        func heard() -> [String] {
            var texts: [String] = []
            var buffer = [UInt8](repeating: 0, count: 4096)
            while case let count = recv(descriptor, &buffer, 4096, CInt(MSG_DONTWAIT)),
                count >= 0
            {
                texts.append(String(decoding: buffer[..<count], as: UTF8.self))
            }
            return texts
        }
    }

    @Test(arguments: [false, true]) func theManagerHears(isAbstract: Bool) {
        let manager = Manager(isAbstract: isAbstract)
        let notifier = ServiceNotifier(environment: ["NOTIFY_SOCKET": manager.name])
        notifier.tell(.ready("running"))
        notifier.tell(.stopping)
        #expect(manager.heard() == ["READY=1\nSTATUS=running", "STOPPING=1"])
    }

    @Test func withoutAManagerNothingHappens() {
        let notifier = ServiceNotifier(environment: [:])
        notifier.tell(.ready("running"))
        ServiceNotifier(environment: ["NOTIFY_SOCKET": "/nobody/here"]).tell(.stopping)
        #expect(notifier.watchdogSeconds == nil)
    }

    @Test func watchdogOfAnotherProcessIsNotOurs() {
        let environment = ["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"]
        #expect(ServiceNotifier(environment: environment).watchdogSeconds == nil)
        #expect(ServiceNotifier(environment: ["WATCHDOG_USEC": "3000000"]).watchdogSeconds == 3)
    }

    private func watchdog(_ manager: Manager, now: Instant) -> Watchdog {
        Watchdog(
            notifier: ServiceNotifier(environment: [
                "NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "10000000",
            ]), now: now)
    }

    @Test func watchdogIsFedTwiceInItsTime() {
        let manager = Manager(isAbstract: true)
        let start = Instant(nanoseconds: 0)
        let watchdog = watchdog(manager, now: start)
        var health = Store.Health()
        for second in 0..<20 {
            health.turns = UInt64(second + 1)
            watchdog.loopTurned(now: start + .seconds(second), health: health)
        }
        #expect(manager.heard() == [String](repeating: "WATCHDOG=1", count: 4))
    }

    @Test func watchdogStarvesWhenTheStoreHangs() {
        let manager = Manager(isAbstract: true)
        let start = Instant(nanoseconds: 0)
        let watchdog = watchdog(manager, now: start)
        let patience = Int(Watchdog.storePatience.milliseconds / 1000)
        for second in 0..<100 {
            watchdog.loopTurned(now: start + .seconds(second), health: .init())
        }
        #expect(manager.heard().count == patience / 5)
    }

    @Test func aDiskThatRefusesIsToldAndTheDaemonLivesOn() {
        let manager = Manager(isAbstract: true)
        let start = Instant(nanoseconds: 0)
        let watchdog = watchdog(manager, now: start)
        var health = Store.Health()
        health.turns = 1
        health.stalledBecause = "the disk is full"
        watchdog.loopTurned(now: start, health: health)
        #expect(manager.heard() == ["STATUS=the disk is full", "WATCHDOG=1"])
        health.stalledBecause = nil
        watchdog.loopTurned(now: start + .seconds(1), health: health)
        #expect(manager.heard() == ["STATUS=running"])
    }
}
