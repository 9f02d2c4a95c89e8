import ArgumentParser
import Charging
import Control
import Switching

struct CDRCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cdr", abstract: "Call records, the newest first.",
        discussion: """
            Times are the site's: "2026-11-22 15:04", "2026-11-22", "15:04", "2h" (ago), or RFC 3339.
            Fields have Asterisk's names where they mean the same.
            """)

    @OptionGroup var options: GlobalOptions
    @Option(help: "The caller's number.") var from: String?
    @Option(help: "The number that was dialled.") var to: String?
    @Option(help: "Calls that began at this time or later.") var since: String?
    @Option(help: "Calls that began before this time.") var until: String?
    @Option(help: "The line or trunk that carried the call or was tried.") var trunk: String?
    @Option(help: "The Q.850 cause it ended with.") var cause: Int?
    @Option(help: "Who paid first; what those above it paid is in their statements.")
    var account: String?
    @Option(help: "One call by its id: 3-1042.") var call: String?
    @Option(help: "Records at most.") var limit = 100
    @Option(help: "Only records before this sequence number: the last one of the page before.")
    var after: UInt64?
    @Flag(help: "Print CSV with a header line.") var csv = false
    @Flag(
        help: """
            The receipt of --call, or of all with --json: what was charged, by which prices, computed \
            again.
            """)
    var receipt = false

    /// Records that are asked for at once.
    private static let page = 1000

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit must be above zero") }
        guard !receipt || (call != nil || options.json) && !csv else {
            throw ValidationError(
                "--receipt is for one call, --call 3-1042 --receipt, or --receipt --json")
        }
        guard !(csv && options.json) else { throw ValidationError("--csv or --json, not both") }
        if let cause, !(1...127 ~= cause) {
            throw ValidationError("--cause must be a Q.850 cause, 1 to 127")
        }
        if let call, CallID(call) == nil {
            throw ValidationError("--call \"\(call)\" is no call id; write it as 3-1042")
        }
    }

    func run() throws {
        let site = try Site(options)
        var query = RecordQuery(
            from: from, to: to, since: try site.time(since, option: "--since"),
            until: try site.time(until, option: "--until"), trunk: trunk, cause: cause,
            account: account, call: call, limit: min(limit, Self.page), after: after)
        if receipt && call != nil { return try printReceipt(query, site) }
        var listing = Listing(records: [], currency: site.currency)
        var left = limit
        while left > 0 {
            query.limit = min(left, Self.page)
            let records = try records(query, site)
            let page = Listing(records: records, currency: site.currency)
            if receipt {
                for record in records {
                    Output.text(ReceiptText(record, currency: site.currency).json)
                }
            } else if csv {
                Output.text(page.csv(hasHeader: left == limit))
            } else if options.json {
                Output.text(page.jsonLines)
            } else {
                listing.rows += page.rows
            }
            left -= records.count
            guard records.count == query.limit, let last = records.last else { break }
            query.after = last.sequence
        }
        if !csv && !options.json {
            Output.text(call == nil ? listing.table(site.clock()) : listing.card(site.clock()))
        }
    }

    private func printReceipt(_ query: RecordQuery, _ site: Site) throws {
        guard let record = try records(query, site).first else {
            throw Output.refusal(["there is no closed call \(call ?? "")"], options)
        }
        let text = ReceiptText(record, currency: site.currency)
        Output.text(options.json ? text.json : text.card(site.clock()))
    }

    private func records(_ query: RecordQuery, _ site: Site) throws -> [CallRecord] {
        let response = try site.ask(.records(query))
        guard case .records(let records) = response else {
            // Refusals end here.
            let reply = try site.reply(response)
            throw Refusal("the records were answered by \(reply)")
        }
        return records
    }
}
