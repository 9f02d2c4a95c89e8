/// Finds the name somebody meant.
enum Spelling {
    /// `did you mean "realm"?`, or the whole list where nothing is near.
    static func advice(for word: String, among names: [String]) -> String? {
        guard !names.isEmpty else { return nil }
        if let near = nearest(to: word, among: names) { return "did you mean \"\(near)\"?" }
        return "known here: \(names.joined(separator: ", "))"
    }

    /// The name that the fewest changes of a letter lead to, when a third of the letters stays out
    /// of it; the first of several in the order of `names`.
    static func nearest(to word: String, among names: [String]) -> String? {
        let word = normal(word)
        var best: (name: String, distance: Int)?
        for name in names {
            let distance = distance(word, normal(name))
            if distance <= max(1, name.count / 3), distance < best?.distance ?? .max {
                best = (name, distance)
            }
        }
        return best?.name
    }

    /// `noAnswer`, `no_answer` and `no-answer` are spellings of one name.
    private static func normal(_ word: String) -> [Character] {
        word.lowercased().filter { $0 != "_" && $0 != "-" }.map { $0 }
    }

    /// Levenshtein's distance with the swap of two neighbours as one change.
    private static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var beforePrevious: [Int] = []
        var previous = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var cost = min(
                    previous[j + 1] + 1, row[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    cost = min(cost, beforePrevious[j - 1] + 1)
                }
                row.append(cost)
            }
            beforePrevious = previous
            previous = row
        }
        return previous[b.count]
    }
}
