// The allocator that stands before the C library's. A call makes and frees some hundred buffers, many
// of them made by the loop and freed by the store's thread, which it handles at half the cost.
#include <jemalloc/jemalloc.h>
