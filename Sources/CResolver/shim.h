// The C library's resolver (libresolv): questions to name servers, and the records of their answers.
// Its state and its records are reached through macros and unions that Swift does not see.
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/// One record of an answer.
struct resolver_record {
    int type;
    uint32_t ttl;
    /// Of SRV; of NAPTR the order and the preference stand in the first two.
    uint16_t priority, weight, port;
    /// Of SRV and NAPTR: the name it leads to, without the last dot; empty for the root.
    char target[NS_MAXDNAME];
    /// Of NAPTR (RFC 3403 §4.1).
    char flags[256], service[256];
    /// Of NAPTR: it would rewrite the name by a pattern.
    int has_pattern;
    /// Of A 4 bytes, of AAAA 16.
    uint8_t address[16];
};

/// Asks for one type of record.
///
/// - servers: whom to ask, each a sockaddr_in or sockaddr_in6; none is as resolv.conf says.
/// Returns the length of the answer, or less than 0: minus the h_errno of the failure.
static inline int resolver_ask(
    const struct sockaddr_storage *servers, int count, const char *name, int type,
    uint8_t *answer, int capacity)
{
    struct __res_state state;
    memset(&state, 0, sizeof state);
    if (res_ninit(&state) != 0) return -NO_RECOVERY;
    state.retrans = 2;
    state.retry = 2;
    if (count > MAXNS) count = MAXNS;
    for (int place = 0; place < count; place++) {
        if (servers[place].ss_family == AF_INET) {
            memcpy(&state.nsaddr_list[place], &servers[place], sizeof(struct sockaddr_in));
        } else {
            // Where a place of the old list has no family, the resolver looks here, and frees it.
            struct sockaddr_in6 *copy = malloc(sizeof *copy);
            if (copy == NULL) { res_nclose(&state); return -NO_RECOVERY; }
            memcpy(copy, &servers[place], sizeof *copy);
            state.nsaddr_list[place].sin_family = 0;
            state._u._ext.nsaddrs[place] = copy;
        }
    }
    if (count > 0) state.nscount = count;
    int length = res_nquery(&state, name, ns_c_in, type, answer, capacity);
    int failure = state.res_h_errno;
    res_nclose(&state);
    if (length >= 0) return length > capacity ? capacity : length;
    return failure > 0 ? -failure : -TRY_AGAIN;
}

/// Takes a character-string (RFC 1035 §3.3) from `*data`, which ends before `end`.
///
/// Returns its length, or -1 when it is not whole.
static inline int resolver_text(const uint8_t **data, const uint8_t *end, char *text)
{
    if (*data >= end || *data + 1 + **data > end) return -1;
    int size = **data;
    memcpy(text, *data + 1, size);
    text[size] = 0;
    *data += 1 + size;
    return size;
}

/// Reads record number `index` of the answer's own section.
///
/// Returns 1, 0 behind the last one, or -1 when the answer is not whole.
static inline int resolver_read(
    const uint8_t *answer, int length, int index, struct resolver_record *record)
{
    ns_msg message;
    ns_rr found;
    memset(record, 0, sizeof *record);
    if (ns_initparse(answer, length, &message) != 0) return -1;
    if (index >= ns_msg_count(message, ns_s_an)) return 0;
    if (ns_parserr(&message, ns_s_an, index, &found) != 0) return -1;
    record->type = ns_rr_type(found);
    record->ttl = ns_rr_ttl(found);
    const uint8_t *data = ns_rr_rdata(found);
    int size = ns_rr_rdlen(found);
    if (record->type == ns_t_srv) {
        if (size < 7) return -1;
        record->priority = ns_get16(data);
        record->weight = ns_get16(data + 2);
        record->port = ns_get16(data + 4);
        if (ns_name_uncompress(
                ns_msg_base(message), ns_msg_end(message), data + 6, record->target,
                sizeof record->target) < 0) return -1;
        if (strcmp(record->target, ".") == 0) record->target[0] = 0;
    } else if (record->type == ns_t_naptr) {
        const uint8_t *end = data + size;
        char pattern[256];
        if (size < 8) return -1;
        record->priority = ns_get16(data);
        record->weight = ns_get16(data + 2);
        data += 4;
        if (resolver_text(&data, end, record->flags) < 0
            || resolver_text(&data, end, record->service) < 0) return -1;
        int length = resolver_text(&data, end, pattern);
        if (length < 0 || data >= end) return -1;
        record->has_pattern = length > 0;
        if (ns_name_uncompress(
                ns_msg_base(message), ns_msg_end(message), data, record->target,
                sizeof record->target) < 0) return -1;
        if (strcmp(record->target, ".") == 0) record->target[0] = 0;
    } else if (record->type == ns_t_a || record->type == ns_t_aaaa) {
        if (size != (record->type == ns_t_a ? 4 : 16)) return -1;
        memcpy(record->address, data, size);
    }
    return 1;
}
