import Dialplan
import Testing

/// Whom the members of a group may call, by extension and by what a line rings.
@Suite struct GroupAccessTests {
    private static let text =
        sample + """

            hours office mon-fri 08:00-18:00
            group canteen { 8100-8109  calls canteen guards }
            group kitchen { 8110-8119  calls wide }
            group guards    8010-8012 together 20s
            group desk      8001 8002
            group wide      8000-8012
            line 66770000 rings group guards
            line 66770001 rings group desk
            line 66770002 rings 8003 during office, 8101
            line 66770003 rings pstn
            """

    private func outcome(_ dialled: String, from caller: String, at time: CivilTime = monday) throws
        -> Outcome
    {
        try compiled(Self.text).decide(
            Query(caller: .extension(caller, level: "house"), dialled: dialled, time: time)
        ).outcome
    }

    private func isRefused(_ dialled: String, from caller: String) throws -> Bool {
        guard case .refuse(let refusal) = try outcome(dialled, from: caller) else { return false }
        return refusal.code == .group
    }

    @Test func aLineOpensNoWayToAnExtension() throws {
        #expect(try isRefused("8003", from: "8100"))
        #expect(try isRefused("66778003", from: "8100"))
        #expect(try isRefused("66770002", from: "8100"))
        #expect(try outcome("66770002", from: "8200") == .ring(extension: "8003"))
        let evening = CivilTime(year: 2026, month: 1, day: 5, minuteOfDay: 1200)
        #expect(try outcome("66770002", from: "8100", at: evening) == .ring(extension: "8101"))
    }

    @Test func aLineOpensNoWayToAGroup() throws {
        #expect(try isRefused("66770001", from: "8100"))
        #expect(try !isRefused("66770000", from: "8100"))
        // All who ring there are in a group that may be called.
        #expect(try !isRefused("66770001", from: "8110"))
        #expect(try !isRefused("66770001", from: "8200"))
    }

    @Test func whatIsNotInsideIsForTheLevelToSay() throws {
        guard case .routes = try outcome("66770003", from: "8100") else {
            Issue.record("not sent out")
            return
        }
    }
}
