/// The sizes beyond which a plan or a number is refused.
public enum PlanLimits {
    /// Keys of a dialled number, after separators are taken out.
    public static let dialledKeys = 40
    /// Keys of a pattern.
    public static let patternKeys = 32
    /// How often normalising may rewrite one number.
    public static let rewrites = 16
    /// Bytes of one file.
    public static let fileBytes = 16 << 20
    /// Files that one plan includes.
    public static let includes = 64
    /// How often one call is sent on, by users and by the plan together.
    public static let diversions = 10
    /// Remarks shown in one check; what goes beyond is counted.
    public static let diagnostics = 200
    /// Dates of one range of dates.
    public static let datesInARow = 400
    /// Characters of a name.
    public static let nameLength = 64
}
