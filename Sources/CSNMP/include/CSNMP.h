// One SNMP GET by net-snmp's library, whose own headers do not agree with Swift's view of the C library.
#ifndef CSNMP_H
#define CSNMP_H
#include <stddef.h>
#include <stdint.h>

/// Reads one integer, on a session of its own, so that any thread may. Blocks until it is there.
///
/// - peer: `udp:192.0.2.7:161`
/// - version: 1 for SNMPv1, 2 for SNMPv2c
/// - name: the object identifier, `length` numbers
/// - failure: why not, in words, when it returns less than 0.
int snmp_read_integer(
    const char *peer, int version, const char *community, const unsigned long *name,
    size_t length, long timeout_us, int retries, int64_t *value, char *failure,
    size_t capacity);

/// The library writes no complaints of its own to standard error.
void snmp_keep_quiet(void);

#endif
