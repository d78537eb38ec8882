/// Reads a data set from bytes that are all in memory (PS3.5 7 and annex A).
///
/// The values of the result are slices of the bytes given, so they keep all of them alive; only big endian numbers
/// and what was deflated are copied. Whatever the bytes, the result is a data set or an error. Tolerated, since files
/// have them: odd lengths, elements out of order (they are sorted), an element twice (the first one stays).
package struct DataSetDecoder: Sendable {
    private let encoding: ElementEncoding
    private let isDeflated: Bool
    private let limits: DecodingLimits

    package init(_ syntax: TransferSyntax, limits: DecodingLimits = .standard) {
        self.init(ElementEncoding(syntax), isDeflated: syntax.isDeflated, limits: limits)
    }

    init(_ encoding: ElementEncoding, isDeflated: Bool = false, limits: DecodingLimits = .standard) {
        self.encoding = encoding
        self.isDeflated = isDeflated
        self.limits = limits
    }

    package func decode(_ bytes: ArraySlice<UInt8>) throws(DataSetError) -> DataSet {
        let source = isDeflated ? try Inflater.inflated(bytes, limits: limits)[...] : bytes
        var reader = DataSetReader(source: source, limits: limits)
        return try reader.readDataSet(source.span.bytes, encoding)
    }

    /// Reads up to the element `last`, included, or to the end of the bytes; an element that is not there as a whole is
    /// left out, without an error. For a look at the beginning of a file.
    package func decodePrefix(_ bytes: ArraySlice<UInt8>, through last: Tag) throws(DataSetError) -> DataSet {
        let source = isDeflated ? try Inflater.inflatedPrefix(bytes, limits: limits)[...] : bytes
        var reader = DataSetReader(source: source, limits: limits)
        return try reader.readPrefix(source.span.bytes, encoding, through: last)
    }

    /// Reads the elements of one group at the beginning of the bytes, and tells how many bytes they are.
    func decodeGroup(
        _ group: UInt16, _ bytes: ArraySlice<UInt8>
    ) throws(DataSetError) -> (elements: DataSet, length: Int) {
        var reader = DataSetReader(source: bytes, limits: limits)
        let elements = try reader.readGroup(bytes.span.bytes, encoding, group)
        return (elements, reader.position)
    }
}
