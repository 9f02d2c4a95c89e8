/// What tells one dialog from all others: Call-ID, our tag and the peer's (RFC 3261 §12).
///
/// Hashed once, when made; one allocation.
public struct DialogKey: Hashable, Sendable {
    private let content: HashedBytes

    /// Tags and Call-ID compare byte by byte. An absent tag is an empty one.
    public init(
        callID: ArraySlice<UInt8>, localTag: ArraySlice<UInt8>, remoteTag: ArraySlice<UInt8>
    ) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(callID.count + localTag.count + remoteTag.count + 12)
        HashedBytes.appendPiece(callID, to: &bytes)
        HashedBytes.appendPiece(localTag, to: &bytes)
        HashedBytes.appendPiece(remoteTag, to: &bytes)
        content = HashedBytes(bytes)
    }

    /// The dialog that a request from the peer belongs to; `nil` when its To has no tag: it is
    /// outside of any dialog.
    public init?(request: Message) {
        guard let toTag = request.toTag else { return nil }
        self.init(callID: request.callID, localTag: toTag, remoteTag: request.fromTag ?? [])
    }

    /// The dialog that a response to our request belongs to. Until a response brings a To tag, the
    /// peer's tag is empty.
    public init(response: Message) {
        self.init(
            callID: response.callID, localTag: response.fromTag ?? [],
            remoteTag: response.toTag ?? [])
    }
}
