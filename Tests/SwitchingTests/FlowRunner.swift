import Foundation
import SIP
import Testing

@testable import Switching

/// Plays a call flow that is written down, and fails at the first line that is not so.
///
///     phones alice=8001 bob=8002      registered, with call limits of three
///     line   bob2 of bob              the same phone in a second dialog
///     bob moves 127.0.0.2:5060        to another address
///     trunk  gateway=e1
///     set 8002 forward-busy 8003
///     alice dials 8002 sdp            alice sends METHOD [sdp] [with FIELD: VALUE]...
///     bob gets INVITE sdp             bob answers 180 [sdp] [with ...]     alice hears 180
///     alice acks [sdp]                alice cancels                        wait 20
///     alice registers 60              alice texts 8002 Hello
///     alice asks contacts             alice guesses password
///     alice requests METHOD 8002 [with ...]   outside of any call, with her password
///     record 8001 8002 ANSWERED [q850] [link forwarded] [routes 8002,8003]
///     idle
///
/// Whatever anybody sends stands in the flow: before the next thing is done, all that was sent has to
/// have been heard. `sdp` says that there is a body, or that there has to be one; `sendonly`,
/// `recvonly` and `inactive` that it is one of that direction; behind each, `of bob` whose session it
/// is. `with` says that a field holds the text, `saying` at the end of the line that the body does.
/// Where a field is sent, `{line bob2}` stands for the dialog of a party as Replaces in Refer-To names
/// it, `{dialog bob2}` for the same as Replaces names it, and `{told bill}` for the dialog that bill's
/// last NOTIFY told of.
/// `record` looks at the records in their order. Everything behind `#` and `(F12)` is for people.
struct FlowRunner {
    struct Step {
        var line: Int
        var words: [String]
        var fields: [(name: HeaderName, text: String)] = []
        var saying: String?
        var session: Session?
    }

    /// A session description, as a line of a flow speaks of it.
    struct Session {
        /// Nil for any, which is `sendrecv` where it is sent.
        var direction: String?
        /// The party whose media it describes.
        var owner: String?
    }

    let name: String
    private var site: Site
    private var parties: [String: Party] = [:]
    /// By party: the last request it got that wants an answer, and the last 2xx to its own INVITE.
    private var requests: [String: Message] = [:]
    private var answers: [String: Message] = [:]
    /// By party: the last body that a NOTIFY brought.
    private var told: [String: String] = [:]
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
        if let saying = text.range(of: " saying ") {
            step.saying = text[saying.upperBound...].trimmingCharacters(in: .whitespaces)
            text = text[..<saying.lowerBound]
        }
        while let with = text.range(of: " with ", options: .backwards) {
            let parts = text[with.upperBound...].split(separator: ":", maxSplits: 1)
            if parts.count == 2 {
                step.fields.append(
                    (
                        HeaderName(String(parts[0])),
                        parts[1].trimmingCharacters(in: .whitespaces)
                    ))
            }
            text = text[..<with.lowerBound]
        }
        step.words = text.split(separator: " ").map(String.init)
        let bodies = ["sdp", "sendonly", "recvonly", "inactive"]
        if let place = step.words.firstIndex(where: { bodies.contains($0) }) {
            let word = step.words.remove(at: place)
            step.session = Session(direction: word == "sdp" ? nil : word)
            if place + 1 < step.words.count, step.words[place] == "of" {
                step.session?.owner = step.words[place + 1]
                step.words.removeSubrange(place...place + 1)
            }
        }
        return step.words.isEmpty ? nil : step
    }

    /// Where a party hears: each phone has a port of its own.
    private static func port(of party: Party) -> Int { 20_000 + Int(party.endpoint.port) }

    private func body(_ session: Session?, of party: Party) -> String {
        guard let session else { return "" }
        let owner = session.owner.flatMap { parties[$0] } ?? party
        return Party.offer.replacing("audio 4000", with: "audio \(Self.port(of: owner))")
            .replacing("sendrecv", with: session.direction ?? "sendrecv")
    }

    /// A field's text with the dialogs that stand in it in braces.
    private func filled(_ text: String, _ step: Step) throws -> String {
        guard let open = text.firstIndex(of: "{"), let close = text.firstIndex(of: "}") else {
            return text
        }
        let words = text[open...close].dropFirst().dropLast().split(separator: " ")
            .map(String.init)
        let dialog: String
        if ["line", "dialog"].contains(words[0]), let party = parties[words[1]] {
            func tag(_ field: String) -> String {
                field.components(separatedBy: ";tag=").last ?? ""
            }
            let named = "\(party.callID);to-tag=\(tag(party.remote));from-tag=\(tag(party.local))"
            dialog =
                words[0] == "dialog"
                ? named : named.replacing(";", with: "%3B").replacing("=", with: "%3D")
        } else if words.first == "told", let body = told[words[1]] {
            func value(_ name: String) -> String {
                body.components(between: "\(name)=\"", and: "\"").last ?? ""
            }
            // Whoever rings there is the one who was called: the far end of the one to be replaced.
            dialog =
                "\(value("call-id"));to-tag=\(value("remote-tag"));from-tag=\(value("local-tag"))"
        } else {
            throw fail(step, "no dialog is known as \(words.joined(separator: " "))")
        }
        return text[..<open] + dialog + text[text.index(after: close)...]
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
            let expected = Array(words.dropFirst())
            var said = [
                record.caller, record.dialled,
                (record.disposition?.rawValue ?? "?").replacing(" ", with: "-"),
            ]
            if expected.count > 3, Int(expected[3]) != nil {
                said.append("\(record.q850Cause ?? 0)")
            }
            while said.count < expected.count {
                let key = expected[said.count]
                let value: String
                switch key {
                case "link": value = record.link?.rawValue ?? "none"
                case "routes":
                    value = record.attempts.map(\.route).joined(separator: ",")
                default: throw fail(step, "a record has no \(key)")
                }
                said += [key, value]
            }
            guard said == expected else { throw fail(step, "the record says \(said)") }
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
        let extra = try step.fields.map { "\($0.name.spelling): \(try filled($0.text, step))\n" }
            .joined()
        let body = body(step.session, of: party)
        switch words[1] {
        case "dials":
            try party.call(
                words[2], at: &site, id: "line\(step.line)", extra: extra, body: body)
        case "calls":
            try party.callUnasked(words[2], from: words[3], at: &site, id: "line\(step.line)")
        case "sends" where words[2] == "SUBSCRIBE":
            try party.authenticatedInside(words[2], extra: extra, site: &site)
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
        case "moves": party.endpoint = Endpoint(text: words[2])
        case "requests":
            party.callID = "\(words[2])-\(step.line)"
            party.local = "<sip:\(party.number)@example.com>;tag=\(party.tag)"
            try party.authenticated(
                words[2], uri: "sip:\(words[3])@example.com",
                to: "<sip:\(words[3])@example.com>", extra: extra, site: &site)
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
        let heard = String(decoding: message.body, as: UTF8.self)
        if let session = step.session {
            guard !heard.isEmpty else { throw fail(step, "\(said) has no body") }
            guard session.direction.map({ heard.contains("a=\($0)") }) ?? true else {
                throw fail(step, "\(said) says \(heard)")
            }
            if let owner = session.owner.flatMap({ parties[$0] }) {
                guard heard.contains("m=audio \(Self.port(of: owner)) ") else {
                    throw fail(
                        step, "\(said) is not the session of \(session.owner ?? ""): \(heard)")
                }
            }
        }
        if let saying = step.saying, !heard.contains(saying) {
            throw fail(step, "\(said) says \(heard)")
        }
        for (field, text) in step.fields {
            let value = message.values(field).map { String(decoding: $0, as: UTF8.self) }
                .joined(separator: ", ")
            guard value.contains(text) else {
                throw fail(step, "\(field.spelling) of \(said) is \"\(value)\"")
            }
        }
        if message.isRequest {
            if message.method != .ack { requests[words[0]] = message }
            if message.method == .notify { told[words[0]] = heard }
        } else if message.method == .invite, message.status >= 180 {
            party.established(by: message)
            if message.status < 300 { answers[words[0]] = message }
        } else if message.method == .subscribe, message.status < 300 {
            party.established(by: message)
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
