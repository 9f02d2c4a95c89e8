/// Who sends media to whom, seen from the one who wrote the description (RFC 4566 §6, RFC 3264
/// §5.1).
public enum MediaDirection: UInt8, Hashable, Sendable, CaseIterable {
    case sendrecv, sendonly, recvonly, inactive

    /// The attribute `a=sendrecv` and so on, without `a=`.
    init?(attribute: ArraySlice<UInt8>) {
        for direction in Self.allCases where direction.name.isEqual(to: attribute) {
            self = direction
            return
        }
        return nil
    }

    var name: StaticString {
        switch self {
        case .sendrecv: "sendrecv"
        case .sendonly: "sendonly"
        case .recvonly: "recvonly"
        case .inactive: "inactive"
        }
    }
}

extension StaticString {
    /// Attribute names compare by case (RFC 4566 §5).
    func isEqual(to bytes: ArraySlice<UInt8>) -> Bool {
        withUTF8Buffer { $0.elementsEqual(bytes) }
    }
}
