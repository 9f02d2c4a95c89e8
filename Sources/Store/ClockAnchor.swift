import GRDB
import Glibc

/// How the wall clock stood to the machine's own clock when times of it were written last, so that one that is
/// set while no daemon runs shortens and lengthens no registration: what expires moves by as much.
///
/// Two rows of `state`: the wall clock less the machine's own, in microseconds, and which run of the machine
/// that was. After another start of the machine nobody knows, and times stand as they were written.
struct ClockAnchor {
    /// Below it the clock is being slewed, in microseconds.
    private static let step: Int64 = 1_000_000

    /// Of this run of the machine; 0 where nobody says which it is, and nothing is moved.
    let boot: UInt64
    /// As stored; nil before it was.
    private var offset: Int64?

    init(boot: UInt64) { self.boot = boot }

    /// Moves what expires, where the clock was set since times were written.
    func follow(in database: Database) throws {
        guard boot != 0 else { return }
        let now = Self.now()
        if try value("clock_boot", in: database) == Int64(bitPattern: boot),
            let before = try value("clock_offset", in: database), abs(now - before) > Self.step
        {
            for table in ["binding", "subscription"] {
                try database.execute(
                    sql: "UPDATE \(table) SET expires = expires + ?", arguments: [now - before])
            }
        }
        try store(now, in: database)
    }

    /// Times were written, by the clock as it is now.
    mutating func timesWritten(in database: Database) throws {
        guard boot != 0 else { return }
        let now = Self.now()
        if let offset, abs(now - offset) <= Self.step { return }
        try store(now, in: database)
        offset = now
    }

    private func value(_ name: String, in database: Database) throws -> Int64? {
        try Int64.fetchOne(
            database, sql: "SELECT value FROM state WHERE name = ?", arguments: [name])
    }

    private func store(_ offset: Int64, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT OR REPLACE INTO state (name, value)
                VALUES ('clock_boot', ?), ('clock_offset', ?)
                """, arguments: [Int64(bitPattern: boot), offset])
    }

    private static func now() -> Int64 { read(CLOCK_REALTIME) - read(CLOCK_BOOTTIME) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
