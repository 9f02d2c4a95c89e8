#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "CSNMP.h"

int snmp_read_integer(
    const char *peer, int version, const char *community, const unsigned long *name, size_t length,
    long timeout_us, int retries, int64_t *value, char *failure, size_t capacity)
{
    struct snmp_session wish;
    snmp_sess_init(&wish);
    wish.version = version == 1 ? SNMP_VERSION_1 : SNMP_VERSION_2c;
    wish.peername = (char *)peer;
    wish.community = (u_char *)community;
    wish.community_len = strlen(community);
    wish.timeout = timeout_us;
    wish.retries = retries;
    void *session = snmp_sess_open(&wish);
    if (session == NULL) {
        snprintf(failure, capacity, "%s", snmp_api_errstring(snmp_errno));
        return -1;
    }
    struct snmp_pdu *request = snmp_pdu_create(SNMP_MSG_GET);
    snmp_add_null_var(request, name, length);
    struct snmp_pdu *response = NULL;
    int status = snmp_sess_synch_response(session, request, &response);
    int result = -1;
    if (status == STAT_TIMEOUT) {
        snprintf(failure, capacity, "no answer");
    } else if (status != STAT_SUCCESS || response == NULL) {
        snprintf(failure, capacity, "the request failed");
    } else if (response->errstat != SNMP_ERR_NOERROR) {
        snprintf(failure, capacity, "%s", snmp_errstring((int)response->errstat));
    } else if (response->variables == NULL || response->variables->type != ASN_INTEGER) {
        snprintf(failure, capacity, "there is no such value");
    } else {
        *value = *response->variables->val.integer;
        result = 0;
    }
    if (response != NULL) snmp_free_pdu(response);
    snmp_sess_close(session);
    return result;
}

void snmp_keep_quiet(void)
{
    snmp_disable_log();
}
