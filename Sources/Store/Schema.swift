import GRDB

/// The tables, and how older databases are brought to them.
///
/// Money rules stand in the schema itself, so that no path in the code gets around them: an account
/// never goes below its limit, a posting is never changed, an id is never used twice, a call has one
/// record. All tables are STRICT; times are microseconds since 1970 UTC, amounts millionths, call
/// ids the 64 bits of `CallID`.
enum Schema {
    /// Every step that was ever released, in order; none is changed later, new ones are added.
    static var migrator: DatabaseMigrator {
        // The check of all foreign keys after each step would read a month of records.
        var migrator = DatabaseMigrator().disablingDeferredForeignKeyChecks()
        migrator.registerMigration("1: first call") { try $0.execute(sql: first) }
        migrator.registerMigration("2: plans, allowances, vouchers, limits, receipts") {
            try $0.execute(sql: charging)
        }
        migrator.registerMigration("features: settings of users") { database in
            try database.execute(sql: UserSettingsColumns.table)
            try allowFeatureRecords(in: database)
        }
        migrator.registerMigration("survive 1: hash chain") {
            try $0.execute(sql: seals)
        }
        migrator.registerMigration("features 2: subscriptions") {
            try $0.execute(sql: subscriptions)
        }
        migrator.registerMigration("keys of records and postings") { database in
            try database.execute(sql: RecordKeys.table + PostingKeys.table + dropIndexes)
            try RecordKeys.file(in: database)
            try PostingKeys.fileAll(in: database)
        }
        migrator.registerMigration("features 3: limits of calls in and out") {
            try $0.execute(sql: UserSettingsColumns.limits)
        }
        migrator.registerMigration("routing 1: numbers that phones may present") {
            try $0.execute(sql: UserSettingsColumns.presented)
        }
        migrator.registerMigration("survive 2: the seals of a transaction in one row") {
            try $0.execute(sql: sealRuns)
        }
        migrator.registerMigration("outbound 1: paths and flows of bindings") {
            try $0.execute(sql: outbound)
        }
        migrator.registerMigration("survive 3: the journal as a log") { database in
            try database.execute(sql: JournalLog.table)
            try JournalLog.replaceRows(in: database)
        }
        migrator.registerMigration("outbound 2: phones that know one digest") {
            try $0.execute(sql: oneDigest)
        }
        migrator.registerMigration("features 4: what waits in mailboxes") {
            try $0.execute(sql: summaries)
        }
        migrator.registerMigration("survive 4: checksums in the journal, rows before the chain") {
            try JournalLog.addChecksums(in: $0)
            try StoredSeals.countUnsealed(in: $0)
        }
        return migrator
    }

    private static let summaries = """
        CREATE TABLE message_summary (
            number TEXT PRIMARY KEY,
            -- As the mailbox server has said it last (RFC 3842).
            body BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        """

    private static let oneDigest = """
        ALTER TABLE binding ADD COLUMN md5_alone INTEGER NOT NULL DEFAULT 0 CHECK (md5_alone IN (0, 1))
        """

    /// One phone may be bound by several flows with one contact, so that the key is another. Its columns
    /// come first: where they do not, the integrity check of SQLite 3.40 takes the columns for others.
    private static let outbound = """
        CREATE TABLE new_binding (
            number TEXT NOT NULL,
            contact BLOB NOT NULL,
            -- Of RFC 5626; 0, and no instance, where the phone keeps one flow.
            reg_id INTEGER NOT NULL CHECK (reg_id BETWEEN 0 AND 4294967295),
            transport INTEGER NOT NULL,
            listener INTEGER NOT NULL,
            address_high INTEGER NOT NULL,
            address_low INTEGER NOT NULL,
            port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
            expires INTEGER NOT NULL,
            call_id BLOB NOT NULL,
            cseq INTEGER NOT NULL CHECK (cseq BETWEEN 0 AND 4294967295),
            user_agent TEXT NOT NULL,
            -- The Path of its REGISTER (RFC 3327).
            path BLOB NOT NULL,
            instance BLOB NOT NULL,
            PRIMARY KEY (number, contact, reg_id)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO new_binding
        SELECT number, contact, 0, transport, listener, address_high, address_low, port, expires,
            call_id, cseq, user_agent, x'', x'' FROM binding;
        DROP TABLE binding;
        ALTER TABLE new_binding RENAME TO binding;
        """

    /// See `RecordKeys` and `PostingKeys`, which took their place.
    private static let dropIndexes = """

        DROP INDEX record_by_caller;
        DROP INDEX record_by_normalised;
        DROP INDEX record_by_dialled;
        DROP INDEX record_by_route;
        DROP INDEX record_by_cause;
        DROP INDEX record_by_account;
        DROP TABLE tried_route;
        DROP INDEX posting_by_account;
        DROP INDEX archive_by_account;
        """

    /// Who watches whom; the state is the switch's own encoding.
    private static let subscriptions = """
        CREATE TABLE subscription (
            tag INTEGER PRIMARY KEY,
            expires INTEGER NOT NULL,
            state BLOB NOT NULL
        ) STRICT;
        """

    /// Lets records be of a feature code. A check is no part of what is on the disk, so its text alone
    /// changes, as SQLite's page on ALTER TABLE describes: copying a table of ten million records
    /// would hold up the start for minutes.
    private static func allowFeatureRecords(in database: Database) throws {
        let version = try Int.fetchOne(database, sql: "PRAGMA schema_version") ?? 0
        try database.execute(
            sql: """
                PRAGMA writable_schema = ON;
                UPDATE sqlite_schema SET sql = replace(
                    sql, '''inbound'', ''emergency'')', '''inbound'', ''emergency'', ''feature'')')
                    WHERE type = 'table' AND name IN ('record', 'running_call');
                PRAGMA schema_version = \(version + 1);
                PRAGMA writable_schema = OFF;
                """)
    }

    /// See `Seal`. A table of its own, so that the rows it is over stay as they are.
    private static let seals = """
        CREATE TABLE seal (
            entry INTEGER PRIMARY KEY,
            -- 1 a record, by its sequence; 2 a posting, by its entry.
            of INTEGER NOT NULL CHECK (of IN (1, 2)),
            row INTEGER NOT NULL,
            -- How many columns of the row it covers.
            columns INTEGER NOT NULL,
            hash BLOB NOT NULL CHECK (length(hash) = 32)
        ) STRICT;
        CREATE TRIGGER seal_is_never_changed BEFORE UPDATE ON seal
            BEGIN SELECT RAISE(ABORT, 'a seal is never changed'); END;
        CREATE TRIGGER seal_is_never_removed BEFORE DELETE ON seal
            BEGIN SELECT RAISE(ABORT, 'a seal is never removed'); END;
        """

    /// See `Seal`. By the number of the first seal of the run.
    private static let sealRuns = """
        CREATE TABLE seal_run (
            first INTEGER PRIMARY KEY CHECK (first > 0),
            seals BLOB NOT NULL
                CHECK (length(seals) > 0 AND length(seals) % \(Seal.entryLength) = 0)
        ) STRICT;
        CREATE TRIGGER seal_run_is_never_changed BEFORE UPDATE ON seal_run
            BEGIN SELECT RAISE(ABORT, 'a seal is never changed'); END;
        CREATE TRIGGER seal_run_is_never_removed BEFORE DELETE ON seal_run
            BEGIN SELECT RAISE(ABORT, 'a seal is never removed'); END;
        """

    /// The columns of a `CallRecord` but its sequence number, in the order of `CallRecordColumns`.
    /// They were the same for closed records and for the journal, before `JournalLog`.
    private static let recordColumns = """
        call INTEGER NOT NULL,
        direction TEXT NOT NULL
            CHECK (direction IN ('internal', 'outbound', 'inbound', 'emergency')),
        caller TEXT NOT NULL,
        account TEXT,
        dialled TEXT NOT NULL,
        normalised TEXT NOT NULL,
        number_class TEXT,
        presented TEXT,
        route TEXT,
        attempts TEXT NOT NULL,
        started INTEGER NOT NULL,
        ringing INTEGER,
        answered INTEGER,
        ended INTEGER,
        duration_ms INTEGER NOT NULL CHECK (duration_ms >= 0),
        billed_ms INTEGER NOT NULL CHECK (billed_ms >= 0),
        disposition TEXT CHECK (disposition IN ('ANSWERED', 'NO ANSWER', 'BUSY', 'FAILED')),
        released_by TEXT CHECK (released_by IN ('caller', 'callee', 'switch')),
        sip_status INTEGER,
        q850_cause INTEGER,
        end_reason TEXT NOT NULL,
        tariff_prefix TEXT,
        tariff_name TEXT,
        steps INTEGER NOT NULL CHECK (steps >= 0),
        charge INTEGER NOT NULL CHECK (charge >= 0),
        receipt TEXT NOT NULL,
        balances TEXT NOT NULL,
        plan_version TEXT NOT NULL,
        explanation TEXT NOT NULL
        """

    private static let first = """
        CREATE TABLE state (
            name TEXT PRIMARY KEY,
            value INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO state VALUES ('starts', 0), ('clean', 1), ('tariff_deck', 0);

        CREATE TABLE extension (
            number TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            md5 TEXT NOT NULL,
            sha256 TEXT NOT NULL,
            sha512_256 TEXT NOT NULL,
            realm TEXT NOT NULL,
            level TEXT NOT NULL,
            account TEXT,
            call_limit INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE binding (
            number TEXT NOT NULL,
            contact BLOB NOT NULL,
            transport INTEGER NOT NULL,
            listener INTEGER NOT NULL,
            address_high INTEGER NOT NULL,
            address_low INTEGER NOT NULL,
            port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
            expires INTEGER NOT NULL,
            call_id BLOB NOT NULL,
            cseq INTEGER NOT NULL CHECK (cseq BETWEEN 0 AND 4294967295),
            user_agent TEXT NOT NULL,
            PRIMARY KEY (number, contact)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE account (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            parent TEXT REFERENCES account (id),
            kind TEXT NOT NULL CHECK (kind IN ('prepaid', 'postpaid')),
            credit_limit INTEGER NOT NULL CHECK (credit_limit >= 0),
            balance INTEGER NOT NULL DEFAULT 0,
            currency TEXT NOT NULL,
            is_blocked INTEGER NOT NULL CHECK (is_blocked IN (0, 1)),
            version INTEGER NOT NULL,
            CHECK (kind = 'postpaid' OR credit_limit = 0),
            CONSTRAINT no_account_overspends CHECK (balance + credit_limit >= 0)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE posting (
            entry INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            account TEXT NOT NULL REFERENCES account (id),
            kind TEXT NOT NULL CHECK (kind IN ('topup', 'refund', 'adjustment', 'charge')),
            amount INTEGER NOT NULL CHECK (amount <> 0),
            balance_after INTEGER NOT NULL,
            at INTEGER NOT NULL,
            call INTEGER,
            note TEXT NOT NULL,
            CHECK (kind <> 'charge' OR (amount < 0 AND call IS NOT NULL)),
            CHECK (kind NOT IN ('topup', 'refund') OR amount > 0)
        ) STRICT;
        CREATE INDEX posting_by_account ON posting (account, at);
        CREATE INDEX posting_not_of_call ON posting (id) WHERE kind <> 'charge';
        CREATE TRIGGER posting_is_never_changed BEFORE UPDATE ON posting
            BEGIN SELECT RAISE(ABORT, 'a posting is never changed'); END;
        CREATE TRIGGER posting_is_never_removed BEFORE DELETE ON posting
            BEGIN SELECT RAISE(ABORT, 'a posting is never removed'); END;

        CREATE TABLE record (
            sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
            \(recordColumns),
            UNIQUE (call),
            CHECK (ended IS NOT NULL AND disposition IS NOT NULL),
            CONSTRAINT only_answered_calls_cost CHECK (charge = 0 OR disposition = 'ANSWERED')
        ) STRICT;
        CREATE INDEX record_by_start ON record (started);
        CREATE INDEX record_by_caller ON record (caller, started);
        CREATE INDEX record_by_normalised ON record (normalised, started);
        CREATE INDEX record_by_dialled ON record (dialled, started) WHERE dialled <> normalised;
        CREATE INDEX record_by_route ON record (route, started) WHERE route IS NOT NULL;
        CREATE INDEX record_by_cause ON record (q850_cause, started)
            WHERE q850_cause IS NOT NULL AND q850_cause <> 16;
        CREATE INDEX record_by_account ON record (account, started) WHERE account <> caller;
        CREATE TRIGGER record_is_never_changed BEFORE UPDATE ON record
            BEGIN SELECT RAISE(ABORT, 'a closed record is never changed'); END;

        -- Lines and trunks that were tried and did not carry the call.
        CREATE TABLE tried_route (
            route TEXT NOT NULL,
            started INTEGER NOT NULL,
            sequence INTEGER NOT NULL REFERENCES record (sequence),
            PRIMARY KEY (route, started, sequence)
        ) STRICT, WITHOUT ROWID;

        -- The journal: calls that were answered and are not closed.
        CREATE TABLE running_call (
            \(recordColumns),
            payer TEXT,
            reserved INTEGER NOT NULL CHECK (reserved >= 0),
            held_prefix TEXT,
            state BLOB NOT NULL,
            PRIMARY KEY (call)
        ) STRICT;

        CREATE TABLE tariff (
            deck INTEGER NOT NULL,
            prefix TEXT NOT NULL,
            name TEXT NOT NULL,
            connect_fee INTEGER NOT NULL,
            steps TEXT NOT NULL,
            PRIMARY KEY (deck, prefix)
        ) STRICT, WITHOUT ROWID;

        -- What could not be stored because it contradicts what is stored: see Writer.
        CREATE TABLE refused_commit (
            entry INTEGER PRIMARY KEY,
            start INTEGER NOT NULL,
            ticket INTEGER NOT NULL,
            at INTEGER NOT NULL,
            reason TEXT NOT NULL,
            changes TEXT NOT NULL
        ) STRICT;
        """

    /// What a record and the journal say of a price and of where the call comes from.
    private static func priceColumns(of table: String) -> String {
        """
        ALTER TABLE \(table) ADD COLUMN linked_call INTEGER;
        ALTER TABLE \(table) ADD COLUMN link TEXT
            CHECK (link IN ('forwarded', 'transferred'));
        ALTER TABLE \(table) ADD COLUMN charged_extension TEXT;
        ALTER TABLE \(table) ADD COLUMN basis TEXT;
        """
    }

    private static let postingColumns = """
        entry INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        account TEXT NOT NULL REFERENCES account (id),
        kind TEXT NOT NULL CHECK (kind IN
            ('topup', 'refund', 'adjustment', 'voucher', 'renewal', 'charge')),
        amount INTEGER NOT NULL CHECK (amount <> 0),
        balance_after INTEGER NOT NULL,
        at INTEGER NOT NULL,
        call INTEGER,
        note TEXT NOT NULL,
        operator TEXT NOT NULL,
        CHECK (kind <> 'charge' OR (amount < 0 AND call IS NOT NULL)),
        CHECK (kind IN ('adjustment', 'charge') OR amount > 0)
        """

    private static let charging = """
        \(priceColumns(of: "record"))
        \(priceColumns(of: "running_call"))

        ALTER TABLE account ADD COLUMN expires INTEGER;
        ALTER TABLE account ADD COLUMN low_mark INTEGER;
        ALTER TABLE account ADD COLUMN plan TEXT;
        ALTER TABLE account ADD COLUMN call_limit INTEGER;
        ALTER TABLE account ADD COLUMN hour_limit INTEGER;
        ALTER TABLE account ADD COLUMN day_limit INTEGER;
        ALTER TABLE account ADD COLUMN renewal TEXT CHECK (renewal IN ('day', 'month'));
        ALTER TABLE account ADD COLUMN renewed_in INTEGER NOT NULL DEFAULT -2147483648;

        -- More kinds of postings, and who made them: a check cannot be altered in place.
        CREATE TABLE new_posting (\(postingColumns)) STRICT;
        INSERT INTO new_posting SELECT *, '' FROM posting;
        DROP TABLE posting;
        ALTER TABLE new_posting RENAME TO posting;
        CREATE INDEX posting_by_account ON posting (account, at, kind, amount);
        CREATE INDEX posting_not_of_call ON posting (id) WHERE kind <> 'charge';

        -- Old postings, out of the way of the new ones and as unchangeable.
        CREATE TABLE posting_archive (\(postingColumns)) STRICT;
        CREATE INDEX archive_by_account ON posting_archive (account, at, kind, amount);
        CREATE INDEX archive_not_of_call ON posting_archive (id) WHERE kind <> 'charge';
        CREATE VIEW every_posting AS
            SELECT * FROM posting UNION ALL SELECT * FROM posting_archive;

        CREATE TRIGGER posting_is_never_changed BEFORE UPDATE ON posting
            BEGIN SELECT RAISE(ABORT, 'a posting is never changed'); END;
        CREATE TRIGGER posting_is_never_removed BEFORE DELETE ON posting
            WHEN NOT EXISTS (SELECT 1 FROM posting_archive WHERE id = OLD.id)
            BEGIN SELECT RAISE(ABORT, 'a posting is never removed'); END;
        CREATE TRIGGER posting_is_not_repeated BEFORE INSERT ON posting
            WHEN NEW.kind <> 'charge' AND EXISTS
                (SELECT 1 FROM posting_archive WHERE id = NEW.id)
            BEGIN SELECT RAISE(IGNORE); END;
        CREATE TRIGGER archive_is_never_changed BEFORE UPDATE ON posting_archive
            BEGIN SELECT RAISE(ABORT, 'a posting is never changed'); END;
        CREATE TRIGGER archive_is_never_removed BEFORE DELETE ON posting_archive
            BEGIN SELECT RAISE(ABORT, 'a posting is never removed'); END;

        CREATE TABLE voucher (
            key TEXT PRIMARY KEY,
            batch TEXT NOT NULL,
            serial INTEGER NOT NULL CHECK (serial > 0),
            amount INTEGER NOT NULL CHECK (amount > 0),
            currency TEXT NOT NULL,
            expires INTEGER,
            UNIQUE (batch, serial)
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER voucher_is_never_changed BEFORE UPDATE ON voucher
            BEGIN SELECT RAISE(ABORT, 'a voucher is never changed'); END;

        CREATE TABLE spending_hold (
            kind TEXT NOT NULL CHECK (kind IN ('account', 'extension')),
            subject TEXT NOT NULL,
            reason TEXT NOT NULL,
            operator TEXT NOT NULL,
            since INTEGER NOT NULL,
            released INTEGER,
            PRIMARY KEY (kind, subject)
        ) STRICT, WITHOUT ROWID;

        ALTER TABLE tariff ADD COLUMN terms TEXT NOT NULL DEFAULT '';
        -- The price lists that are whole; the calendar is the head of a tariff file.
        CREATE TABLE tariff_deck (
            deck INTEGER PRIMARY KEY,
            plan TEXT NOT NULL,
            via TEXT,
            valid_from INTEGER NOT NULL,
            source TEXT NOT NULL,
            calendar TEXT NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX tariff_deck_once ON tariff_deck (plan, coalesce(via, ''), valid_from);
        INSERT INTO tariff_deck
            SELECT value, 'standard', NULL, 0, '', '' FROM state WHERE name = 'tariff_deck'
            AND EXISTS (SELECT 1 FROM tariff WHERE deck = value);
        DELETE FROM state WHERE name = 'tariff_deck';
        """
}
