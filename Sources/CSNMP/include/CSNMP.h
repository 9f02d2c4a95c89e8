// One SNMP GET by net-snmp's library, whose own headers do not agree with Swift's view of the C library.
#ifndef CSNMP_H
#define CSNMP_H
#include <stddef.h>
#include <stdint.h>

/// Who asks, and how: SNMPv1 and v2c by a community, v3 by a user (RFC 3414). What is not used is NULL.
struct snmp_access {
    /// 1, 2 for v2c, or 3.
    int version;
    const char *community;
    const char *user;
    /// `SHA-256`; NULL where nothing is signed.
    const char *authentication;
    const char *authentication_password;
    /// `AES`; NULL where nothing is encrypted.
    const char *privacy;
    const char *privacy_password;
};

/// Reads one integer, on a session of its own, so that any thread may; but of those with version 3 one
/// at a time, since the library keeps its users in a table without a lock. Blocks until it is there.
///
/// - peer: `udp:192.0.2.7:161`
/// - name: the object identifier, `length` numbers
/// - failure: why not, in words, when it returns less than 0.
int snmp_read_integer(
    const char *peer, const struct snmp_access *access, const unsigned long *name, size_t length,
    long timeout_us, int retries, int64_t *value, char *failure, size_t capacity);

/// Makes the library ready, without files of its own: it reads no configuration and no MIBs, keeps
/// nothing on the disk and writes no complaints to standard error. To be called once, before the first read.
void snmp_prepare(void);

#endif
