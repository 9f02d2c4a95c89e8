/// Certificates for tests, in PEM form, and nothing else: their key is no secret.
enum Certificates {
    /// Signs all of the others.
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBiTCCAS+gAwIBAgIUGK8TWqw6HCuZ/WwdxLLj/VD6q30wCgYIKoZIzj0EAwIw
        GTEXMBUGA1UEAwwOVGVzdCBhdXRob3JpdHkwIBcNMjYxMTMwMDA0ODE2WhgPMjEy
        NjExMDYwMDQ4MTZaMBkxFzAVBgNVBAMMDlRlc3QgYXV0aG9yaXR5MFkwEwYHKoZI
        zj0CAQYIKoZIzj0DAQcDQgAEvoyRq3AzHVKjaIcVx05AtIlIMv8yHh5F18uXEvRr
        mpCZW8+p0ntoyXv23XYMZjU6YcC85/wucv0GtQSezQq7A6NTMFEwHQYDVR0OBBYE
        FPZLomDK7KI9epaMcpyLay3gj1ABMB8GA1UdIwQYMBaAFPZLomDK7KI9epaMcpyL
        ay3gj1ABMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAI5WXPDi
        wEQLqbIAPsv/p09O9BFPy/+yMD0FHbNwyFyWAiA4j6d17NaMs30o5Cd82g+GWiGn
        nM/Jbq2kFNZXPzRZ2A==
        -----END CERTIFICATE-----
        """

    /// An authority that signs none of them.
    static let stranger = """
        -----BEGIN CERTIFICATE-----
        MIIBjjCCATWgAwIBAgIUKbE9/X2cN+B7m0iuMgfM7lSzc20wCgYIKoZIzj0EAwIw
        HDEaMBgGA1UEAwwRQW5vdGhlciBhdXRob3JpdHkwIBcNMjYxMTMwMDA0ODE2WhgP
        MjEyNjExMDYwMDQ4MTZaMBwxGjAYBgNVBAMMEUFub3RoZXIgYXV0aG9yaXR5MFkw
        EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECB81c5wA4DSDlzVaP0w37HeVVLnryvp5
        fJFwUrTwKJUbh1SsGvpCgPoHaq+K+/aU02qf3VgWCi4umkV8UzesAKNTMFEwHQYD
        VR0OBBYEFIw/yW3t+TARQVqwlz3cO6C0DGW5MB8GA1UdIwQYMBaAFIw/yW3t+TAR
        QVqwlz3cO6C0DGW5MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIg
        Nobk3UK00Zduembutwk9XJqQ979Dq5oNALHrZ6BmYgwCIB8hYJ7aTuSiwrvdoCKF
        Xb6y3PJxwTcoXNhir0zb/Sfy
        -----END CERTIFICATE-----
        """

    /// Of all four certificates.
    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjz+rOcvTsz0r/sCF
        QWdNzsC5bHQYFVC6srAoRyDTZamhRANCAARYu57tS91kFXSVaL6oVZQnVUwNO0be
        iv4PGJ98O7aN2AwzJ6n63dOT5U32DQMbZleqc3UNesN/99ldamUnG+ma
        -----END PRIVATE KEY-----
        """

    /// For sip.example.net and 127.0.0.1, until 2120.
    static let sound = """
        -----BEGIN CERTIFICATE-----
        MIIBhjCCASugAwIBAgIId3+7rRxPf2owCgYIKoZIzj0EAwIwGTEXMBUGA1UEAwwO
        VGVzdCBhdXRob3JpdHkwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBa
        MBAxDjAMBgNVBAMMBXNvdW5kMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWLue
        7UvdZBV0lWi+qFWUJ1VMDTtG3or+DxiffDu2jdgMMyep+t3Tk+VN9g0DG2ZXqnN1
        DXrDf/fZXWplJxvpmqNkMGIwIAYDVR0RBBkwF4IPc2lwLmV4YW1wbGUubmV0hwR/
        AAABMB0GA1UdDgQWBBRfT+vjx584eTYHrPc2fcv3y12ZZjAfBgNVHSMEGDAWgBT2
        S6JgyuyiPXqWjHKci2st4I9QATAKBggqhkjOPQQDAgNJADBGAiEA9gzG4BcRrorw
        ug+DJQUZwbQiWaVqlS3U6dWKxnWnGAkCIQDGSB4a67Z+zDMdHVW6GGinky9DDRlh
        rtoTnSvHJsFNMQ==
        -----END CERTIFICATE-----
        """

    /// The same, and for renewed.example.net.
    static let renewed = """
        -----BEGIN CERTIFICATE-----
        MIIBnDCCAUOgAwIBAgIJALmZOT+X3nNiMAoGCCqGSM49BAMCMBkxFzAVBgNVBAMM
        DlRlc3QgYXV0aG9yaXR5MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAw
        WjASMRAwDgYDVQQDDAdyZW5ld2VkMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
        WLue7UvdZBV0lWi+qFWUJ1VMDTtG3or+DxiffDu2jdgMMyep+t3Tk+VN9g0DG2ZX
        qnN1DXrDf/fZXWplJxvpmqN5MHcwNQYDVR0RBC4wLIIPc2lwLmV4YW1wbGUubmV0
        ghNyZW5ld2VkLmV4YW1wbGUubmV0hwR/AAABMB0GA1UdDgQWBBRfT+vjx584eTYH
        rPc2fcv3y12ZZjAfBgNVHSMEGDAWgBT2S6JgyuyiPXqWjHKci2st4I9QATAKBggq
        hkjOPQQDAgNHADBEAiAYTw0uIY01MOHAE+jvpVZ8DVFlT3CNgfLRWvI/pvHztgIg
        YlgPnnntg6YJI2FqIRdmvhqXQFO+mbRvzH7llHAOKdU=
        -----END CERTIFICATE-----
        """

    /// For other.example.net.
    static let other = """
        -----BEGIN CERTIFICATE-----
        MIIBgjCCASigAwIBAgIJAIlucMfaFdVoMAoGCCqGSM49BAMCMBkxFzAVBgNVBAMM
        DlRlc3QgYXV0aG9yaXR5MCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAw
        WjAQMQ4wDAYDVQQDDAVvdGhlcjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFi7
        nu1L3WQVdJVovqhVlCdVTA07Rt6K/g8Yn3w7to3YDDMnqfrd05PlTfYNAxtmV6pz
        dQ16w3/32V1qZScb6ZqjYDBeMBwGA1UdEQQVMBOCEW90aGVyLmV4YW1wbGUubmV0
        MB0GA1UdDgQWBBRfT+vjx584eTYHrPc2fcv3y12ZZjAfBgNVHSMEGDAWgBT2S6Jg
        yuyiPXqWjHKci2st4I9QATAKBggqhkjOPQQDAgNIADBFAiEA28IkkPKtIUKS9aHX
        pN+jySVYn/CWdGBly8/z3UpFC7ECIE7/HlY0w10z+uqmj9nhEuqRLTgs9Jd59O43
        kgEEE3p5
        -----END CERTIFICATE-----
        """

    /// For sip.example.net, until February 2020.
    static let expired = """
        -----BEGIN CERTIFICATE-----
        MIIBhjCCASygAwIBAgIJAJFiWCazF3q4MAoGCCqGSM49BAMCMBkxFzAVBgNVBAMM
        DlRlc3QgYXV0aG9yaXR5MB4XDTIwMDEwMTAwMDAwMFoXDTIwMDIwMTAwMDAwMFow
        EjEQMA4GA1UEAwwHZXhwaXJlZDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFi7
        nu1L3WQVdJVovqhVlCdVTA07Rt6K/g8Yn3w7to3YDDMnqfrd05PlTfYNAxtmV6pz
        dQ16w3/32V1qZScb6ZqjZDBiMCAGA1UdEQQZMBeCD3NpcC5leGFtcGxlLm5ldIcE
        fwAAATAdBgNVHQ4EFgQUX0/r48efOHk2B6z3Nn3L98tdmWYwHwYDVR0jBBgwFoAU
        9kuiYMrsoj16loxynItrLeCPUAEwCgYIKoZIzj0EAwIDSAAwRQIgXWNnlhJ5yw3S
        to+cbn/9BnPe2MPZ2WkYeDItM5nJ+AYCIQCRfrss9eRLE+umAOyO1jP8jMfW3zna
        GWVW+mYAKfqmdA==
        -----END CERTIFICATE-----
        """
}
