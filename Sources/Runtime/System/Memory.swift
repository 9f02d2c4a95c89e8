import CMalloc

/// How the C library's allocator treats what was freed.
enum Memory {
    /// What a heap grows by at least, and may hold unused before it gives something back.
    private static let slackBytes: CInt = 32 << 20

    /// Keeps freed memory for the next call. Under load the heap breathes by megabytes with every
    /// group of commits; giving that back and asking for it again costs a system call and a page
    /// fault for each page.
    static func keepFreed() {
        mallopt(M_TRIM_THRESHOLD, slackBytes)
        mallopt(M_TOP_PAD, slackBytes)
        mallopt(M_MMAP_THRESHOLD, slackBytes)
    }
}
