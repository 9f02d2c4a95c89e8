import Foundation
import SIP

@testable import Runtime

/// A site in a folder of its own: files, data and control socket.
final class Site {
    let folder: String
    let control: String

    var configuration: String { "\(folder)/tandem.yaml" }
    var data: String { "\(folder)/data" }

    init(extensions: String? = nil, tariff: String? = nil) throws {
        let port = try UDPPhone.freePort()
        let unique = UUID().uuidString.prefix(8)
        folder = NSTemporaryDirectory() + "tandem-\(unique)"
        control = "/tmp/tandem-\(unique).sock"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        var lists = ""
        if let extensions {
            try write("extensions.csv", extensions)
            lists += "  extensions: extensions.csv\n"
        }
        if let tariff {
            try write("tariff.csv", tariff)
            lists += "  tariff: tariff.csv\n"
        }
        try write("site.dialplan", Self.dialplan)
        try write(
            "tandem.yaml",
            """
            listen: ["127.0.0.1:\(port)"]
            realm: tandem.test
            data: data
            control: \(control)
            dialplan: site.dialplan
            trunks:
              - name: ip-e1
                kind: e1
                address: 127.0.0.1:9
                channels: 30
                options-interval: 0s

            """ + (lists.isEmpty ? "" : "site:\n" + lists))
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: folder)
        } catch {
            print("\(folder) stays: \(error)")
        }
    }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }

    func load() throws -> LoadedConfiguration {
        try ConfigurationLoader.load(path: configuration)
    }

    static let dialplan = """
        site headquarters { country 86  area 0311  timezone Asia/Shanghai }
        extensions 8000-8799

        class national       0[1-9]XXXXXXXXX.

        level house    may internal
        level country  may house + national

        route national               via ip-e1

        """
}
