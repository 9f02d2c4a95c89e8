import Charging
import SIP
import Testing

@testable import Switching

/// An upgrade that waits for the last call.
@Suite struct DrainTests {
    @Test func aDrainedSwitchRefusesNewCallsAndKeepsThoseUnderWay() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        guard case .done(let text) = site.request(.drainChanged(isDraining: true)) else {
            Issue.record("not drained")
            return
        }
        #expect(text == "no new calls are taken; 1 are under way")
        try phones[2].call("8004", at: &site)
        let answers = site.all(phones[2].endpoint)
        #expect(answers.map(\.status) == [100, 503])
        #expect(answers.last?.value(.retryAfter) != nil)
        #expect(site.records.first?.endReason.contains("drained") == true)
        guard case .status(let row) = site.request(.status) else {
            Issue.record("no status")
            return
        }
        #expect(row.state == "draining: no new calls, 1 under way" && row.calls == 1)
        phones[0].send("BYE", at: &site)
        #expect(site.said(phones[0].endpoint) == "200" && site.isIdle)
        // A phone may register all the same.
        #expect(try phones[2].register(at: &site).status == 200)
        _ = site.request(.drainChanged(isDraining: false))
        try phones[0].call("8002", at: &site, id: "2")
        #expect(site.said(phones[0].endpoint) == "100")
    }

    @Test func emergencyCallsAreMadeWhileTheSwitchIsDrained() throws {
        var site = try Site()
        var phone = try site.registered("8009")[0]
        _ = site.request(.drainChanged(isDraining: true))
        try phone.call("110", at: &site)
        #expect(try site.next(Site.pstn).method == .invite)
    }
}
