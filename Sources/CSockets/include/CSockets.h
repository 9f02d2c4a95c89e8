#ifndef CSOCKETS_H
#define CSOCKETS_H

// The Linux calls that the Swift overlay of glibc does not show: batches of datagrams, the error
// queue of a socket, epoll and eventfd. Thin wrappers; every decision is made in Swift.

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/// `struct mmsghdr` under a name that does not need _GNU_SOURCE.
struct csockets_message {
    struct msghdr header;
    unsigned int length;
};

/// recvmmsg(2), never waiting. The number of messages, or -1 with errno.
int csockets_receive(int descriptor, struct csockets_message *messages, unsigned int count);

/// sendmmsg(2), never waiting. The number of messages, or -1 with errno.
int csockets_send(int descriptor, struct csockets_message *messages, unsigned int count);

/// One entry of a socket's error queue.
struct csockets_error {
    /// Where the datagram was going.
    struct sockaddr_storage destination;
    int error_number;
    /// SO_EE_ORIGIN_*: 1 this machine, 2 ICMP, 3 ICMPv6.
    int origin;
    int type;
    int code;
    /// How many bytes of the datagram's payload it quotes.
    int quoted;
};

/// Takes one entry off the error queue, and what it quotes of the payload as far as there is room.
/// 1, 0 when there is none, -1 with errno.
int csockets_take_error(
    int descriptor, struct csockets_error *error, void *quote, size_t capacity);

/// Asks for ICMP errors on an unconnected socket, and for fragments rather than failure when a
/// datagram is larger than the path carries. 0, or -1 with errno.
int csockets_prepare_datagrams(int descriptor, int family);

/// Sets a buffer size beyond the system's limit when this process may, else up to the limit.
void csockets_set_buffer(int descriptor, int for_receiving, int bytes);

/// A close-on-exec, non-blocking eventfd(2), or -1 with errno.
int csockets_make_event(void);

#endif
