/// The values of all fields of one name, in order.
public struct FieldValues: Sequence, Sendable {
    let message: Message
    let name: HeaderName

    public func makeIterator() -> Iterator { Iterator(message: message, name: name) }

    public struct Iterator: IteratorProtocol {
        let message: Message
        let name: HeaderName
        var place = 0

        public mutating func next() -> ArraySlice<UInt8>? {
            if case .known(let known) = name.storage {
                guard let field = message.content.index.field(known, from: place) else {
                    return nil
                }
                place = field.place + 1
                return message.slice(field.value)
            }
            while place < message.content.index.fieldCount {
                let candidate = place
                place += 1
                if message.isField(candidate, named: name) {
                    return message.slice(message.content.index.field(at: candidate).value)
                }
            }
            return nil
        }
    }
}

/// All fields of a message in order. Allocates for each name that is not known.
public struct Fields: Sequence, Sendable {
    let message: Message

    public var count: Int { message.content.index.fieldCount }

    public func makeIterator() -> Iterator { Iterator(message: message) }

    public struct Iterator: IteratorProtocol {
        let message: Message
        var place = 0

        public mutating func next() -> (name: HeaderName, value: ArraySlice<UInt8>)? {
            guard place < message.content.index.fieldCount else { return nil }
            let field = message.content.index.field(at: place)
            place += 1
            let name =
                field.known.map { HeaderName($0) }
                ?? HeaderName(message.slice(field.name))
            return (name, message.slice(field.value))
        }
    }
}
