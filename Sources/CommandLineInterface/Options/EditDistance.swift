/// How far two words are apart in typing errors: for "did you mean".
enum EditDistance {
    /// The number of letters to insert, delete, replace or swap with their neighbour.
    static func between(_ left: String, _ right: String) -> Int {
        let left = Array(left.lowercased().unicodeScalars)
        let right = Array(right.lowercased().unicodeScalars)
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                let replaced = last[column] + (left[row] == right[column] ? 0 : 1)
                var best = min(replaced, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }

    /// The candidate nearest to the word, if any is near enough to have been meant.
    static func nearest(to word: String, in candidates: some Sequence<String>) -> String? {
        // Longer words are only typed by somebody who means mischief, and cost time by their square.
        guard (1...64).contains(word.count) else { return nil }
        let allowed = max(1, word.count / 3)
        var best: (distance: Int, candidate: String)?
        for candidate in candidates where abs(candidate.count - word.count) <= allowed {
            let distance = between(word, candidate)
            if distance <= allowed, distance < best?.distance ?? .max { best = (distance, candidate) }
        }
        return best?.candidate
    }
}
