#pragma once

#include <stddef.h>
#include <stdint.h>

/// How often memory was asked for, and how much of it. Counted for every allocation of the process,
/// the Swift runtime's among them: this library's `malloc` stands before libc's.
struct meter_allocations {
    uint64_t count;
    uint64_t bytes;
};

struct meter_allocations meter_allocations_so_far(void);

/// Bytes that are allocated and not freed, with the allocator's own few bytes for each.
size_t meter_bytes_in_use(void);

/// CPU time of the process, user and kernel, in nanoseconds.
int64_t meter_cpu_nanoseconds(void);

/// Two UDP sockets on loopback, the first connected to the second. -1 when the kernel refuses.
int meter_loopback_open(int sockets[2]);

/// Sends a datagram of `size` bytes by the first and receives it by the second, `times` times.
/// Returns how many arrived.
int64_t meter_loopback_exchange(const int sockets[2], size_t size, int64_t times);
