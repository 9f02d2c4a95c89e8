import ArgumentParser
import Charging
import Control
import Dialplan
import Runtime
import Switching

/// The site a command is about: where its daemon answers, and where its data lies.
struct Site {
    let options: GlobalOptions
    /// The configuration file.
    let path: String
    let places: ConfigurationPlaces

    init(_ options: GlobalOptions) throws {
        self.options = options
        path = try options.path
        do throws(ConfigurationFailure) {
            places = try ConfigurationLoader.places(path: path)
        } catch {
            throw Refusal(error.description)
        }
    }

    /// ISO 4217 code of the amounts.
    var currency: String { places.currency }

    /// The site's own time; the machine's where the dialplan has none that can be read.
    func clock() -> SiteClock {
        // Programs get UTC, so the dialplan need not be compiled for them.
        guard !options.json else { return SiteClock(identifier: "UTC") }
        return SiteClock(identifier: ConfigurationLoader.timezone(of: places))
    }

    /// Reads a time that was typed, by the site's clock.
    func time(_ text: String?, option: String) throws -> Int64? {
        guard let text else { return nil }
        let clock = SiteClock(identifier: ConfigurationLoader.timezone(of: places))
        guard let time = clock.parse(text, now: Wall.now) else {
            throw ValidationError("\(option) \"\(text)\" is no time; \(SiteClock.forms)")
        }
        return time
    }

    /// Reads a file that was named on the command line.
    func read(_ file: String, called name: String) throws -> String {
        do throws(ConfigurationFailure) {
            return try TextFile.read(file, called: name)
        } catch {
            throw Refusal(error.description)
        }
    }

    // MARK: Asking

    /// Asks the running daemon; where none runs there is nothing to ask about.
    ///
    /// - Parameter patience: how long the answer may take, in seconds.
    func askDaemon(_ request: Request, patience: Int = 60) throws -> Response {
        do throws(ControlFailure) {
            var client = try ControlClient(path: places.controlSocket, patience: patience)
            return try client.ask(request)
        } catch {
            switch error {
            case .notRunning: throw Refusal("\(error); start it with: tandem run --config \(path)")
            case .unreachable, .broken: throw Refusal(error.description)
            }
        }
    }

    /// Asks the daemon, or the data itself when no daemon runs; the answers are in the order of the
    /// requests.
    ///
    /// - Parameter patience: how long one answer may take, in seconds.
    func ask(_ requests: [Request], patience: Int = 60) throws -> [Response] {
        do throws(ControlFailure) {
            var client = try ControlClient(path: places.controlSocket, patience: patience)
            return try client.ask(requests)
        } catch {
            switch error {
            case .notRunning: return try Offline.answer(requests, path: path)
            case .unreachable, .broken: throw Refusal(error.description)
            }
        }
    }

    func ask(_ request: Request, patience: Int = 60) throws -> Response {
        let responses = try ask([request], patience: patience)
        guard responses.count == 1 else {
            throw Refusal("one question got \(responses.count) answers")
        }
        return responses[0]
    }

    // MARK: Answers

    /// The reply of the switch; a refusal ends the command.
    func reply(_ response: Response) throws -> ControlReply {
        switch response {
        case .reply(.refused(let reason)): throw Output.refusal([reason], options)
        case .reply(let reply): return reply
        case .refused(let reasons): throw Output.refusal(reasons, options)
        case .done(let message): return .done(message)
        case .records, .statement, .tariff, .tariffReview, .tariffDecks, .audit, .versions:
            throw Refusal("the daemon answered something else; is it of another version?")
        }
    }

    /// Prints an answer in the form that suits it; a refusal ends the command.
    func print(
        _ response: Response, asCard: Bool = false, language: ExplanationLanguage = .english
    ) throws {
        switch response {
        case .records(let records): print(Listing(records: records, currency: currency), asCard)
        case .statement(let statement): print(statement)
        case .tariffReview(let review): print(review)
        case .tariffDecks(let decks): print(Listing(decks: decks, currency: currency), asCard)
        case .tariff(let tariff):
            print(
                Listing(tariff: tariff.rows, currency: tariff.currency ?? currency), asCard)
            if tariff.omitted > 0 && !options.json {
                Output.text("and \(tariff.omitted) more; --limit says how many are shown\n")
            }
        case .audit(let report): throw Refusal("an audit is no listing: \(report.head)")
        case .versions(let rows): print(Listing(versions: rows), asCard)
        case .done, .refused, .reply:
            let reply = try reply(response)
            switch reply {
            case .done(let message), .refused(let message): Output.done(message, options)
            case .explanation(let explanation):
                Output.text(
                    options.json
                        ? explanation.cell(language).json + "\n" : explanation.text(language))
            case .runningCall(let record, _):
                print(Listing(records: [record], currency: currency), true)
            case .status, .calls, .trunks, .lines, .registrations, .extensions, .accounts, .price,
                .vouchers, .voucherBatches, .bans:
                if let listing = Listing(reply) { print(listing, asCard) }
            }
        }
    }

    private func print(_ statement: AccountStatement) {
        print(Listing(postings: statement.postings, currency: statement.currency), false)
        if !options.json { Output.text("\n") }
        print(Listing(sums: statement), true)
    }

    /// Findings as compilers write them, then what changes, then what was done.
    private func print(_ review: TariffReview) {
        if options.json {
            for finding in review.findings {
                let object = Cell.object([
                    .init("severity", .text(finding.severity.rawValue)),
                    .init("file", .text(finding.file)), .init("line", .number(finding.line)),
                    .init("message", .text(finding.message)),
                ])
                Output.text(object.json + "\n")
            }
        } else {
            for finding in review.findings { Output.text("\(finding)\n") }
        }
        let differences = Listing(differences: review.differences)
        if options.json || !review.differences.isEmpty { print(differences, false) }
        let shown = review.added + review.removed + review.changed - review.differences.count
        var lines = shown > 0 ? ["and \(shown) more"] : []
        lines.append(review.summary)
        if let validFrom = review.validFrom {
            let from =
                options.json ? SiteClock.rfc3339(validFrom) : clock().shown(validFrom)
            lines.append("valid from \(from)")
        }
        Output.done((lines + [review.outcome]).joined(separator: "\n"), options)
    }

    func print(_ listing: Listing, _ asCard: Bool) {
        if asCard {
            Output.card(listing, options, clock())
        } else {
            Output.listing(listing, options, clock())
        }
    }
}
