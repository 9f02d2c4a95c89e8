import ArgumentParser
import Charging
import Control
import Dialplan
import Glibc
import Switching

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "What the dialplan decides about a call, and why; the call is not made.",
        discussion: """
            tandem explain --from 8001 --dial 02088886666 --at "mon 10:00" --down ip-e1
            tandem explain --from 8001 --dial 02088886666 --present 4001234567
            tandem explain --from 66770000 --dial 66770000 --at "sat 13:00"
            tandem explain --from pstn --dial 4001234567 --present 13800138000
            tandem explain --call 3-1042 --lang zh
            """)

    @OptionGroup var options: GlobalOptions
    @Option(help: "Who would dial: an extension; for somebody outside a direct line or a trunk.")
    var from: String?
    @Option(help: "What it would dial.") var dial: String?
    @Option(help: "When; now if nothing is said.") var at: String?
    @Option(help: "A trunk or a direct line to take as down, line for all; may be repeated.")
    var down: [String] = []
    @Option(help: "The number that the phone would ask to present, or that calls from outside.")
    var present: String?
    @Option(help: "A call that was made or is under way, by its id.") var call: String?
    @Option(name: .customLong("lang"), help: "The language of the explanation: en or zh.")
    var language = ExplanationLanguage.english

    func validate() throws {
        if let call {
            guard from == nil, dial == nil, at == nil, down.isEmpty, present == nil
            else {
                throw ValidationError("--call stands alone: the call was made, nothing is supposed")
            }
            guard CallID(call) != nil else {
                throw ValidationError("\"\(call)\" is no call id; write it as 3-1042")
            }
        } else {
            guard from != nil, dial != nil else {
                throw ValidationError("either --from and --dial, or --call")
            }
        }
    }

    func run() throws {
        let site = try Site(options)
        if let call {
            try explain(call: call, site)
        } else if let from, let dial {
            let question = Explanation.Question(
                from: from, dial: dial, at: try site.time(at, option: "--at"), down: down,
                presenting: present)
            try site.print(try site.ask(.perform(.explained(question))), language: language)
        }
    }

    private func explain(call: String, _ site: Site) throws {
        if case .reply(.runningCall(let record, let state)) = try site.ask(
            .perform(.callExplained(call: call)))
        {
            tell(record, site, state: state)
            return
        }
        // One that has just ended may still be on its way to the disk.
        for pause: UInt32 in [0, 300_000] {
            usleep(pause)
            let response = try site.ask(.records(RecordQuery(call: call, limit: 1)))
            guard case .records(let records) = response else {
                try site.print(response)
                return
            }
            if let record = records.first {
                tell(record, site, state: nil)
                return
            }
        }
        throw Refusal("there is no call \(call), neither under way nor in the records")
    }

    /// - Parameter state: of a call under way.
    private func tell(_ record: CallRecord, _ site: Site, state: String?) {
        if options.json {
            Output.text(
                Listing(records: [record], currency: site.currency, language).jsonLines)
            return
        }
        Output.text(Listing(records: [record], currency: site.currency).card(site.clock()))
        Output.text(Explanation.text(of: record, state: state, language))
    }
}

extension ExplanationLanguage: ExpressibleByArgument {}
