import SIP
import Streams
import Switching

/// `tls`: our certificate, its key, and whose certificates we trust.
///
///     tls: { certificate: tandem.pem, key: tandem.key, trust: operators.pem }
enum TLSSection {
    /// - Parameter folder: what relative paths begin at.
    /// - Returns: nil where nothing goes by TLS, or something is wrong.
    static func read(
        _ top: ConfigurationReader.Section, settings: Settings, folder: String,
        _ reader: inout ConfigurationReader
    ) -> StreamTLS? {
        let isNeeded = settings.listeners.contains { $0.transport == .tls }
        guard let section = reader.section("tls", in: top, keys: ["certificate", "key", "trust"])
        else {
            if isNeeded, !top.has("tls") {
                reader.report(
                    "a listener of transport tls needs a certificate", at: top.place(of: "listen"),
                    suggestion: "add \"tls: { certificate: FILE, key: FILE }\"")
            }
            return nil
        }
        reader.require(["certificate", "key"], in: section)
        guard let certificate = reader.text("certificate", in: section),
            let key = reader.text("key", in: section)
        else { return nil }
        let trust = reader.text("trust", in: section)
        do {
            return try StreamTLS(
                certificate: Paths.resolve(certificate, in: folder),
                key: Paths.resolve(key, in: folder),
                trust: trust.map { Paths.resolve($0, in: folder) })
        } catch {
            reader.report("tls: \(error)", at: section.node)
            return nil
        }
    }
}
