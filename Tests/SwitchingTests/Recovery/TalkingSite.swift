import Charging
import SIP
import Testing

@testable import Switching

extension Site {
    /// A paid call that has talked for ten seconds: 30 s of it are held.
    static func talking(
        balance: String = "100", change: (inout StoredState) -> Void = { $0.boot = 5 }
    ) throws -> (site: Site, phone: Party, gateway: Party) {
        var site = try Site(balance: balance, change: change)
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.pass(.seconds(10))
        return (site, phone, gateway)
    }

    /// As it stands in a message.
    static func crlf(_ text: String) -> [UInt8] { Array(text.replacing("\n", with: "\r\n").utf8) }
}
