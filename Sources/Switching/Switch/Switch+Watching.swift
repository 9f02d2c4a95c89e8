import Dialplan
import SIP

// What phones that watch are told: whether an extension rings or talks (dialog, RFC 4235), whether it
// can be reached (presence, RFC 3856 and 3863), and what waits in its mailbox (message-summary, RFC
// 3842). All of it is the switch's own state, or what the mailbox server has said last.

extension Switch {
    /// The document of a watched extension as it is now, for one who watches.
    func document(for handle: Handle, version: UInt32) -> [UInt8] {
        let watched = subscriptions[handle].watched
        switch subscriptions[handle].package {
        case .dialog:
            let isOpen = mayPickUp(at: watched, subscriptions[handle].watcher)
            return Array(dialogDocument(of: watched, version: version, isOpen: isOpen).utf8)
        case .presence: return Array(presenceDocument(of: watched).utf8)
        case .messageSummary:
            return summaries[watched]?.body ?? []
        }
    }

    /// RFC 4235 §4: all that an extension does now.
    ///
    /// - Parameter isOpen: names the dialogs that ring, so that the call can be picked up by Replaces.
    private func dialogDocument(of number: String, version: UInt32, isOpen: Bool) -> String {
        let ringingCalls = ringing[number] ?? []
        let rings = ringingCalls.count
        let talks = max((callsOfExtension[number]?.together ?? 0) - rings, 0)
        var text = """
            <?xml version="1.0"?>
            <dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="\(version)" \
            state="full" entity="sip:\(number)@\(settings.realm)">

            """
        for place in 0..<talks {
            text += "<dialog id=\"talk\(place)\"><state>confirmed</state></dialog>\n"
        }
        for (place, call) in ringingCalls.enumerated() {
            let names = isOpen ? dialogNames(of: call, at: number) : ""
            text +=
                "<dialog id=\"ring\(place)\"\(names) direction=\"recipient\">"
                + "<state>early</state></dialog>\n"
        }
        return text + "</dialog-info>\n"
    }

    /// Call-ID and tags of a phone's dialog that rings, as attributes; empty until it has one.
    private func dialogNames(of call: Handle, at number: String) -> String {
        guard calls.contains(call),
            let dialog = calls[call].callees.first(where: {
                $0.rings == number && $0.state == .trying && !$0.dialogs.isEmpty
            })?.dialogs.first
        else { return "" }
        let local = Self.attribute(dialog.remoteTag)
        let remote = Self.attribute(dialog.localTag)
        let callID = Self.attribute(dialog.callID)
        return " call-id=\"\(callID)\" local-tag=\"\(local)\" remote-tag=\"\(remote)\""
    }

    private static func attribute(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for scalar in String(decoding: Array(bytes), as: UTF8.self).unicodeScalars {
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// RFC 3863, with the activities of RFC 4480: open where a phone is registered that may be rung.
    private func presenceDocument(of number: String) -> String {
        let isRegistered = !registrar.bindings(of: number, at: wallTime).isEmpty
        let isQuiet = userSettings[number]?.doNotDisturb == true
        let basic = isRegistered && !isQuiet ? "open" : "closed"
        var activity: (name: String, note: String)?
        let rings = ringing[number]?.count ?? 0
        if (callsOfExtension[number]?.together ?? 0) > rings {
            activity = ("on-the-phone", "On the phone")
        } else if isQuiet {
            activity = ("busy", "Do not disturb")
        }
        let entity = "sip:\(number)@\(settings.realm)"
        var text = """
            <?xml version="1.0"?>
            <presence xmlns="urn:ietf:params:xml:ns:pidf" \
            xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" \
            xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="\(entity)">
            <tuple id="t\(number)"><status><basic>\(basic)</basic></status>\
            <contact>\(entity)</contact></tuple>

            """
        if let activity {
            // Many phones show the note alone.
            text +=
                "<dm:person id=\"p\(number)\"><rpid:activities><rpid:\(activity.name)/>"
                + "</rpid:activities><dm:note>\(activity.note)</dm:note></dm:person>\n"
        }
        return text + "</presence>\n"
    }

    /// A phone that rings has a dialog now, by which those who may can pick its call up.
    mutating func ringsNamed(at number: String) {
        for handle in watchers[number] ?? []
        where subscriptions[handle].package == .dialog
            && mayPickUp(at: number, subscriptions[handle].watcher)
        {
            tellChange(to: handle)
        }
    }

    /// Phones of an extension came or went, or it does not want to be disturbed any more.
    mutating func presenceChanged(of number: String) {
        guard watchers[number] != nil else { return }
        tellWatchers(of: number, of: .presence)
    }

    /// Phones that did not register again are gone; once a minute.
    mutating func bindingsExpired() {
        let changes = registrar.expire(at: wallTime)
        commit(changes)
        guard !watchers.isEmpty else { return }
        for case .bindingRemoved(let number, _, _) in changes
        where registrar.bindings(of: number, at: wallTime).isEmpty {
            presenceChanged(of: number)
        }
    }
}
