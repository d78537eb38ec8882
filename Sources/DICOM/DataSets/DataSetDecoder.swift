/// Reads a data set from bytes that are all in memory (PS3.5 7 and annex A).
package struct DataSetDecoder: Sendable {
    private let syntax: TransferSyntax
    private let limits: DecodingLimits

    package init(_ syntax: TransferSyntax, limits: DecodingLimits = .standard) {
        self.syntax = syntax
        self.limits = limits
    }

    package func decode(_ bytes: ArraySlice<UInt8>) throws(DataSetError) -> DataSet {
        DataSet()
    }

    package func decodePrefix(_ bytes: ArraySlice<UInt8>, through last: Tag) throws(DataSetError) -> DataSet {
        DataSet()
    }
}
