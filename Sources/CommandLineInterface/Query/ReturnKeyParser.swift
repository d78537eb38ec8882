/// Reads a `--return`: names of sets, and paths of elements, with commas between. A tag is written without a comma or in
/// parentheses here.
enum ReturnKeyParser {
    static func parse(_ argument: OptionArgument) throws(UsageError) -> [ReturnKey] {
        var keys: [ReturnKey] = []
        for part in parts(of: argument.text) {
            guard !part.isEmpty else { throw argument.error("nothing between two commas") }
            if let set = ReturnKey.Set(rawValue: part) {
                keys.append(.set(set))
                continue
            }
            do throws(UsageError) {
                keys.append(.attribute(try QueryKeyParser.parsePath(part)))
            } catch {
                throw argument.error(
                    "\(part) is neither an attribute nor a set", code: .unreadableKey, suggestion: error.suggestion)
            }
        }
        return keys
    }

    /// Attributes alone, for columns, each once.
    static func parseAttributes(_ argument: OptionArgument) throws(UsageError) -> [QueryKey] {
        var keys: [QueryKey] = []
        for key in try parse(argument) {
            guard case .attribute(let key) = key else {
                throw argument.error("a set is no column", code: .unreadableKey)
            }
            if keys.contains(where: { $0.tags == key.tags }) {
                throw argument.error("\(key.name) is there twice", code: .duplicateKey)
            }
            keys.append(key)
        }
        return keys
    }

    /// Splits at commas that are not inside parentheses.
    private static func parts(of text: String) -> [String] {
        var parts = [""]
        var depth = 0
        for character in text {
            switch character {
            case "(": depth += 1
            case ")": depth -= 1
            case "," where depth <= 0:
                parts.append("")
                continue
            default: break
            }
            parts[parts.count - 1].append(character)
        }
        return parts
    }
}
