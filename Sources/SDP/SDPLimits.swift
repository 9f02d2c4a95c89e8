/// What a session description may take.
public enum SDPLimits {
    public static let bytes = 32_768
    /// `m=` lines. Phones send up to five.
    public static let media = 32
}
