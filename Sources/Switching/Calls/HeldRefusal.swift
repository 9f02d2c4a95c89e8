/// A refusal that waits for the disk.
///
/// A paid call was answered by its callee and given up before the caller was told, as when the disk is
/// slow or the caller cancels. The answer may be on the disk already: were the process to end now, the
/// next one would answer the caller. So the caller is refused when the end of the call is on the disk.
struct HeldRefusal: Sendable {
    struct Refusal: Sendable {
        /// The transaction of the caller's INVITE.
        var server: Handle
        var status: Int
        var tag: UInt64
        var reason: [UInt8]?
    }

    /// The commit of the call's end.
    var ticket: CommitTicket
    /// The commit of its answer.
    var answer: CommitTicket
    var refusal: Refusal
}
