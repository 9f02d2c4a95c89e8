#ifndef CSQLITESETTINGS_H
#define CSQLITESETTINGS_H

/// sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0), which Swift cannot call since it takes what it likes:
/// no count of allocated memory is kept, and no lock taken for it at each allocation. SQLITE_OK, or
/// SQLITE_MISUSE once a database was opened in this process; the library works either way.
int csqlite_count_no_memory(void);

#endif
