import Charging
import Store

/// Backups as files, for commands that need no daemon.
public enum DataFiles {
    /// Looks at a backup and says what in it does not fit. Nothing is written.
    /// - Throws: `Store.Failure`, when it cannot be read as data of tandem.
    ///
    /// - Parameter head: as in `Store.audit(file:head:)`.
    public static func audit(_ file: String, head: String? = nil) throws -> AuditReport {
        try Store.audit(file: file, head: head)
    }

    /// Puts a backup in the place of what the data folder holds, which is kept beside it.
    ///
    /// - Parameter despiteFindings: takes a backup that is not sound too.
    /// - Returns: what was in the backup, and the file that holds what was there before.
    /// - Throws: `Store.Failure`: the daemon runs, or the backup is not sound. Nothing is changed then.
    public static func restore(
        _ file: String, folder: String, despiteFindings: Bool = false
    ) throws -> (report: AuditReport, replaced: String?) {
        let restored = try Store.restore(file, folder: folder, despiteFindings: despiteFindings)
        return (restored.report, restored.replaced)
    }
}
