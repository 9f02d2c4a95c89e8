import Foundation

/// Generated passwords, and the file they are told in.
public enum Password {
    /// Letters and digits that no two of are taken for each other on paper; no quoting anywhere.
    private static let alphabet = Array("abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
    /// Characters of a generated password: 16 of 56 are 92 bits.
    public static let length = 16
    /// The name of the file in the data folder.
    public static let fileName = "passwords.csv"

    /// From the system's random source.
    public static func generated() -> String {
        var generator = SystemRandomNumberGenerator()
        return String(
            (0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
            })
    }

    /// Appends to `passwords.csv` in a folder, which only its owner may read.
    ///
    /// - Returns: the file's path.
    /// - Throws: what the file system says; the rows are then not written.
    public static func append(_ rows: [(number: String, password: String)], folder: String) throws
        -> String
    {
        let path = "\(folder)/\(fileName)"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        let header = try file.seekToEnd() == 0 ? "extension,password\n" : ""
        let text = rows.reduce(into: header) { $0 += "\($1.number),\($1.password)\n" }
        try file.write(contentsOf: Data(text.utf8))
        try file.synchronize()
        return path
    }
}
