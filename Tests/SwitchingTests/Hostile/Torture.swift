import Foundation

/// The torture messages as the tests of the parser have them.
enum Torture {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("SIPTests/Torture")

    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appendingPathComponent(name + ".dat")))
    }

    /// All of them; those of RFC 5118 begin with `IPv6/`.
    static func names() throws -> [String] {
        try ["", "IPv6/"].flatMap { part in
            try FileManager.default.contentsOfDirectory(
                atPath: folder.appendingPathComponent(part).path
            ).filter { $0.hasSuffix(".dat") }.map { part + $0.dropLast(4) }
        }.sorted()
    }
}
