import Foundation

/// How requests and responses lie on the control socket: one JSON object a line, UTF-8, names
/// sorted. JSON writes a line break inside a string as `\n`, so a line is always whole.
public enum Wire {
    /// The longest request in bytes: the longest file that an import reads fits, each of its line
    /// breaks and quotes being two bytes here.
    public static let requestLimit = 512 << 20
    /// The longest response in bytes: a page of `RecordQuery.limitMaximum` records fits, and a price
    /// list as a file.
    public static let responseLimit = 512 << 20

    /// The line with its line break.
    public static func line(_ request: Request) throws -> [UInt8] { try encode(request) }

    /// The line with its line break.
    public static func line(_ response: Response) throws -> [UInt8] { try encode(response) }

    /// - Parameter line: without its line break.
    /// - Throws: `WireError.unreadable` for what is no request of this version.
    public static func request(_ line: some Collection<UInt8>) throws(WireError) -> Request {
        try decode(line)
    }

    /// - Parameter line: without its line break.
    /// - Throws: `WireError.unreadable` for what is no response of this version.
    public static func response(_ line: some Collection<UInt8>) throws(WireError) -> Response {
        try decode(line)
    }

    private static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var bytes = [UInt8](try encoder.encode(value))
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    private static func decode<Value: Decodable>(
        _ line: some Collection<UInt8>
    ) throws(WireError) -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: Data(line))
        } catch {
            throw .unreadable("\(error)")
        }
    }
}

/// What can be wrong with bytes of the control socket.
public enum WireError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A line that is longer than the limit in bytes.
    case lineTooLong(limit: Int)
    /// A line that is no message; says what the JSON reader found.
    case unreadable(String)

    public var description: String {
        switch self {
        case .lineTooLong(let limit): "a line is longer than \(limit) bytes"
        case .unreadable(let reason): "a line is no message of this version: \(reason)"
        }
    }
}
