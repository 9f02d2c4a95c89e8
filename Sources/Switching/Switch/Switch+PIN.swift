import Dialplan

// PINs: looked at here, counted here, and never written anywhere as they were dialled.

extension Switch {
    /// Looks at a PIN that was dialled. Wrong ones are counted and lock out, as the plan says; while a
    /// lock-out lasts no PIN is looked at, not even a right one.
    mutating func verify(
        _ digits: String, for request: PINRequest, call handle: Handle
    ) -> PINAnswer {
        let number = request.extension
        let settings = userSettings[number] ?? UserSettings()
        let id = calls[handle].id
        if let until = settings.lockedOutUntil, until > wallTime {
            counters.count("pin-locked-out")
            log(.warning, call: id, "a PIN of \(number) was dialled while it is locked out")
            return .lockedOut(extension: number)
        }
        if let pin = settings.pin, pin.matches(digits, of: number, hashes: hashes) {
            commit(
                changeSettings(of: number) {
                    $0.wrongPINs = 0
                    $0.lockedOutUntil = nil
                })
            return .verified(extension: number)
        }
        counters.count("pin-wrong")
        let policy = plan.pinPolicy(of: number)
        let wrong = settings.wrongPINs + 1
        let isLockedOut = wrong >= policy.attempts
        let until = wallTime + policy.lockoutMilliseconds * 1000
        commit(
            changeSettings(of: number) {
                $0.wrongPINs = isLockedOut ? 0 : wrong
                $0.lockedOutUntil = isLockedOut ? until : nil
            })
        log(
            isLockedOut ? .warning : .notice, call: id,
            isLockedOut
                ? "\(wrong) wrong PINs of \(number) in a row: none is looked at for "
                    + "\(policy.lockoutMilliseconds / 1000) s"
                : "a wrong PIN of \(number), \(wrong) of \(policy.attempts)")
        return .wrong(extension: number)
    }
}
