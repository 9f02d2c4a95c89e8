/// The system's random source.
enum SystemRandom {
    /// Bytes fit for keys: `getrandom(2)`.
    static func bytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
