import SIP
import Testing

@testable import Transport

@Suite struct SocketAddressTests {
    @Test(arguments: [
        Endpoint(ip: IPAddress(v4: 0x7f00_0001), port: 5060),
        Endpoint(ip: IPAddress(v4: 0), port: 0),
        Endpoint(ip: IPAddress(v4: 0xffff_ffff), port: 65_535),
        Endpoint(ip: IPAddress(high: 0, low: 1), port: 5061),
        Endpoint(ip: IPAddress(high: 0x2001_0db8_0000_0001, low: 0x1234_5678_9abc_def0), port: 1),
    ])
    func endpointsComeBackAsTheyWere(endpoint: Endpoint) {
        let storage = UnsafeMutableRawPointer.allocate(byteCount: 28, alignment: 8)
        defer { storage.deallocate() }
        let length = SocketAddress.write(endpoint, to: storage)
        #expect(length == (endpoint.ip.isV4 ? 16 : 28))
        #expect(SocketAddress.read(from: storage) == endpoint)
    }

    @Test func anotherFamilyIsNoEndpoint() {
        let storage = UnsafeMutableRawPointer.allocate(byteCount: 28, alignment: 8)
        defer { storage.deallocate() }
        storage.initializeMemory(as: UInt8.self, repeating: 0, count: 28)
        #expect(SocketAddress.read(from: storage) == nil)
    }
}
