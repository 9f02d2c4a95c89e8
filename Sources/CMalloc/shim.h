// The C library's own knobs on its allocator, which Swift's Glibc module leaves out.
#include <malloc.h>
