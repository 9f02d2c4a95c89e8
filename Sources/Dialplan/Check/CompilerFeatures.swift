// Feature codes.

extension Compiler {
    mutating func checkFeature(_ syntax: FeatureSyntax) {
        guard let feature = Feature(rawValue: syntax.name.text) else {
            remarks.error(
                "there is no feature \"\(syntax.name.text)\"", at: syntax.name.range,
                help: help(for: syntax.name.text, among: Feature.allCases.map(\.rawValue)))
            return
        }
        for (action, code) in syntax.codes {
            guard feature.actions.contains(action) else {
                let known = feature.actions.map { $0 == .use ? "a code alone" : $0.rawValue }
                remarks.error(
                    "the feature \(feature.rawValue) takes \(known.joined(separator: " and "))",
                    at: code.range)
                continue
            }
            guard let pieces = pieces(code) else { continue }
            guard checkArguments(pieces, feature, action, code) else { continue }
            features.append(
                FeatureTable(
                    feature: feature, action: action, text: code.text, pieces: pieces,
                    place: place(code.range)))
            featureRanges[code.text] = code.range
        }
    }

    /// Reads `*40*{number}`.
    private mutating func pieces(_ code: Word) -> [FeatureTable.Piece]? {
        var pieces: [FeatureTable.Piece] = []
        let bytes = Array(code.text.utf8)
        var index = 0
        while index < bytes.count {
            if let key = key(of: bytes[index]) {
                pieces.append(.key(key))
                index += 1
                continue
            }
            let known = FeatureTable.Argument.allCases.map { "{\($0.rawValue)}" }
            guard bytes[index] == UInt8(ascii: "{"),
                let close = bytes[index...].firstIndex(of: UInt8(ascii: "}"))
            else {
                remarks.error(
                    "a code is made of 0-9, * and #, and \(known.joined(separator: ", "))",
                    at: code.range.part(index, 1))
                return nil
            }
            let name = String(decoding: bytes[index + 1..<close], as: UTF8.self)
            guard let argument = FeatureTable.Argument(rawValue: name) else {
                remarks.error(
                    "nothing is known as {\(name)} in a code",
                    at: code.range.part(index, close + 1 - index),
                    help: help(
                        for: name, among: FeatureTable.Argument.allCases.map(\.rawValue)))
                return nil
            }
            if case .argument? = pieces.last {
                remarks.error(
                    "nobody could tell where the part before {\(name)} ends",
                    at: code.range.part(index, close + 1 - index),
                    help: "put * or # between them")
                return nil
            }
            pieces.append(.argument(argument))
            index = close + 1
        }
        guard case .key? = pieces.first else {
            remarks.error("a code begins with a key", at: code.range, help: "as in *40*{number}")
            return nil
        }
        return pieces
    }

    /// Whether the code holds all that the feature needs and nothing else.
    private mutating func checkArguments(
        _ pieces: [FeatureTable.Piece], _ feature: Feature, _ action: FeatureCall.Action,
        _ code: Word
    ) -> Bool {
        let needs = feature.arguments(action)
        let has = pieces.compactMap { piece in
            if case .argument(let argument) = piece { return argument }
            return nil
        }
        for argument in needs.needed where !has.contains(argument) {
            remarks.error(
                "the code for \(feature.rawValue) needs {\(argument.rawValue)}", at: code.range)
            return false
        }
        for (index, argument) in has.enumerated() {
            if has[..<index].contains(argument) {
                remarks.error("{\(argument.rawValue)} stands twice in this code", at: code.range)
                return false
            }
            guard needs.needed.contains(argument) || needs.possible.contains(argument) else {
                remarks.error(
                    "the code for \(feature.rawValue) has no use for {\(argument.rawValue)}",
                    at: code.range)
                return false
            }
        }
        return true
    }

    /// Codes that hide each other, short codes, extensions and emergency numbers.
    mutating func checkFeatureClashes() {
        checkShortCodeClashes()
        features.sort { ($0.fixedKeys, $0.pieces.count) > ($1.fixedKeys, $1.pieces.count) }
        for (index, feature) in features.enumerated() {
            guard let range = featureRanges[feature.text] else { continue }
            for other in features[..<index] where other.pieces == feature.pieces {
                remarks.error(
                    "the code \(feature.text) is also that for \(other.feature.rawValue) "
                        + "(\(other.place))",
                    at: range)
            }
            let example = feature.pieces.map { piece in
                switch piece {
                case .key(let key): String(decoding: [byte(of: key)], as: UTF8.self)
                case .argument: "1"
                }
            }.joined()
            reportHidden(feature, by: features[..<index], range)
            guard let number = DialString(example) else { continue }
            let isTaken = hasExtension(example)
            if isTaken || number.isEmergency {
                remarks.error(
                    "the code \(feature.text) is "
                        + (isTaken ? "an extension" : "an emergency number"),
                    at: range)
            }
        }
    }
}

extension Compiler {
    /// Warns where a code with an extension at its end does something else for some extensions, since a
    /// code with more keys in front is looked for first.
    private mutating func reportHidden(
        _ feature: FeatureTable, by others: ArraySlice<FeatureTable>, _ range: SourceRange
    ) {
        guard feature.pieces.last == .argument(.extension) else { return }
        let keys = feature.pieces.dropLast().map { piece in
            if case .key(let key) = piece { KeySet(key: key) } else { KeySet(bits: 0) }
        }
        let codes = extensions.flatMap(Pattern.covering).map {
            Pattern(keys: keys + $0.keys, end: .closed)
        }
        for other in others {
            var fixed = Pattern(
                keys: other.pieces.prefix(other.fixedKeys).compactMap { piece in
                    if case .key(let key) = piece { KeySet(key: key) } else { nil }
                }, end: .closed)
            if other.fixedKeys < other.pieces.count {
                guard other.fixedKeys == other.pieces.count - 1 else { continue }
                fixed.end = .oneOrMore
            }
            guard let code = codes.first(where: fixed.overlaps) else { continue }
            let keys = zip(code.keys, fixed.keys).map { KeySet(bits: $0.bits & $1.bits) }
            let dialled = Pattern(
                keys: keys + code.keys.dropFirst(keys.count), end: .closed
            ).example
            remarks.warning(
                "\(dialled) is \(other.feature.rawValue) by \(other.text) (\(other.place)), and not "
                    + "\(feature.feature.rawValue)", at: range,
                help:
                    "the code with more keys in front is looked for first; give one of them another"
            )
        }
    }

    private mutating func checkShortCodeClashes() {
        for (index, rewrite) in rewrites.enumerated() where rewrite.isShortCode {
            if let feature = features.first(where: { $0.match(rewrite.form.prefix) != nil }) {
                remarks.error(
                    "\(rewrite.pattern) stands for \(rewrite.form.prefix.text), a code for "
                        + "\(feature.feature.rawValue) (\(feature.place)), and codes stand for numbers",
                    at: rewriteRanges[index],
                    help: "give the feature a second code: feature \(feature.feature.rawValue) "
                        + (feature.action == .use ? "" : "\(feature.action.rawValue) ")
                        + rewrite.pattern)
            }
            guard let code = DialString(rewrite.pattern),
                let feature = features.first(where: { $0.match(code) != nil })
            else { continue }
            remarks.error(
                "\(rewrite.pattern) is dialled for the feature \(feature.feature.rawValue) by "
                    + "\(feature.text) (\(feature.place)) and is no short code",
                at: rewriteRanges[index])
        }
    }
}

extension Feature {
    /// How it can be asked for.
    var actions: [FeatureCall.Action] {
        switch self {
        case .forwardAlways, .forwardBusy, .forwardNoAnswer, .forwardUnregistered, .doNotDisturb,
            .callWaiting, .lock:
            [.on, .off]
        case .pickup, .pickupExtension, .callByPIN, .balance, .redeem, .park, .retrieve, .redial:
            [.use]
        case .speedDial: [.use, .on, .off]
        }
    }

    /// What its code must hold and may hold.
    func arguments(
        _ action: FeatureCall.Action
    ) -> (needed: [FeatureTable.Argument], possible: [FeatureTable.Argument]) {
        switch self {
        case .forwardAlways, .forwardBusy, .forwardNoAnswer, .forwardUnregistered:
            (action == .on ? [.number] : [], [])
        case .lock: ([], [.pin])
        case .doNotDisturb, .callWaiting, .pickup, .balance, .redial: ([], [])
        case .pickupExtension: ([.extension], [])
        case .callByPIN: ([.pin, .number], [.extension])
        case .redeem, .park, .retrieve: ([.code], [])
        case .speedDial: (action == .on ? [.code, .number] : [.code], [])
        }
    }
}
