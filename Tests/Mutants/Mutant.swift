import Glibc

/// Which of the broken variants this process is: written into each module of the mutated copy, since
/// they share nothing. Zero is none of them.
enum Mutant {
    private static let active: Int =
        getenv("TANDEM_MUTANT").flatMap { Int(String(cString: $0)) } ?? 0

    static func isActive(_ number: Int) -> Bool { active == number }
}
