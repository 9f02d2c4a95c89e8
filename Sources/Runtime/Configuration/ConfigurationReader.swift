import Dialplan
import SIP
import Yams

/// Reads values out of a YAML tree and collects everything that is wrong with them.
///
/// A value that is wrong reads as nil, so that one run finds every error of a file.
struct ConfigurationReader {
    /// The file as people call it.
    let file: String
    private let lines: [Substring]
    private(set) var diagnostics: [Diagnostic] = []

    init(file: String, text: String) {
        self.file = file
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// A mapping whose keys are all known.
    struct Section {
        /// How to speak of it: `trunks[0]`; empty at the top.
        let name: String
        let node: Node
        fileprivate let entries: [String: Node]

        /// How to speak of one of its keys: `trunks[0].kind`.
        func path(of key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }
        func has(_ key: String) -> Bool { entries[key] != nil }
        /// The place of a key's value, or of the section where the key is missing.
        func place(of key: String) -> Node { entries[key] ?? node }
    }

    mutating func report(
        _ message: String, at node: Node?, suggestion: String? = nil, length: Int = 1
    ) {
        report(
            message, line: node?.mark?.line ?? 1, column: node?.mark?.column ?? 1,
            suggestion: suggestion, length: length)
    }

    mutating func report(
        _ message: String, line: Int, column: Int, suggestion: String? = nil, length: Int = 1
    ) {
        let source = lines.indices.contains(line - 1) ? String(lines[line - 1]) : ""
        diagnostics.append(
            Diagnostic(
                severity: .error, file: file, line: line, column: column, length: length,
                message: message, suggestion: suggestion, sourceLine: source))
    }

    /// The line that sets a key for the second time, at any depth.
    func secondLine(of key: String, from first: Int) -> Int? {
        let found = lines.indices.filter { index in
            let words = lines[index].drop { $0 == " " || $0 == "-" }
            return index + 1 >= first && words.hasPrefix(key)
                && words.dropFirst(key.count).drop { $0 == " " }.first == ":"
        }
        return found.count > 1 ? found[1] + 1 : nil
    }

    // MARK: Structure

    /// Every key that is none of `keys` is an error.
    mutating func section(_ node: Node, name: String, keys: [String]) -> Section? {
        guard case .mapping(let mapping) = node else {
            report("\(name.isEmpty ? "the file" : name) must be keys with values", at: node)
            return nil
        }
        var entries: [String: Node] = [:]
        for (key, value) in mapping {
            guard let text = key.scalar?.string, keys.contains(text) else {
                let text = key.scalar?.string ?? "?"
                let path = name.isEmpty ? text : "\(name).\(text)"
                report(
                    "there is no key \"\(path)\"", at: key,
                    suggestion: Spelling.advice(for: text, among: keys), length: text.count)
                continue
            }
            entries[text] = value
        }
        return Section(name: name, node: node, entries: entries)
    }

    /// The mapping under a key; nil when the key is missing.
    mutating func section(_ key: String, in section: Section, keys: [String]) -> Section? {
        guard let node = section.entries[key] else { return nil }
        return self.section(node, name: section.path(of: key), keys: keys)
    }

    /// The elements of a list with how to speak of each; empty when the key is missing.
    mutating func list(_ key: String, in section: Section) -> [(name: String, node: Node)] {
        guard let node = section.entries[key] else { return [] }
        let name = section.path(of: key)
        guard case .sequence(let sequence) = node else {
            report(
                "\(name) must be a list, each element on a line that begins with \"-\"", at: node)
            return []
        }
        return sequence.enumerated().map { ("\(name)[\($0.offset)]", $0.element) }
    }

    /// A node of the tree, for sections that read it later.
    typealias Value = Node

    /// The keys and values under a key, whatever they are; empty when it is missing.
    mutating func pairs(_ key: String, in section: Section) -> [(key: String, node: Value)] {
        guard let node = section.entries[key] else { return [] }
        guard case .mapping(let mapping) = node else {
            report("\(section.path(of: key)) must be keys with values", at: node)
            return []
        }
        return mapping.map { ($0.key.scalar?.string ?? "?", $0.value) }
    }

    mutating func require(_ keys: [String], in section: Section) {
        for key in keys where !section.has(key) {
            let subject = section.name.isEmpty ? "the file" : section.name
            report("\(subject) needs the key \"\(key)\"", at: section.node)
        }
    }

    // MARK: Values

    /// A scalar that is not empty, exactly as it is written.
    mutating func text(_ node: Node, name: String) -> String? {
        guard let text = node.scalar?.string else {
            report("\(name) must be one value", at: node)
            return nil
        }
        guard !text.isEmpty else {
            report("\(name) is empty", at: node)
            return nil
        }
        return text
    }

    mutating func text(_ key: String, in section: Section) -> String? {
        guard let node = section.entries[key] else { return nil }
        return text(node, name: section.path(of: key))
    }

    mutating func number(_ key: String, in section: Section, _ range: ClosedRange<Int>) -> Int? {
        guard let text = text(key, in: section) else { return nil }
        guard let number = Int(text.filter { $0 != "_" }), range.contains(number) else {
            report(
                "\(section.path(of: key)) must be a whole number from \(range.lowerBound) to"
                    + " \(range.upperBound), not \"\(text)\"",
                at: section.entries[key], length: text.count)
            return nil
        }
        return number
    }

    /// - Parameter orOff: `off` and `0` may stand there too, for zero.
    mutating func span(
        _ key: String, in section: Section, _ range: ClosedRange<Instant.Span>, orOff: Bool = false
    ) -> Instant.Span? {
        guard let text = text(key, in: section) else { return nil }
        if orOff, text == "off" || text == "false" { return .zero }
        let off = orOff ? ", or \"off\"" : ""
        guard let span = Instant.Span(written: text) else {
            report(
                "\(section.path(of: key)) must be a length of time, not \"\(text)\"",
                at: section.entries[key],
                suggestion: "write a whole number and its unit: 500ms, 3s, 5m or 1h\(off)",
                length: text.count)
            return nil
        }
        guard range.contains(span) || orOff && span == .zero else {
            report(
                "\(section.path(of: key)) must lie between \(range.lowerBound.written) and"
                    + " \(range.upperBound.written)\(off), not \(text)",
                at: section.entries[key], length: text.count)
            return nil
        }
        return span
    }

    mutating func flag(_ key: String, in section: Section) -> Bool? {
        guard let text = text(key, in: section) else { return nil }
        switch text {
        case "yes", "true": return true
        case "no", "false": return false
        default:
            report(
                "\(section.path(of: key)) must be yes or no, not \"\(text)\"",
                at: section.entries[key], length: text.count)
            return nil
        }
    }

    /// A numeric address with a port; `defaultPort` where none is written.
    mutating func endpoint(_ key: String, in section: Section, defaultPort: UInt16) -> Endpoint? {
        guard let text = text(key, in: section) else { return nil }
        return endpoint(
            text, name: section.path(of: key), at: section.entries[key], defaultPort: defaultPort)
    }

    mutating func endpoint(
        _ text: String, name: String, at node: Node?, defaultPort: UInt16
    ) -> Endpoint? {
        guard let endpoint = Endpoint(written: text, defaultPort: defaultPort) else {
            report(
                "\(name) must be a numeric address, with a port or without, not \"\(text)\"",
                at: node, suggestion: "write it as 192.0.2.7:5060 or [2001:db8::7]:5060",
                length: text.count)
            return nil
        }
        return endpoint
    }

    mutating func choice<Value: RawRepresentable<String>>(
        _ key: String, in section: Section, _ values: [Value]
    ) -> Value? {
        guard let text = text(key, in: section) else { return nil }
        guard let value = Value(rawValue: text) else {
            let known = values.map(\.rawValue)
            report(
                "\(section.path(of: key)) must be \(known.joined(separator: " or ")), not"
                    + " \"\(text)\"",
                at: section.entries[key], length: text.count)
            return nil
        }
        return value
    }
}
