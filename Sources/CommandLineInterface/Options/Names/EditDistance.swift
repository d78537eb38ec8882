/// The number of typing errors between two words: for "did you mean".
enum EditDistance {
    /// The number of letters to insert, delete, replace or swap with their neighbour. Case makes no difference; a
    /// letter beyond ASCII counts as its bytes.
    static func between(_ left: String, _ right: String) -> Int {
        var comparison = Comparison(of: left)
        comparison.take(right)
        return comparison.distance(upTo: .max)
    }

    /// The candidate nearest to the word, if any is near enough to have been meant.
    static func nearest(to word: String, in candidates: some Sequence<String>) -> String? {
        var comparison = Comparison(of: word)
        // Longer words are only typed by somebody who means mischief, and cost time by their square.
        guard (1...64).contains(comparison.word.count) else { return nil }
        var allowed = max(1, comparison.word.count / 3)
        var best: String?
        for candidate in candidates {
            comparison.take(candidate)
            let distance = comparison.distance(upTo: allowed)
            if distance <= allowed {
                // From here on only what is nearer is better.
                (best, allowed) = (candidate, distance - 1)
            }
        }
        return best
    }

    /// One word against many: the dictionary has 5,000, so nothing is allocated for each, and a hopeless one is given
    /// up early.
    private struct Comparison {
        let word: [UInt8]
        private var candidate: [UInt8] = []
        private var beforeLast: [Int] = []
        private var last: [Int] = []
        private var current: [Int] = []

        init(of word: String) {
            self.word = word.utf8.map(Self.lowercased)
        }

        mutating func take(_ text: String) {
            candidate.removeAll(keepingCapacity: true)
            candidate.append(contentsOf: text.utf8)
        }

        private static func lowercased(_ letter: UInt8) -> UInt8 {
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(letter) ? letter | 0x20 : letter
        }

        /// The distance, or some number above the limit where it is above it.
        mutating func distance(upTo limit: Int) -> Int {
            let difference = abs(word.count - candidate.count)
            guard difference <= limit else { return difference }
            for index in candidate.indices { candidate[index] = Self.lowercased(candidate[index]) }
            last.removeAll(keepingCapacity: true)
            last.append(contentsOf: 0...candidate.count)
            for row in word.indices {
                current.removeAll(keepingCapacity: true)
                current.append(row + 1)
                var least = row + 1
                for column in candidate.indices {
                    let replaced = last[column] + (word[row] == candidate[column] ? 0 : 1)
                    var best = min(replaced, last[column + 1] + 1, current[column] + 1)
                    if row > 0, column > 0, word[row] == candidate[column - 1], word[row - 1] == candidate[column] {
                        best = min(best, beforeLast[column - 1] + 1)
                    }
                    current.append(best)
                    least = min(least, best)
                }
                // Later rows add to this row, or by a swap one to the row before, whose minimum is at most one less.
                if least > limit { return least }
                (beforeLast, last, current) = (last, current, beforeLast)
            }
            return last[candidate.count]
        }
    }
}
