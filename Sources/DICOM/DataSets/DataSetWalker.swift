/// Walks the structure of a data set as its bytes come, and holds no values: proves that a data set is complete before
/// anything of it is sent, without reading its pixels.
///
///     while walker has not met the end of the file:
///         seek over walker.skippable bytes, if they are many, and tell walker.skip
///         read some bytes, walker.consume
///     walker.finish
package struct DataSetWalker: Sendable {
    private var scanner: DataSetScanner

    /// For any syntax but a deflated one, whose bytes an `Inflater` must have passed before.
    package init(_ syntax: TransferSyntax, limits: DecodingLimits = .standard) {
        scanner = DataSetScanner(ElementEncoding(syntax), limits: limits)
    }

    /// Walks over the next bytes.
    ///
    /// - Throws: a `DataSetError` with the position and the tag if they are not a data set.
    package mutating func consume(_ bytes: RawSpan) throws(DataSetError) {
        var offset = 0
        while try scanner.next(bytes, at: &offset) != nil {}
    }

    /// Bytes of the current value that need not be fed: a caller may seek over as many of them as the file holds, and
    /// say so with `skip`.
    package var skippable: UInt64 { scanner.remaining }

    /// Counts bytes, `skippable` at most, as fed. The caller answers for it that the file holds them.
    package mutating func skip(_ count: UInt64) {
        scanner.skip(count)
        // Leaves the value behind, and what ends with it.
        var offset = 0
        do throws(DataSetError) {
            while try scanner.next(RawSpan(), at: &offset) != nil {}
        } catch {
            // Only a header can be wrong, and no byte of one was fed.
        }
    }

    /// Bytes walked over so far.
    package var position: UInt64 { scanner.position }

    /// True if the data set may end here: between two elements of the outermost level.
    package var isAtEnd: Bool { scanner.isAtEnd }

    /// Ends the data set.
    ///
    /// - Throws: `.truncated` if it must not end here.
    package func finish() throws(DataSetError) {
        try scanner.finish()
    }
}
