import SIP
import Testing

@testable import Switching

/// What an admin sees of a registration that fails, and what becomes of one that a reload takes away.
@Suite struct RegistrarFailureTests {
    private static let second = Endpoint(text: "127.0.0.1:5071")

    private func settings() -> Settings {
        var settings = Site.settings()
        settings.trunks[0].credentials = TrunkCredentials(username: "12345", password: "secret")
        settings.trunks[0].registration = TrunkRegistrationSettings(
            user: "12345", domain: "operator.example")
        return settings
    }

    /// A site whose registration is granted for so many seconds.
    private func registered(_ seconds: Int, _ settings: Settings) throws -> Site {
        var site = try Site(settings: settings)
        site.pass(.milliseconds(1))
        var gateway = Party.e1
        gateway.answer(try site.next(Site.e1), 200, at: &site, extra: "Expires: \(seconds)\n")
        return site
    }

    private func signal(_ site: inout Site) throws -> TrunkSignalRow {
        guard case .trunks(let rows) = site.request(.trunks) else { throw Missing() }
        return try #require(rows[0].signals.first { $0.signal == "registration" })
    }
    private struct Missing: Error {}

    @Test func aRefusalIsShownAndLoggedWhileTheRegistrationStillStands() throws {
        var site = try registered(60, settings())
        site.pass(.seconds(31))
        var gateway = Party.e1
        gateway.answer(try site.next(Site.e1), 403, at: &site)
        #expect(
            try signal(&site).reason.hasPrefix(
                "registered until it expires; REGISTER is refused: 403"))
        #expect(try signal(&site).state == "up")
        #expect(
            site.logs.contains {
                $0.contains("REGISTER is refused: 403") && $0.contains("300 s")
            })
        site.pass(.seconds(30))
        let row = try signal(&site)
        #expect(row.state == "down")
        #expect(row.reason.hasPrefix("the registration has expired; REGISTER is refused: 403"))
        // Granted again, nothing is said of it any more.
        site.inbox = [:]
        site.pass(.seconds(300))
        gateway.answer(try site.next(Site.e1), 200, at: &site, extra: "Expires: 60\n")
        #expect(try signal(&site).reason == "registered again for 60 s")
    }

    @Test(arguments: [true, false])
    func aRegistrarThatIsDeadOrOverloadedIsLeftForTheNextAddress(isSilent: Bool) throws {
        var settings = settings()
        settings.trunks[0].host = TrunkHost(name: "operator.example")
        var site = try Site(settings: settings)
        site.handle(
            .trunkResolved(
                TrunkResolution(
                    trunk: "ip-e1",
                    targets: [
                        TrunkTarget(endpoint: Site.e1, priority: 10),
                        TrunkTarget(endpoint: Self.second, priority: 20),
                    ])))
        site.pass(.milliseconds(1))
        let register = try site.next(Site.e1)
        #expect(register.method == .register)
        var gateway = Party.e1
        if !isSilent { gateway.answer(register, 503, at: &site) }
        site.pass(isSilent ? .milliseconds(32_100) : .milliseconds(10))
        let other = try site.next(Self.second)
        #expect(other.method == .register && other.cseqNumber == register.cseqNumber + 1)
        gateway.endpoint = Self.second
        gateway.answer(other, 200, at: &site, extra: "Expires: 60\n")
        #expect(try signal(&site).state == "up")
    }

    @Test func aNameThatIsFoundIsRegisteredAtAtOnce() throws {
        var settings = settings()
        settings.trunks[0].host = TrunkHost(name: "operator.example")
        var site = try Site(settings: settings)
        site.pass(.milliseconds(100))
        #expect(site.said(Site.e1) == "")
        site.handle(
            .trunkResolved(
                TrunkResolution(trunk: "ip-e1", targets: [TrunkTarget(endpoint: Site.e1)])))
        site.pass(.milliseconds(1))
        #expect(site.said(Site.e1) == "REGISTER")
    }

    @Test func aReloadThatTakesTheAccountAwayTakesTheRegistrationBack() throws {
        var settings = settings()
        var site = try registered(600, settings)
        settings.trunks[0].registration = nil
        site.handle(
            .configured(Configuration(settings: settings, plan: try Site.compiledPlan())))
        let leaving = try site.next(Site.e1)
        #expect(leaving.method == .register && leaving.number(.expires) == 0)
        // It proves who it is, like any other REGISTER.
        var gateway = Party.e1
        gateway.answer(
            leaving, 401, at: &site,
            extra: "WWW-Authenticate: Digest realm=\"operator\", nonce=\"abc\", qop=\"auth\"\n")
        let again = try site.next(Site.e1)
        #expect(again.value(.authorization) != nil && again.number(.expires) == 0)
        #expect(site.sw.isLeaving)
        gateway.answer(again, 200, at: &site)
        #expect(!site.sw.isLeaving && site.sw.trunks.count == 2)
        site.pass(.seconds(700))
        #expect(site.said(Site.e1) == "")
    }

    /// Its Contact is that of the account: what takes it back would take it from the new name.
    @Test func aTrunkWithAnotherNameKeepsItsRegistration() throws {
        var settings = settings()
        var site = try registered(600, settings)
        settings.trunks[0].name = "operator"
        site.handle(
            .configured(Configuration(settings: settings, plan: try Site.compiledPlan())))
        site.pass(.milliseconds(1))
        let sent = site.all(Site.e1).filter { $0.method == .register }
        #expect(sent.count == 1 && sent.allSatisfy { $0.number(.expires) != 0 })
        #expect(!site.sw.isLeaving && site.sw.trunks.count == 2)
    }

    @Test func aReloadThatLeavesTheAccountAsItIsSaysNothing() throws {
        var settings = settings()
        var site = try registered(600, settings)
        settings.trunks[0].channels = 20
        settings.trunks[0].registration?.seconds = 7200
        site.handle(
            .configured(Configuration(settings: settings, plan: try Site.compiledPlan())))
        #expect(site.all(Site.e1).allSatisfy { $0.number(.expires) != 0 })
    }
}
