// OpenSSL's libcrypto: the hashes of digest authentication (Debian: libssl-dev).
#include <openssl/err.h>
#include <openssl/evp.h>
