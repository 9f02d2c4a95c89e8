import Dialplan
import SIP

// What subscribers set for themselves: kept, shown, changed, and handed to the dialplan.

extension Switch {
    /// A subscriber's settings as a decision looks at them; nil for a number that is not set up.
    func planSettings(of number: String) -> ExtensionSettings? {
        Self.planSettings(extensions[number], userSettings[number])
    }

    /// The same for a plan to ask, of the moment it is made: not to be kept, since it holds on to the
    /// tables.
    var settingsForPlan: @Sendable (_ extension: String) -> ExtensionSettings? {
        { [extensions, userSettings] number in
            Self.planSettings(extensions[number], userSettings[number])
        }
    }

    private static func planSettings(
        _ subscriber: Extension?, _ user: UserSettings?
    ) -> ExtensionSettings? {
        guard let subscriber else { return nil }
        var settings = ExtensionSettings(level: subscriber.level)
        guard let user else { return settings }
        settings.incomingLevel = user.incomingLevel
        settings.isLocked = user.isLocked
        settings.doNotDisturb = user.doNotDisturb
        settings.forwardAlways = user.forwardAlways
        settings.forwardBusy = user.forwardBusy
        settings.forwardNoAnswer = user.forwardNoAnswer
        settings.forwardUnregistered = user.forwardUnregistered
        settings.presents = user.presents
        settings.speedDial = user.speedDial
        settings.lastDialled = user.lastDialled
        settings.hasPIN = user.pin != nil
        return settings
    }

    /// Changes a subscriber's settings in memory.
    ///
    /// - Returns: what to store; nothing when nothing changed.
    mutating func changeSettings(
        of number: String, _ change: (inout UserSettings) -> Void
    ) -> [StoredChange] {
        let old = userSettings[number] ?? UserSettings()
        var new = old
        change(&new)
        guard new != old else { return [] }
        userSettings[number] = new == UserSettings() ? nil : new
        if new.doNotDisturb != old.doNotDisturb { presenceChanged(of: number) }
        return [.settingsSaved(number: number, new)]
    }

    // MARK: Changes by the admin

    /// What is wrong with a change; empty when it can be applied.
    func problems(with change: SettingsChange, of number: String) -> [String] {
        var problems: [String] = []
        if let pin = change.pin, !pin.isEmpty {
            let lengths = plan.pinPolicy(of: number).digits
            if !lengths.contains(pin.utf8.count) || !pin.utf8.allSatisfy({ 48...57 ~= $0 }) {
                problems.append(
                    "\(number): a PIN is \(lengths.lowerBound) to \(lengths.upperBound) digits")
            }
        }
        let numbers = [
            ("forward-always", change.forwardAlways), ("forward-busy", change.forwardBusy),
            ("forward-no-answer", change.forwardNoAnswer),
            ("forward-unregistered", change.forwardUnregistered),
        ]
        for case (let name, let target?) in numbers where !target.isEmpty {
            if !isDialable(target) { problems.append("\(number): \(name) \(unfit(target))") }
        }
        for (entry, target) in (change.speedDial ?? [:]).sorted(by: { $0.key < $1.key }) {
            if entry.isEmpty || entry.utf8.count > 4 || !entry.utf8.allSatisfy({ 48...57 ~= $0 }) {
                problems.append(
                    "\(number): a speed dial entry is 1 to 4 digits, not \"\(entry)\"")
            }
            if !target.isEmpty, !isDialable(target) {
                problems.append("\(number): speed dial \(entry) \(unfit(target))")
            }
        }
        for text in change.presented ?? []
        where text.utf8.count > 2 * UserSettings.numberLimit
            || plan.presentable(text, by: number) == nil
        {
            problems.append(
                "\(number): \"\(text)\" is no number that can be presented, and no range of them")
        }
        if (change.presented ?? []).count > UserSettings.presentsLimit {
            problems.append(
                "\(number): there may be \(UserSettings.presentsLimit) numbers and ranges to present "
                    + "at most")
        }
        let entries = (userSettings[number]?.speedDial ?? [:]).merging(change.speedDial ?? [:]) {
            $1
        }
        if entries.count(where: { !$0.value.isEmpty }) > UserSettings.speedDialLimit {
            problems.append(
                "\(number): there may be \(UserSettings.speedDialLimit) speed dial entries at most")
        }
        return problems
    }

    func isDialable(_ number: String) -> Bool {
        number.utf8.count <= UserSettings.numberLimit && plan.normalise(number) != nil
    }

    private func unfit(_ number: String) -> String {
        "\"\(number)\" is no number that can be dialled"
    }

    /// Applies a change that has no problems.
    ///
    /// - Returns: what to store.
    mutating func apply(_ change: SettingsChange, to number: String) -> [StoredChange] {
        var pin: StoredPIN?
        if let digits = change.pin, !digits.isEmpty {
            pin = StoredPIN(
                digits, of: number, salt: (tokens.next(), tokens.next()), hashes: hashes)
        }
        return changeSettings(of: number) { settings in
            if change.pin != nil {
                settings.pin = pin
                settings.wrongPINs = 0
                settings.lockedOutUntil = nil
            }
            func set(_ value: String?, _ path: WritableKeyPath<UserSettings, String?>) {
                guard let value else { return }
                settings[keyPath: path] = value.isEmpty ? nil : value
            }
            set(change.incomingLevel, \.incomingLevel)
            set(change.forwardAlways, \.forwardAlways)
            set(change.forwardBusy, \.forwardBusy)
            set(change.forwardNoAnswer, \.forwardNoAnswer)
            set(change.forwardUnregistered, \.forwardUnregistered)
            if let isLocked = change.isLocked { settings.isLocked = isLocked }
            if let doNotDisturb = change.doNotDisturb { settings.doNotDisturb = doNotDisturb }
            if let isOn = change.callWaiting { settings.refusesWaiting = !isOn }
            if let presented = change.presented { settings.presents = presented }
            for (entry, target) in change.speedDial ?? [:] {
                settings.speedDial[entry] = target.isEmpty ? nil : target
            }
        }
    }

    func settingsRow(_ number: String) -> SettingsRow {
        let settings = userSettings[number] ?? UserSettings()
        return SettingsRow(
            incomingLevel: settings.incomingLevel, isLocked: settings.isLocked,
            doNotDisturb: settings.doNotDisturb, callWaiting: !settings.refusesWaiting,
            forwardAlways: settings.forwardAlways, forwardBusy: settings.forwardBusy,
            forwardNoAnswer: settings.forwardNoAnswer,
            forwardUnregistered: settings.forwardUnregistered, presents: settings.presents,
            speedDial: settings.speedDial,
            lastDialled: settings.lastDialled, hasPIN: settings.pin != nil,
            wrongPINs: settings.wrongPINs,
            lockedOutUntil: settings.lockedOutUntil.flatMap { $0 > wallTime ? $0 : nil })
    }
}
