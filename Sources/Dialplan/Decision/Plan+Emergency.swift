extension Plan {
    /// Whether dialling this calls an emergency number, as `decide` would find it for a caller whom
    /// nothing hinders. Costs about as much as bringing the number to its form.
    public func isEmergency(_ dialled: String) -> Bool {
        var steps: [Step] = []
        switch read(dialled, &steps) {
        case .emergency: return true
        case .number, .feature, .unreadable: return false
        }
    }
}
