extension DataSetDecoder {
    /// For an element or an item: itself, in an array that has grown by doubling, and what a service makes of it, such as
    /// a reference of two UIDs.
    private static let memoryPerElement = 256
    /// For each of several values: a list of UIDs becomes a set of strings.
    private static let memoryPerValue = 128
    /// Of what is inflated at once; it doubles, too.
    private static let memoryPerInflatedByte = 2

    /// The memory that the decoded data set, and what is usually made of it, may take beside the bytes. It is found by
    /// walking over them; of deflated bytes a piece is inflated at a time.
    ///
    /// - Parameter most: where counting ends: more than that is as bad as much more.
    package func memoryNeeded(for bytes: ArraySlice<UInt8>, atMost most: Int = .max) -> Int {
        var count = MemoryCount(scanner: DataSetScanner(encoding, limits: limits))
        guard isDeflated else {
            count.add(bytes.span.bytes, until: most)
            return min(count.total, most)
        }
        var inflater = Inflater(limits: limits)
        var piece: [UInt8] = []
        var position = 0
        do throws(DataSetError) {
            var goesOn = true
            while goesOn, count.total < most {
                piece.removeAll(keepingCapacity: true)
                goesOn = try inflater.consume(bytes.span.bytes, at: &position, into: &piece)
                count.total += piece.count * Self.memoryPerInflatedByte
                count.add(piece.span.bytes, until: most)
            }
        } catch {
            // What comes next is not decoded either.
        }
        return min(count.total, most)
    }

    private struct MemoryCount {
        var scanner: DataSetScanner
        var total = 0
        /// True once the bytes are no data set: decoding ends there, too.
        var isOver = false

        mutating func add(_ bytes: RawSpan, until most: Int) {
            var offset = 0
            do throws(DataSetError) {
                while !isOver, total < most, let event = try scanner.next(bytes, at: &offset) {
                    switch event {
                    case .element, .sequenceStart, .itemStart, .fragmentsStart, .fragment: total += memoryPerElement
                    case .value(let place): total += separators(bytes.extracting(place)) * memoryPerValue
                    case .heldValue, .valueEnd, .itemEnd, .sequenceEnd, .fragmentsEnd: break
                    }
                }
            } catch {
                isOver = true
            }
        }

        /// The backslashes, which separate values (PS3.5 6.2); in binary values some bytes are taken for one.
        private func separators(_ value: RawSpan) -> Int {
            var count = 0
            for index in 0..<value.byteCount
            where value.unsafeLoad(fromByteOffset: index, as: UInt8.self) == UInt8(ascii: "\\") {
                count += 1
            }
            return count
        }
    }
}
