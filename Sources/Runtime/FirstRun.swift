import Control
import Logging
import Switching

/// Fills an empty data folder from the lists that `tandem.yaml` names.
enum FirstRun {
    /// Imports the tariff when the store has none, and the extensions when it has none. Passwords
    /// that a list leaves empty are made here and written to `passwords.csv` before they are
    /// stored.
    ///
    /// Blocks on the disk.
    /// - Throws: `ConfigurationFailure` or `StartFailure` with everything that is wrong.
    static func fill(_ loaded: LoadedConfiguration, logger: Logger) throws {
        let offline = try OfflineSwitch(loaded)
        defer { offline.close() }
        if !offline.hasTariff, let path = loaded.tariffCSV {
            let csv = try TextFile.read(path, called: "the tariff")
            let done = try settle(
                offline.perform(
                    .tariffImported(TariffImport(csv: csv, file: Paths.shown(path)))))
            logger.notice("first run: imported \(Paths.shown(path)): \(done)")
        }
        if offline.extensionNumbers.isEmpty, let path = loaded.extensionsCSV {
            try importExtensions(path, loaded, offline, logger)
        }
    }

    private static func importExtensions(
        _ path: String, _ loaded: LoadedConfiguration, _ offline: OfflineSwitch, _ logger: Logger
    ) throws {
        let text = try TextFile.read(path, called: "the list of extensions")
        let file = ExtensionFile(
            text: text, file: Paths.shown(path), plan: loaded.configuration.plan)
        guard file.diagnostics.isEmpty else {
            throw ConfigurationFailure(diagnostics: file.diagnostics)
        }
        let work = ExtensionImport(
            rows: file.rows, extensions: [], accounts: offline.accountIDs)
        var passwords: String?
        if !work.generated.isEmpty {
            passwords = try Password.append(work.generated, folder: loaded.dataFolder)
        }
        let requests = work.openings.map { Request.perform(.accountOpened($0)) }
        for response in offline.perform(
            requests + [.perform(.extensionsChanged(work.changes))])
        {
            _ = try settle(response)
        }
        logger.notice(
            """
            first run: imported \(work.changes.count) extensions from \(Paths.shown(path)) and \
            opened \(work.openings.count) accounts
            """)
        if let passwords {
            logger.notice(
                """
                first run: made \(work.generated.count) passwords; they are in \(passwords), which \
                only its owner may read
                """)
        }
    }

    private static func settle(_ response: Response) throws(StartFailure) -> String {
        switch response {
        case .done(let text), .reply(.done(let text)): return text
        case .refused(let reasons): throw StartFailure(reasons.joined(separator: "\n"))
        case .reply(.refused(let reason)): throw StartFailure(reason)
        case .tariffReview(let review): return review.outcome
        case .records, .statement, .tariff, .tariffDecks, .audit, .versions, .reply:
            throw StartFailure("an import was answered with something else")
        }
    }
}
