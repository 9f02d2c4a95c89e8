import CLibcrypto
import SIP

/// The hashes of digest authentication, by OpenSSL's libcrypto.
enum Hashes {
    /// Looks the algorithms up once: a look-up costs more than a hash of a header.
    /// - Throws: `StartFailure` when libcrypto does not offer one, as MD5 in FIPS mode.
    static func libcrypto() throws(StartFailure) -> HashFunctions {
        let md5 = try Algorithm("MD5", count: 16)
        let sha256 = try Algorithm("SHA2-256", count: 32)
        let sha512t256 = try Algorithm("SHA2-512/256", count: 32)
        return HashFunctions(
            md5: { md5.hash($0) }, sha256: { sha256.hash($0) },
            sha512t256: { sha512t256.hash($0) })
    }

    /// A fetched algorithm. It is immutable and may be used by any thread (`EVP_MD_fetch(3)`).
    private final class Algorithm: @unchecked Sendable {
        private let digest: OpaquePointer
        private let count: Int

        init(_ name: String, count: Int) throws(StartFailure) {
            guard let digest = EVP_MD_fetch(nil, name, nil), EVP_MD_get_size(digest) == count
            else {
                throw StartFailure(
                    "libcrypto offers no \(name), which digest authentication needs (RFC 8760)")
            }
            self.digest = digest
            self.count = count
        }

        deinit { EVP_MD_free(digest) }

        func hash(_ bytes: [UInt8]) -> [UInt8] {
            [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                var written: UInt32 = 0
                let result = EVP_Digest(
                    bytes, bytes.count, buffer.baseAddress, &written, digest, nil)
                precondition(
                    result == 1 && Int(written) == count, "libcrypto could not hash")
                initialized = count
            }
        }
    }
}
