import Switching

/// What an import of extensions does, made of a list and of what is there: which accounts to open
/// first, which changes to ask for, which passwords were made.
public struct ExtensionImport: Sendable {
    /// Accounts that rows name and that are not there yet: prepaid, empty.
    public private(set) var openings: [AccountOpening] = []
    /// The rows, with a password for each new extension that had none.
    public private(set) var changes: [ExtensionChange] = []
    /// Passwords that were made here: nobody knows them yet.
    public private(set) var generated: [(number: String, password: String)] = []

    /// - Parameters:
    ///   - rows: checked by `ExtensionFile`.
    ///   - extensions: the numbers that are in the store.
    ///   - accounts: the ids that are in the store.
    ///   - makePassword: called once for each new extension without a password.
    public init(
        rows: [ExtensionChange], extensions: Set<String>, accounts: Set<String>,
        makePassword: () -> String = { Password.generated() }
    ) {
        var named: [String: Int] = [:]
        for row in rows { if let account = row.account { named[account, default: 0] += 1 } }
        var known = accounts
        for row in rows {
            var change = row
            if change.password == nil && !extensions.contains(change.number) {
                let password = makePassword()
                change.password = password
                generated.append((change.number, password))
            }
            changes.append(change)
            guard let account = row.account, !account.isEmpty, known.insert(account).inserted
            else { continue }
            let name = named[account] == 1 ? row.name : nil
            openings.append(AccountOpening(id: account, name: name ?? account))
        }
    }
}
