import NIOCore
import NIOSSL

/// Who we are over TLS, and whom we trust: read from files, and read again at a reload.
///
/// A peer that shows a certificate has to show a good one, on both sides. Phones show none, and are
/// asked for none: some of them would ask their users. The certificate of whoever we connect to has
/// to name what we connect to.
public struct StreamTLS: Sendable {
    let server: NIOSSLContext
    /// Asks whoever connects for a certificate.
    let asking: NIOSSLContext
    let client: NIOSSLContext

    /// Reads and checks the files. Blocks on the disk.
    ///
    /// - Parameters:
    ///   - certificate: our certificate and those up to its authority, PEM.
    ///   - key: its private key, PEM.
    ///   - trust: the certificates of authorities that trunks' certificates are signed by, PEM; nil
    ///     takes those of the system.
    /// - Throws: `StreamError` that names the file and what is wrong with it.
    public init(certificate: String, key: String, trust: String?) throws {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMFile(certificate)
        } catch {
            throw StreamError("\(certificate) is no certificate in PEM form, or cannot be read")
        }
        guard !chain.isEmpty else { throw StreamError("\(certificate) holds no certificate") }
        let privateKey: NIOSSLPrivateKey
        do {
            privateKey = try NIOSSLPrivateKey(file: key, format: .pem)
        } catch {
            throw StreamError("\(key) is no private key in PEM form, or cannot be read")
        }
        var roots = NIOSSLTrustRoots.default
        if let trust {
            do {
                roots = .certificates(try NIOSSLCertificate.fromPEMFile(trust))
            } catch {
                throw StreamError("\(trust) holds no certificates in PEM form, or cannot be read")
            }
        }
        var serving = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
        serving.minimumTLSVersion = .tlsv12
        serving.trustRoots = roots
        var asking = serving
        asking.certificateVerification = .optionalVerification
        var calling = TLSConfiguration.makeClientConfiguration()
        calling.minimumTLSVersion = .tlsv12
        calling.trustRoots = roots
        calling.certificateVerification = .fullVerification
        calling.certificateChain = chain.map { .certificate($0) }
        calling.privateKey = .privateKey(privateKey)
        do {
            server = try NIOSSLContext(configuration: serving)
            self.asking = try NIOSSLContext(configuration: asking)
            client = try NIOSSLContext(configuration: calling)
        } catch {
            throw StreamError(
                "\(certificate) and \(key) do not belong together, or one of them is not sound")
        }
    }
}

extension NIOSSLCertificate {
    /// The DNS names that it is for, in lower case.
    var hostNames: [String] {
        _subjectAlternativeNames().compactMap { name in
            guard name.nameType == .dnsName else { return nil }
            return String(decoding: name.contents, as: UTF8.self).lowercased()
        }
    }
}
