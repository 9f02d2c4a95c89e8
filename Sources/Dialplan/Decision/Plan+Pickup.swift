// Who may answer what rings at another phone, by a feature code or by its line key.

/// Why an extension may answer what rings at another, or that it may not.
public enum PickupRight: Hashable, Sendable {
    /// It rings at the extension itself.
    case own
    /// Both are in this group.
    case common(group: String, place: Place)
    /// The plan says so of this group, that the picker is in.
    case granted(group: String, place: Place)
    case none

    public var isGiven: Bool { self != .none }
}

extension Plan {
    /// The right of one extension to answer what rings at another. By whatever a user asks for it, the
    /// same rule holds: they have a group in common, or one of the picker's groups says `picks-up`.
    public func pickup(at number: String, by picker: String) -> PickupRight {
        if number == picker { return .own }
        guard let at = PackedNumber(number), let by = PackedNumber(picker) else { return .none }
        return pickup(at: at, by: by)
    }

    private func pickup(at number: PackedNumber, by picker: PackedNumber) -> PickupRight {
        let own = tables.calls.groupIndex.find(picker).map { tables.calls.groups[Int($0)] }
        if let group = own.first(where: { $0.contains(number) }) {
            return .common(group: group.name, place: group.place)
        }
        let granting = own.first { group in group.picksUp.contains { $0.contains(number) } }
        if let group = granting { return .granted(group: group.name, place: group.place) }
        for branch in branches {
            let right = branch.pickup(at: number, by: picker)
            if right.isGiven { return right }
        }
        return .none
    }
}
