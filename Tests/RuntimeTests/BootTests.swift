import Foundation
import Testing

@testable import Runtime

@Suite struct BootTests {
    private static let id = "0f9c1d2e-3b4a-5c6d-7e8f-901234567890"

    @Test func theKernelsIdIsANumber() {
        #expect(Boot.number(of: Self.id) == 0x0f9c_1d2e_3b4a_5c6d)
        #expect(Boot.number(of: Self.id.filter { $0 != "-" } + "\n") == 0x0f9c_1d2e_3b4a_5c6d)
        #expect(Boot.number(of: "0f9c") == nil && Boot.number(of: "") == nil)
    }

    @Test func whatTheServiceManagerSaysComesFirst() {
        #expect(Boot.number(environment: Self.id, file: "/nowhere") == 0x0f9c_1d2e_3b4a_5c6d)
        #expect(Boot.number(environment: "%b", file: "/nowhere") == 0)
        #expect(Boot.number(environment: nil, file: "/nowhere") == 0)
    }

    /// Two processes on one machine know that they share its clock.
    @Test func itIsTheSameEachTimeAndNotNothing() {
        #expect(Boot.current != 0)
        #expect(
            Boot.current == Boot.number(environment: nil, file: "/proc/sys/kernel/random/boot_id"))
    }
}
