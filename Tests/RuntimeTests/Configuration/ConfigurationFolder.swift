import Foundation

/// A folder of files for one test, removed with it.
final class ConfigurationFolder {
    let path: String

    static let dialplan = """
        site test { country 86  area 0311  timezone Asia/Shanghai }
        extensions 8000-8009
        class local [2-8]XXXXXXX
        level city may internal + local
        route local via pstn

        """
    static let yaml = """
        listen: [127.0.0.1:5060]
        realm: test.local
        data: data
        dialplan: site.dialplan
        trunks:
          - { name: pstn, kind: sip, address: 127.0.0.1:5080, channels: 5 }

        """

    init(_ files: [String: String] = [:]) throws {
        path = NSTemporaryDirectory() + "tandem-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try write("tandem.yaml", Self.yaml)
        try write("site.dialplan", Self.dialplan)
        for (name, text) in files { try write(name, text) }
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            print("\(path) stays: \(error)")
        }
    }

    var configuration: String { "\(path)/tandem.yaml" }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }
}
