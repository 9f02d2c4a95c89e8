import Charging
import Control
import Dialplan
import Testing

@testable import Switching

/// What `tandem explain` prints, in both languages.
@Suite struct ExplanationTextTests {
    private func record() -> CallRecord {
        var record = CallRecord(
            callID: 3 << 32 | 7, direction: .outbound, caller: "8001", dialled: "02088886666",
            startedAt: 0)
        record.dialplanVersion = "ab12"
        let outcomes: [(CallRecord.Attempt.Kind, CallRecord.Attempt.Outcome?)] = [
            (.trunk, .skipped), (.line, .failed), (.extension, .answered), (.trunk, nil),
        ]
        record.attempts = outcomes.enumerated().map { place, attempt in
            CallRecord.Attempt(
                route: "\(place)", kind: attempt.0, startedAt: 0, outcome: attempt.1)
        }
        record.attempts[1].reason = "486"
        return record
    }

    @Test func aMadeCallIsToldWithAllThatWasTried() {
        #expect(
            Explanation.text(of: record(), state: "ringing", .english) == """
                the call is under way: ringing
                tried trunk 0: skipped
                tried line 1: failed, 486
                tried extension 2: answered
                tried trunk 3: unfinished
                dialplan ab12

                """)
    }

    @Test(arguments: [
        "routing", "trying", "ringing", "answering", "connected", "parked", "transferring",
    ])
    func inChineseNoEnglishWordIsLeft(state: String) {
        let text = Explanation.text(of: record(), state: state, .chinese)
            .replacing("ab12", with: "")
        #expect(!text.contains { $0.isASCII && $0.isLetter })
        #expect(text.contains("中继 0：未试") && text.contains("直线 1：失败，486"))
    }

    @Test(arguments: Feature.allCases, FeatureCall.Action.allCases)
    func aFeatureHasAChineseName(feature: Feature, action: FeatureCall.Action) {
        let explanation = Explanation(
            outcome: "feature \(feature.rawValue) \(action.rawValue)", dialled: "*8",
            normalised: "*8", numberClass: nil, routes: [], presented: nil, refusal: nil,
            refusalCode: nil, sipStatus: nil, steps: [], planVersion: "12", payments: [])
        let text = explanation.text(.chinese)
        #expect(!text.contains { $0.isASCII && $0.isLetter })
        #expect(text.contains(feature.text(.chinese)))
        #expect(explanation.text(.english).contains("feature \(feature.rawValue)"))
    }
}
