import Dialplan

/// The ways out that every test's configuration has.
let context = PlanContext(trunks: [
    PlanContext.Trunk(name: "ip-e1", isE1: true), PlanContext.Trunk(name: "pstn", isE1: false),
])

/// A Monday morning.
let monday = CivilTime(year: 2026, month: 1, day: 5, minuteOfDay: 600)

/// The plan of the reference site, without its expect lines.
let sample = """
    site headquarters { country 86  area 0311  timezone Asia/Shanghai }
    extensions 8000-8799
    normalise {
        0311[2-8]XXXXXXX -> drop 4
        0311[19]X.       -> drop 4
        01[3-9]XXXXXXXXX -> drop 1
        179XX.           -> drop 5
        00860.           -> drop 4
        0086[1-9].       -> drop 4 prefix 0
    }
    class service        10XXX 12XXX 95XXX 96XXX
    class local          [2-8]XXXXXXX
    class suburban       8229XXXX 8245XXXX
    class mobile         1[3-9]XXXXXXXXX
    class national       0[1-9]XXXXXXXX.
    class international  00[1-9]XXXXXX.
    level house    may internal
    level city     may house + service local mobile
    level county   may city + suburban
    level country  may county + national
    level world    may country + international
    route service local suburban   via line, pstn
    route mobile national          via ip-e1, line, pstn  present +86311{line}  send e164
    route international            via ip-e1              present +86311{line}  send e164
    line 66778000-66778699  rings 8000-8699
    """

/// Compiles a plan that is expected to be right; a wrong one stops the test with its remarks.
func compiled(_ text: String, included: [String: String] = [:]) throws -> Plan {
    let (plan, diagnostics) = Plan.compile(
        PlanSources(main: SourceFile(path: "test.dialplan", text: text), included: included),
        context: context)
    guard let plan else { throw Refused(remarks: diagnostics.map(\.rendered)) }
    return plan
}

struct Refused: Error, CustomStringConvertible {
    var remarks: [String]
    var description: String { remarks.joined(separator: "\n") }
}

extension Plan {
    /// What becomes of a call from an extension inside.
    func dialled(
        _ number: String, from caller: String = "8100", level: String, down: Set<String> = []
    ) -> Decision {
        decide(
            Query(
                caller: .extension(caller, level: level), dialled: number, time: monday, down: down)
        )
    }
}

extension Decision {
    var refusal: Refusal.Code? {
        guard case .refuse(let refusal) = outcome else { return nil }
        return refusal.code
    }

    var routes: [RouteChoice] {
        guard case .routes(let choices) = outcome else { return [] }
        return choices
    }

    var emergencyRoutes: [RouteChoice]? {
        guard case .emergency(let choices) = outcome else { return nil }
        return choices
    }
}
