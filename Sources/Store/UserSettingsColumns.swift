import Switching

/// A subscriber's `UserSettings` as columns of `user_setting`, both ways.
enum UserSettingsColumns {
    static let table = """
        CREATE TABLE user_setting (
            number TEXT PRIMARY KEY,
            incoming_level TEXT,
            is_locked INTEGER NOT NULL CHECK (is_locked IN (0, 1)),
            do_not_disturb INTEGER NOT NULL CHECK (do_not_disturb IN (0, 1)),
            forward_always TEXT,
            forward_busy TEXT,
            forward_no_answer TEXT,
            forward_unregistered TEXT,
            speed_dial TEXT NOT NULL,
            last_dialled TEXT,
            pin_salt BLOB NOT NULL,
            pin_hash BLOB NOT NULL,
            wrong_pins INTEGER NOT NULL,
            locked_out_until INTEGER
        ) STRICT, WITHOUT ROWID;
        """

    /// Limits of calls one way, and call waiting.
    static let limits = """
        ALTER TABLE extension ADD COLUMN call_limit_in INTEGER CHECK (call_limit_in > 0);
        ALTER TABLE extension ADD COLUMN call_limit_out INTEGER CHECK (call_limit_out > 0);
        ALTER TABLE user_setting ADD COLUMN refuses_waiting INTEGER NOT NULL DEFAULT 0
            CHECK (refuses_waiting IN (0, 1));
        """

    /// Numbers that phones may ask to present, with blanks between them.
    static let presented = """
        ALTER TABLE user_setting ADD COLUMN presents TEXT NOT NULL DEFAULT '';
        """

    static let names = """
        number, incoming_level, is_locked, do_not_disturb, forward_always, forward_busy, \
        forward_no_answer, forward_unregistered, speed_dial, last_dialled, pin_salt, pin_hash, \
        wrong_pins, locked_out_until, refuses_waiting, presents
        """
    static let questionMarks = Array(repeating: "?", count: 16).joined(separator: ", ")

    static func add(_ settings: UserSettings, of number: String, to values: inout SQLValues) {
        values.add(number)
        values.add(settings.incomingLevel)
        values.add(settings.isLocked ? 1 : 0)
        values.add(settings.doNotDisturb ? 1 : 0)
        values.add(settings.forwardAlways)
        values.add(settings.forwardBusy)
        values.add(settings.forwardNoAnswer)
        values.add(settings.forwardUnregistered)
        values.addJSON { json in
            json.beginArray()
            for (entry, target) in settings.speedDial.sorted(by: { $0.key < $1.key }) {
                json.beginArray()
                json.string(entry)
                json.string(target)
                json.endArray()
            }
            json.endArray()
        }
        values.add(settings.lastDialled)
        values.add(settings.pin?.salt ?? [])
        values.add(settings.pin?.hash ?? [])
        values.add(settings.wrongPINs)
        values.add(settings.lockedOutUntil)
        values.add(settings.refusesWaiting ? 1 : 0)
        values.add(settings.presents.joined(separator: " "))
    }

    static func settings(in row: SQLRow) throws -> (String, UserSettings) {
        var settings = UserSettings()
        settings.incomingLevel = row.optionalText(1)
        settings.isLocked = row.integer(2) != 0
        settings.doNotDisturb = row.integer(3) != 0
        settings.forwardAlways = row.optionalText(4)
        settings.forwardBusy = row.optionalText(5)
        settings.forwardNoAnswer = row.optionalText(6)
        settings.forwardUnregistered = row.optionalText(7)
        do throws(CompactJSONReader.Malformed) {
            settings.speedDial = try speedDial(in: row.text(8))
        } catch {
            throw Store.Failure(
                .damaged, "the speed dial entries of \(row.text(0)) end at \(error.offset)")
        }
        settings.lastDialled = row.optionalText(9)
        let salt = row.bytes(10)
        if !salt.isEmpty { settings.pin = StoredPIN(salt: salt, hash: row.bytes(11)) }
        settings.wrongPINs = try row.number(12)
        settings.lockedOutUntil = row.optionalInteger(13)
        settings.refusesWaiting = row.integer(14) != 0
        settings.presents = row.text(15).split(separator: " ").map(String.init)
        return (row.text(0), settings)
    }

    private static func speedDial(
        in text: String
    ) throws(CompactJSONReader.Malformed) -> [String: String] {
        var entries: [String: String] = [:]
        var json = CompactJSONReader(text)
        try json.array { (json) throws(CompactJSONReader.Malformed) in
            try json.beginArray()
            let entry = try json.string()
            try json.comma()
            entries[entry] = try json.string()
            try json.endArray()
        }
        try json.end()
        return entries
    }
}
