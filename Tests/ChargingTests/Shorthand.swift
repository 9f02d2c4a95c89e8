import Charging

/// An amount as a literal of a test: `yuan("0.22")`.
func yuan(_ text: String) -> Amount {
    guard let amount = Amount(text) else { preconditionFailure("\(text) is no amount") }
    return amount
}

/// A row with steps as a tariff file writes them, without limits checked.
func row(_ prefix: String, _ steps: String = "0.07/6", fee: String = "0", name: String = "name")
    -> TariffRow
{
    let steps = steps.split(separator: " ").map { step in
        let parts = step.split(separator: "/")
        guard parts.count == 2, let seconds = Int(parts[1]) else {
            preconditionFailure("\(step) is no step")
        }
        return TariffRow.Step(seconds: seconds, price: yuan(String(parts[0])))
    }
    return TariffRow(prefix: prefix, name: name, connectFee: yuan(fee), steps: steps)
}
