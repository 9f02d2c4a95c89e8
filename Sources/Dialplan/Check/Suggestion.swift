/// The known name that is nearest to a mistyped one; nil when none is near enough.
///
/// Near enough is one edit in three letters, an exchange of neighbours counting as one.
func nearest(_ word: String, among names: some Sequence<String>) -> String? {
    let letters = Array(word.lowercased())
    let reach = max(1, letters.count / 3)
    var best: (name: String, distance: Int)?
    for name in names {
        let distance = editDistance(letters, Array(name.lowercased()))
        guard distance <= reach, distance < max(letters.count, 2) else { continue }
        if let found = best, found.distance <= distance { continue }
        best = (name, distance)
    }
    return best?.name
}

/// `did you mean "x"?`, or what there is to choose from, or nil when there is nothing.
func help(for word: String, among names: [String]) -> String? {
    if let name = nearest(word, among: names) { return "did you mean \"\(name)\"?" }
    guard !names.isEmpty else { return nil }
    let shown = names.prefix(8).joined(separator: ", ")
    return "known are \(shown)\(names.count > 8 ? " and others" : "")"
}

/// Insertions, deletions, replacements and exchanges of neighbours (optimal string alignment).
private func editDistance(_ a: [Character], _ b: [Character]) -> Int {
    guard abs(a.count - b.count) <= 8 else { return .max }
    var older: [Int] = []
    var old = Array(0...b.count)
    for i in 0..<a.count {
        var new = [i + 1]
        for j in 0..<b.count {
            var distance = min(old[j] + (a[i] == b[j] ? 0 : 1), old[j + 1] + 1, new[j] + 1)
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                distance = min(distance, older[j - 1] + 1)
            }
            new.append(distance)
        }
        older = old
        old = new
    }
    return old[b.count]
}
