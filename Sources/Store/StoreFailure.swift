import GRDB

extension Store {
    /// What went wrong, with the folder or file it went wrong with and what to do about it.
    public struct Failure: Error, Hashable, CustomStringConvertible {
        public enum Kind: Hashable, Sendable {
            /// Another process has the data folder open.
            case inUse
            /// The folder or a file in it cannot be made, opened or written.
            case inaccessible
            /// Made by a Tandem that knows more than this one.
            case tooNew
            /// What is stored cannot be read as what it must be.
            case damaged
            /// The request makes no sense, as a call id that is none.
            case invalidRequest
        }

        public var kind: Kind
        public var message: String

        public init(_ kind: Kind, _ message: String) {
            self.kind = kind
            self.message = message
        }

        public var description: String { message }
    }
}

extension Store.Failure {
    /// An error of SQLite at a file, in words that say what to do.
    init(_ error: DatabaseError, at path: String) {
        let text = error.message ?? error.resultCode.description
        switch error.resultCode {
        case .SQLITE_FULL:
            self.init(.inaccessible, "\(path): the disk is full; free some space")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self.init(damaged: path, text)
        case .SQLITE_IOERR:
            self.init(
                .inaccessible, "\(path): \(text); dmesg(1) says what is wrong with the disk")
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN, .SQLITE_AUTH:
            self.init(
                .inaccessible,
                "\(path) cannot be written: \(text). It must belong to the user that runs tandem")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(
                .inUse,
                "\(path) is locked by another program: end it (`fuser -v \(path)` names it), "
                    + "then try again (\(text))")
        default:
            self.init(.inaccessible, "\(path): \(text)")
        }
    }

    /// A database that cannot be what it was.
    init(damaged path: String, _ reason: String) {
        self.init(
            .damaged,
            "\(path) is damaged: \(reason). Keep a copy of the folder and restore a backup")
    }

    /// Runs what reads a backup: one that is damaged cannot be mended by restoring it.
    static func wrapping<T>(backup path: String, _ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch let error as DatabaseError {
            let text = error.message ?? error.resultCode.description
            switch error.resultCode {
            case .SQLITE_NOTADB:
                throw Store.Failure(
                    .damaged, "\(path) is no data of tandem (\(text)); name a backup")
            case .SQLITE_CORRUPT, .SQLITE_ERROR:
                throw Store.Failure(.damaged, "\(path) is damaged: \(text). Use another backup")
            case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH, .SQLITE_READONLY:
                throw Store.Failure(
                    .inaccessible, "\(path) cannot be read: \(text). See who may read it (ls -l)")
            default: throw Store.Failure(error, at: path)
            }
        }
    }

    /// Whether somebody else has the database at the moment, which may pass.
    static func isLocked(_ error: DatabaseError) -> Bool {
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: true
        default: false
        }
    }

    /// Runs what speaks with the database and turns SQLite's errors into failures.
    static func wrapping<T>(path: String, _ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw Store.Failure(error, at: path)
        }
    }
}
