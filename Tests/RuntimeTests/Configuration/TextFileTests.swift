import Control
import Dialplan
import Foundation
import Runtime
import Testing

/// Files of text that an admin names.
@Suite struct TextFileTests {
    /// What reading a file of these bytes says.
    private func failure(_ bytes: [UInt8]) throws -> Diagnostic? {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(
            "text-\(UUID().uuidString)"
        ).path
        defer { unlink(path) }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        do throws(ConfigurationFailure) {
            _ = try TextFile.read(path, called: "the tariff")
            return nil
        } catch {
            return error.diagnostics.first
        }
    }

    @Test func theFirstByteThatIsNotUTF8IsNamedByItsPlace() throws {
        // A file of a spreadsheet that writes Latin-1: the name in the second line is Zürich.
        let line = Array("02,Z".utf8) + [0xfc] + Array("rich,0,0.07/6\n".utf8)
        let found = try #require(try failure(Array("prefix,Städte\n".utf8) + line))
        #expect(found.line == 2 && found.column == 5)
        #expect(found.message == "the tariff is not UTF-8 from here on")
        #expect(found.suggestion?.hasPrefix("save it as UTF-8") == true)
        #expect(try failure(Array("02,Zürich\n".utf8)) == nil)
    }

    @Test func aFolderIsSaidToBeOne() {
        #expect {
            try TextFile.read(FileManager.default.temporaryDirectory.path, called: "the tariff")
        } throws: {
            "\($0)".contains("the tariff is a folder, not a file")
        }
    }

    /// Line breaks and quotes are two bytes on the control socket; every other character is one.
    @Test func theLongestFileThatIsReadCanBeSentToTheDaemon() throws {
        #expect(Wire.requestLimit >= 2 * TextFile.limit)
        let csv = String(repeating: "\"02\"\n", count: 1000)
        let line = try Wire.line(.tariffImported(TariffImport(csv: csv, file: "t.csv")))
        #expect(line.count <= 2 * csv.utf8.count)
    }
}
