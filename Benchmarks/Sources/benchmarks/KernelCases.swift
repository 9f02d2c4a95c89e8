import CMeter

/// The floor: what the kernel takes for the datagrams themselves.
enum KernelCases {
    static let all = [
        Benchmark("kernel: send and receive 600 bytes, loopback") {
            var sockets: (Int32, Int32) = (-1, -1)
            let opened = withUnsafeMutableBytes(of: &sockets) {
                meter_loopback_open($0.bindMemory(to: Int32.self).baseAddress)
            }
            guard opened == 0 else { fatalError("no UDP on loopback") }
            let pair = [sockets.0, sockets.1]
            return { operations in
                let arrived = meter_loopback_exchange(pair, 600, Int64(operations))
                guard arrived == operations else { fatalError("loopback lost datagrams") }
                return Int(arrived)
            }
        }
    ]
}
