#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "CSNMP.h"

/// Fills in the user of SNMPv3 and its keys (RFC 3414 §2.6, §A.2). Returns less than 0 with a failure.
static int set_user(
    struct snmp_session *wish, const struct snmp_access *access, char *failure, size_t capacity)
{
    wish->version = SNMP_VERSION_3;
    wish->securityName = (char *)access->user;
    wish->securityNameLen = strlen(access->user);
    wish->securityLevel = SNMP_SEC_LEVEL_NOAUTH;
    if (access->authentication == NULL) return 0;

    int type = usm_lookup_auth_type(access->authentication);
    wish->securityAuthProto = type < 0 ? NULL : sc_get_auth_oid(type, &wish->securityAuthProtoLen);
    if (wish->securityAuthProto == NULL) {
        snprintf(failure, capacity, "net-snmp knows no %s", access->authentication);
        return -1;
    }
    wish->securityLevel = SNMP_SEC_LEVEL_AUTHNOPRIV;
    wish->securityAuthKeyLen = USM_AUTH_KU_LEN;
    const char *password = access->authentication_password;
    if (generate_Ku(
            wish->securityAuthProto, wish->securityAuthProtoLen, (u_char *)password,
            strlen(password), wish->securityAuthKey, &wish->securityAuthKeyLen)
        != SNMPERR_SUCCESS) {
        snprintf(failure, capacity, "no key can be made of the password");
        return -1;
    }
    if (access->privacy == NULL) return 0;

    type = usm_lookup_priv_type(access->privacy);
    wish->securityPrivProto = type < 0 ? NULL : sc_get_priv_oid(type, &wish->securityPrivProtoLen);
    if (wish->securityPrivProto == NULL) {
        snprintf(failure, capacity, "net-snmp knows no %s", access->privacy);
        return -1;
    }
    wish->securityLevel = SNMP_SEC_LEVEL_AUTHPRIV;
    wish->securityPrivKeyLen = USM_PRIV_KU_LEN;
    password = access->privacy_password;
    if (generate_Ku(
            wish->securityAuthProto, wish->securityAuthProtoLen, (u_char *)password,
            strlen(password), wish->securityPrivKey, &wish->securityPrivKeyLen)
        != SNMPERR_SUCCESS) {
        snprintf(failure, capacity, "no key can be made of the privacy password");
        return -1;
    }
    return 0;
}

/// A user that is known keeps the keys it was first made with, and passwords change.
static void forget_users(void)
{
    struct usmUser *user;
    while ((user = usm_get_userList()) != NULL) {
        usm_remove_user(user);
        usm_free_user(user);
    }
}

int snmp_read_integer(
    const char *peer, const struct snmp_access *access, const unsigned long *name, size_t length,
    long timeout_us, int retries, int64_t *value, char *failure, size_t capacity)
{
    struct snmp_session wish;
    snmp_sess_init(&wish);
    wish.peername = (char *)peer;
    wish.timeout = timeout_us;
    wish.retries = retries;
    if (access->version == 3) {
        if (set_user(&wish, access, failure, capacity) < 0) return -1;
        forget_users();
    } else {
        wish.version = access->version == 1 ? SNMP_VERSION_1 : SNMP_VERSION_2c;
        wish.community = (u_char *)access->community;
        wish.community_len = strlen(access->community);
    }
    // With version 3 this asks the agent who it is (RFC 3414 §4).
    void *session = snmp_sess_open(&wish);
    if (session == NULL) {
        const char *text = snmp_api_errstring(snmp_errno);
        snprintf(failure, capacity, "%s", strcmp(text, "Timeout") == 0 ? "no answer" : text);
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
        int error = 0;
        char *text = NULL;
        snmp_sess_error(session, NULL, &error, &text);
        snprintf(failure, capacity, "%s", text != NULL ? text : "the request failed");
        free(text);
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

void snmp_prepare(void)
{
    snmp_disable_log();
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
    setenv("MIBS", "", 1);
    init_snmp("tandem");
    snmp_disable_log();
}
