extension UnsafeRawBufferPointer {
    /// True if the other bytes are as many, and the same.
    ///
    /// Eight bytes a step: it is asked of each element of a data set, and of each match of a query.
    package func hasSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        var index = 0
        while index &+ 8 <= count {
            let word = loadUnaligned(fromByteOffset: index, as: UInt64.self)
            guard other.loadUnaligned(fromByteOffset: index, as: UInt64.self) == word else { return false }
            index &+= 8
        }
        while index < count {
            guard self[index] == other[index] else { return false }
            index &+= 1
        }
        return true
    }
}
