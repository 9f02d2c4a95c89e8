import SIP

// Which fields of a message go on to the other leg. All others are the leg's own or name its side of
// the topology: they are written anew or left out.

extension Switch {
    private static let passed: Set<HeaderName> = [
        .contentDisposition, .contentEncoding, .contentLanguage, .mimeVersion, .accept,
        .acceptEncoding, .acceptLanguage, .alertInfo, .subject, .priority, .organization, .privacy,
        .reason, .event, .subscriptionState, .infoPackage, .recvInfo,
        .userToUser, .date, .warning, .retryAfter, .answerMode, .privAnswerMode, .pEarlyMedia,
        .unsupported, .referredBy,
    ]

    /// What makes a phone answer by itself, or fetch something: colleagues may say so to each other, and
    /// an operator that is trusted.
    private static let commands: Set<HeaderName> = [.alertInfo, .answerMode, .privAnswerMode]

    /// - Parameter commanding: false leaves `commands` out: the message is a stranger's.
    static func copyPassed(
        from message: Message, into writer: inout MessageWriter, commanding: Bool = true
    ) {
        for (name, value) in message.fields
        where passed.contains(name) && (commanding || !commands.contains(name)) {
            writer.field(name, value)
        }
    }

    /// Supported and Require, cut down to the options that work through us, and with those of our own.
    ///
    /// - Parameter toPhone: only phones take each other's place by Replaces.
    static func copyOptions(
        from message: Message, into writer: inout MessageWriter, toPhone: Bool = false
    ) {
        for name in [HeaderName.supported, .require] {
            var isFirst = true
            for option in passedOptions where message.has(option, in: name) {
                if isFirst { writer.beginField(name) } else { writer.append(", ") }
                writer.append(option)
                isFirst = false
            }
            if name == .supported {
                if isFirst { writer.beginField(name) } else { writer.append(", ") }
                writer.append(toPhone ? "timer, replaces" : "timer")
                isFirst = false
            }
            if !isFirst { writer.endField() }
        }
    }
}
