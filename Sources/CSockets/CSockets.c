#define _GNU_SOURCE
#include "CSockets.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

_Static_assert(sizeof(struct csockets_message) == sizeof(struct mmsghdr), "same layout");
_Static_assert(
    __builtin_offsetof(struct csockets_message, length)
        == __builtin_offsetof(struct mmsghdr, msg_len),
    "same layout");

int csockets_receive(int descriptor, struct csockets_message *messages, unsigned int count) {
    return recvmmsg(descriptor, (struct mmsghdr *)messages, count, MSG_DONTWAIT, NULL);
}

int csockets_send(int descriptor, struct csockets_message *messages, unsigned int count) {
    return sendmmsg(
        descriptor, (struct mmsghdr *)messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int csockets_take_error(
    int descriptor, struct csockets_error *error, void *quote, size_t capacity) {
    char control[512];
    struct iovec vector = {.iov_base = quote, .iov_len = capacity};
    struct msghdr header = {
        .msg_name = &error->destination,
        .msg_namelen = sizeof error->destination,
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };
    memset(error, 0, sizeof *error);
    ssize_t quoted = recvmsg(descriptor, &header, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (quoted < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    }
    error->quoted = (int)quoted;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&header); part != NULL;
         part = CMSG_NXTHDR(&header, part)) {
        int is_v4 = part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR;
        int is_v6 = part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_RECVERR;
        if (!is_v4 && !is_v6) continue;
        struct sock_extended_err details;
        memcpy(&details, CMSG_DATA(part), sizeof details);
        error->error_number = (int)details.ee_errno;
        error->origin = details.ee_origin;
        error->type = details.ee_type;
        error->code = details.ee_code;
    }
    return 1;
}

int csockets_prepare_datagrams(int descriptor, int family) {
    int on = 1;
    if (family == AF_INET) {
        int discover = IP_PMTUDISC_DONT;
        if (setsockopt(descriptor, IPPROTO_IP, IP_RECVERR, &on, sizeof on) < 0) return -1;
        return setsockopt(
            descriptor, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof discover);
    }
    int discover = IPV6_PMTUDISC_DONT;
    if (setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0) return -1;
    if (setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on) < 0) return -1;
    return setsockopt(
        descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &discover, sizeof discover);
}

void csockets_set_buffer(int descriptor, int for_receiving, int bytes) {
    int forced = for_receiving ? SO_RCVBUFFORCE : SO_SNDBUFFORCE;
    int plain = for_receiving ? SO_RCVBUF : SO_SNDBUF;
    if (setsockopt(descriptor, SOL_SOCKET, forced, &bytes, sizeof bytes) < 0) {
        setsockopt(descriptor, SOL_SOCKET, plain, &bytes, sizeof bytes);
    }
}

int csockets_make_event(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
