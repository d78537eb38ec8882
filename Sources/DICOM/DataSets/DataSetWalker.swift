/// Walks the structure of a data set as its bytes come, and holds no values.
package struct DataSetWalker: Sendable {
    package init(_ syntax: TransferSyntax, limits: DecodingLimits = .standard) {}

    package mutating func consume(_ bytes: RawSpan) throws(DataSetError) {}

    /// Bytes of the current value that need not be fed: a caller may seek over them and say so with `skip`.
    package private(set) var skippable: UInt64 = 0

    package mutating func skip(_ count: UInt64) {}

    /// Whether the stream may end here: between two elements of the outermost data set.
    package private(set) var isAtEnd = true

    package mutating func finish() throws(DataSetError) {}
}
