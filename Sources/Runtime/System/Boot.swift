import Foundation

/// Names the run of the machine's monotonic clock, from one start of the machine to the next.
///
/// The kernel's boot id, as a number. A unit that may not see `/proc/sys` gets it from the service
/// manager: `Environment=TANDEM_BOOT_ID=%b`.
enum Boot {
    /// 0 when nobody says; then nothing is taken from the clock of an earlier process.
    static let current = number(
        environment: ProcessInfo.processInfo.environment["TANDEM_BOOT_ID"],
        file: "/proc/sys/kernel/random/boot_id")

    static func number(environment: String?, file: String) -> UInt64 {
        if let environment, let number = number(of: environment) { return number }
        guard let data = FileManager.default.contents(atPath: file) else { return 0 }
        return number(of: String(decoding: data, as: UTF8.self)) ?? 0
    }

    /// The first 64 bits of an id of 32 hexadecimal digits, with or without dashes.
    static func number(of text: String) -> UInt64? {
        let digits = text.filter { $0.isHexDigit }
        guard digits.count == 32 else { return nil }
        return UInt64(digits.prefix(16), radix: 16)
    }
}
