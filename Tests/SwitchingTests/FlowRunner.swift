import Foundation
import SIP
import Testing

@testable import Switching

/// Plays a call flow that is written down, and fails at the first line that is not so.
///
///     phones alice=8001 bob=8002      registered, with call limits of three
///     line   bob2 of bob              the same phone in a second dialog
///     trunk  gateway=e1
///     set 8002 forward-busy 8003
///     alice dials 8002 sdp            alice sends METHOD [sdp] [with FIELD: VALUE]
///     bob gets INVITE sdp             bob answers 180 [sdp] [with ...]     alice hears 180
///     alice acks [sdp]                alice cancels                        wait 20
///     alice registers 60              alice texts 8002 Hello
///     alice asks contacts             alice guesses password
///     record 8001 8002 ANSWERED [q850]        the records, in their order
///     idle
///
/// Whatever anybody sends stands in the flow: before the next thing is done, all that was sent has to
/// have been heard. `sdp` says that there is a body, or that there has to be one; `with` that a field
/// holds the text. Everything behind `#` and `(F12)` is for people.
struct FlowRunner {
    struct Step {
        var line: Int
        var words: [String]
        var field: (name: HeaderName, text: String)?
        var hasBody = false
    }

    let name: String
    private var site: Site
    private var parties: [String: Party] = [:]
    /// By party: the last request it got that wants an answer, and the last 2xx to its own INVITE.
    private var requests: [String: Message] = [:]
    private var answers: [String: Message] = [:]
    private var recordsSeen = 0

    static let folder = (Bundle.module.resourceURL ?? Bundle.module.bundleURL)
        .appending(path: "Flows")

    static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".flow") }.sorted()
    }

    init(_ name: String) throws {
        self.name = name
        site = try Site.withFeatures()
        for place in 8001...8009 where site.sw.extensions["\(place)"] != nil {
            _ = site.request(
                .extensionsChanged([ExtensionChange(number: "\(place)", callLimit: 3)]))
        }
    }

    mutating func run() throws {
        let text = try String(
            contentsOf: Self.folder.appending(path: name), encoding: .utf8)
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            guard let step = Self.step(line, number: index + 1) else { continue }
            try perform(step)
        }
        try expectSilence(Step(line: 0, words: []))
    }

    private static func step(_ line: Substring, number: Int) -> Step? {
        var text = line.prefix { $0 != "#" }
        if let mark = text.range(of: "(F") { text = text[..<mark.lowerBound] }
        var step = Step(line: number, words: [])
        if let with = text.range(of: " with ") {
            let parts = text[with.upperBound...].split(separator: ":", maxSplits: 1)
            if parts.count == 2 {
                step.field = (
                    HeaderName(String(parts[0])),
                    parts[1].trimmingCharacters(in: .whitespaces)
                )
            }
            text = text[..<with.lowerBound]
        }
        step.words = text.split(separator: " ").map(String.init)
        step.hasBody = step.words.contains("sdp")
        step.words.removeAll { $0 == "sdp" }
        return step.words.isEmpty ? nil : step
    }

    private func fail(_ step: Step, _ why: String) -> FlowMismatch {
        FlowMismatch(description: "\(name):\(step.line): \(why)")
    }

    private mutating func perform(_ step: Step) throws {
        let words = step.words
        switch words[0] {
        case "phones":
            for word in words.dropFirst() {
                let parts = word.split(separator: "=").map(String.init)
                parties[parts[0]] = try site.registered(parts[1])[0]
            }
        case "trunk":
            for word in words.dropFirst() {
                let parts = word.split(separator: "=").map(String.init)
                parties[parts[0]] = parts[1] == "e1" ? .e1 : .pstn
            }
        case "line": parties[words[1]] = parties[words[3]]
        case "set":
            var change = SettingsChange()
            switch words[2] {
            case "forward-always": change.forwardAlways = words[3]
            case "forward-busy": change.forwardBusy = words[3]
            case "forward-no-answer": change.forwardNoAnswer = words[3]
            case "incoming": change.incomingLevel = words[3]
            default: throw fail(step, "nothing is known as \(words[2])")
            }
            _ = site.request(
                .extensionsChanged([ExtensionChange(number: words[1], settings: change)]))
        case "wait":
            try expectSilence(step)
            site.pass(.seconds(Int(words[1]) ?? 0))
        case "record":
            guard site.records.count > recordsSeen else { throw fail(step, "there is no record") }
            let record = site.records[recordsSeen]
            recordsSeen += 1
            let said = [record.caller, record.dialled, record.disposition?.rawValue ?? "?"]
            guard said[0] == words[1], said[1] == words[2],
                said[2].replacing(" ", with: "-") == words[3],
                words.count < 5 || Int(words[4]) == record.q850Cause
            else {
                throw fail(step, "the record says \(said) cause \(record.q850Cause ?? 0)")
            }
        case "idle":
            guard site.isIdle, site.records.count == recordsSeen else {
                throw fail(step, "something is left: \(site.sw.inspectedTable)")
            }
        default: try act(step)
        }
    }

    private mutating func act(_ step: Step) throws {
        let words = step.words
        guard var party = parties[words[0]], words.count > 1 else {
            throw fail(step, "nobody is known as \(words[0])")
        }
        switch words[1] {
        case "hears", "gets":
            try hear(step, &party)
            parties[words[0]] = party
            return
        default: try expectSilence(step)
        }
        let extra = step.field.map { "\($0.name.spelling): \($0.text)\n" } ?? ""
        let body = step.hasBody ? Party.offer : ""
        switch words[1] {
        case "dials":
            try party.call(
                words[2], at: &site, id: "line\(step.line)", extra: extra, body: body)
        case "calls":
            try party.callUnasked(words[2], from: words[3], at: &site, id: "line\(step.line)")
        case "sends": party.send(words[2], at: &site, extra: extra, body: body)
        case "answers":
            guard let request = requests[words[0]], let status = Int(words[2]) else {
                throw fail(step, "there is nothing to answer")
            }
            let kept = (party.callID, party.local, party.remote)
            party.answer(request, status, at: &site, extra: extra, body: body)
            if request.toTag != nil { (party.callID, party.local, party.remote) = kept }
        case "acks":
            guard let answer = answers[words[0]] else { throw fail(step, "nothing to confirm") }
            party.acknowledge(answer, at: &site, body: body)
        case "cancels": try party.cancel(at: &site)
        case "asks", "guesses":
            // Asking for the contacts leaves them as they are.
            party.callID = "\(words[1])-\(party.number)"
            try party.authenticated(
                "REGISTER", uri: "sip:example.com", to: "<sip:\(party.number)@example.com>",
                extra: "", hasContact: words[1] == "guesses", site: &site,
                password: words[1] == "guesses" ? "wrong" : nil)
        case "registers":
            party.callID = "register-\(party.number)"
            try party.authenticated(
                "REGISTER", uri: "sip:example.com", to: "<sip:\(party.number)@example.com>",
                extra: "Expires: \(words[2])\n\(extra)", site: &site)
        case "texts":
            party.callID = "text-\(step.line)"
            try party.authenticated(
                "MESSAGE", uri: "sip:\(words[2])@example.com", to: "<sip:\(words[2])@example.com>",
                extra: "", body: words.dropFirst(3).joined(separator: " "), site: &site)
        default: throw fail(step, "nobody can do \"\(words[1])\"")
        }
        parties[words[0]] = party
    }

    private mutating func hear(_ step: Step, _ party: inout Party) throws {
        let words = step.words
        guard site.inbox[party.endpoint]?.isEmpty == false else {
            throw fail(step, "\(words[0]) hears nothing")
        }
        let message = try site.next(party.endpoint)
        let said = message.isRequest ? message.method.name : "\(message.status)"
        guard said == words[2], message.isRequest == (words[1] == "gets") else {
            throw fail(step, "\(words[0]) hears \(said)")
        }
        guard !step.hasBody || !message.body.isEmpty else {
            throw fail(step, "\(said) has no body")
        }
        if let (field, text) = step.field {
            let value = message.text(field) ?? ""
            guard value.contains(text) else {
                throw fail(step, "\(field.spelling) of \(said) is \"\(value)\"")
            }
        }
        if message.isRequest {
            if message.method != .ack { requests[words[0]] = message }
        } else if message.method == .invite, message.status >= 180 {
            party.established(by: message)
            if message.status < 300 { answers[words[0]] = message }
        }
    }

    /// Nobody has been told anything that does not stand in the flow.
    private func expectSilence(_ step: Step) throws {
        for (endpoint, messages) in site.inbox {
            guard let message = messages.first else { continue }
            let known = parties.filter { $0.value.endpoint == endpoint }.keys.sorted()
            let said = message.isRequest ? message.method.name : "\(message.status)"
            throw fail(
                step, "\(known.first ?? endpoint.description) has heard \(said), and nobody says so"
            )
        }
    }
}

struct FlowMismatch: Error, CustomStringConvertible {
    var description: String
}

/// The call flows of RFC 3665 and RFC 5359 that apply to a switch in the middle, as files.
@Suite struct FlowTests {
    @Test(arguments: try FlowRunner.names())
    func itGoesAsItIsWritten(_ name: String) throws {
        var runner = try FlowRunner(name)
        try runner.run()
    }

    @Test func noFlowFileIsLeftOut() throws {
        #expect(try FlowRunner.names().count >= 24)
    }
}
