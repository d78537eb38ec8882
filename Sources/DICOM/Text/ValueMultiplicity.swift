/// How many values an element may have, as PS3.6 writes it: `1`, `1-3`, `1-n`, `2-2n`, `1-n or 1`.
enum ValueMultiplicity {
    static func allows(_ count: Int, by text: String) -> Bool {
        // The two commonest by far.
        if text == "1" { return count == 1 }
        if text == "1-n" { return count >= 1 }
        return text.split(separator: " ").contains { part in
            let bounds = part.split(separator: "-", maxSplits: 1)
            guard let first = bounds.first, let low = Int(first) else { return false }
            guard bounds.count == 2 else { return count == low }
            guard bounds[1].hasSuffix("n") else { return count >= low && count <= Int(bounds[1]) ?? low }
            // "2-2n" counts by twos, "2-n" by ones.
            let step = Int(bounds[1].dropLast()) ?? 1
            return count >= low && step > 0 && count.isMultiple(of: step)
        }
    }
}
