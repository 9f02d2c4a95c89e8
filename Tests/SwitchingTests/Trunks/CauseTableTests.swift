import Testing

@testable import Switching

/// Causes and statuses: RFC 3398 by default, single rows changed by the configuration.
@Suite struct CauseTableTests {
    @Test(
        arguments: [
            // status, cause in its Reason, next route, trunk's fault
            (486, nil, false, false), (404, nil, false, false), (603, nil, false, false),
            (480, nil, false, false), (484, nil, false, false), (400, nil, false, false),
            (481, nil, false, false), (488, nil, false, false), (600, nil, false, false),
            (500, nil, true, true), (502, nil, true, true), (503, nil, true, true),
            (504, nil, true, true), (408, nil, true, true), (401, nil, true, true),
            (501, nil, true, false), (513, nil, true, false),
            (503, 17, false, false), (500, 1, false, false), (503, 21, false, false),
            (480, 34, true, true), (404, 38, true, true), (404, 41, true, true),
            (404, 42, true, true), (404, 27, true, true), (480, 102, true, true),
            (503, 44, true, false), (503, 47, true, false),
        ] as [(Int, Int?, Bool, Bool)])
    func onlyTheNetworksOwnCausesGoOn(status: Int, reason: Int?, goesOn: Bool, isFault: Bool) {
        let table = CauseTable()
        #expect(table.failsOver(status: status, reason: reason) == goesOn)
        #expect(table.isFault(status: status, reason: reason) == isFault)
    }

    @Test func singleRowsAreChanged() {
        var table = CauseTable()
        table.statusOfCause[1] = 410
        table.causeOfStatus[480] = 20
        table.failover[17] = true
        table.failover[41] = false
        table.fault[34] = false
        #expect(table.status(ofQ850: 1) == 410 && table.status(ofQ850: 17) == 486)
        #expect(table.q850(ofStatus: 480) == 20 && table.q850(ofStatus: 486) == 17)
        #expect(table.failsOver(status: 486, reason: nil))
        #expect(!table.failsOver(status: 503, reason: nil))
        #expect(table.failsOver(status: 503, reason: 34))
        #expect(!table.isFault(status: 503, reason: 34))
    }

    @Test func whetherACallGoesOnAndWhoseFaultItWasAreTwoQuestions() {
        var table = CauseTable()
        table.failover[34] = false
        table.fault[21] = true
        table.failover[1] = true
        #expect(!table.failsOver(status: 503, reason: 34))
        #expect(table.isFault(status: 503, reason: 34))
        #expect(!table.failsOver(status: 403, reason: nil))
        #expect(table.isFault(status: 403, reason: nil))
        #expect(table.failsOver(status: 404, reason: nil))
        #expect(!table.isFault(status: 404, reason: nil))
    }
}
