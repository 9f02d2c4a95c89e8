extension Plan {
    /// The digits of a dialled string that are a PIN or a voucher, or that somebody who mistook the code may have
    /// meant as one. Whoever writes the string down, or shows it, masks them.
    ///
    /// Looks at what begins with a key of a feature code only, and then at every code with a PIN in it.
    public func secrets(in dialled: String, by caller: Caller) -> [String] {
        if branches.isEmpty { return secrets(in: dialled) }
        let plan = caller.number.map(own) ?? self
        return plan.secrets(in: dialled)
    }

    /// How the PINs of a site are guarded: that of the extension.
    public func pinPolicy(of extension: String) -> PINPolicy { own(`extension`).pinPolicy }

    /// The plan of an extension's own site.
    func own(_ extension: String) -> Plan {
        if hasOwnExtension(`extension`) { return self }
        return branches.first { $0.hasOwnExtension(`extension`) } ?? self
    }

    private func secrets(in dialled: String) -> [String] {
        let number: DialString
        do throws(DialString.Mistake) {
            number = try DialString(cleaning: dialled)
        } catch {
            // No code could be read either.
            return []
        }
        guard tables.calls.featureKeys.contains(number[0]) else { return [] }
        if let feature = tables.calls.features.first(where: { $0.match(number) != nil }) {
            return secrets(in: number, by: feature)
        }
        // A code that was mistaken: what is long enough may have been meant as a PIN.
        for feature in tables.calls.features {
            let secrets = secrets(in: number, by: feature)
                .filter { $0.utf8.count >= pinPolicy.digits.lowerBound }
            if !secrets.isEmpty { return secrets }
        }
        return []
    }

    /// Reads as much of a code as is there; the PIN may be the last that is.
    private func secrets(in number: DialString, by feature: FeatureTable) -> [String] {
        let isVoucher = feature.feature == .redeem
        guard isVoucher || feature.pieces.contains(.argument(.pin)) else { return [] }
        var secrets: [String] = []
        var place = 0
        for index in feature.pieces.indices where place < number.count {
            switch feature.pieces[index] {
            case .key(let key):
                guard number[place] == key else { return secrets }
                place += 1
            case .argument(let argument):
                let start = place
                while place < number.count, number[place] <= 9 { place += 1 }
                let text = number.text(start..<place)
                switch argument {
                case .pin: secrets.append(text)
                // A PIN in the place of the extension.
                case .extension where !hasExtension(text) && !isElsewhere(text):
                    secrets.append(text)
                case .code where isVoucher: secrets.append(text)
                case .extension, .number, .code: break
                }
            }
        }
        return secrets.filter { !$0.isEmpty }
    }
}
