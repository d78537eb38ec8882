/// Rewrites a data set, as its bytes come, from one uncompressed transfer syntax to another.
package struct DataSetRewriter: ~Copyable {
    package init(from source: TransferSyntax, to target: TransferSyntax) throws(DataSetError) {}

    package mutating func consume(_ bytes: RawSpan, into output: inout [UInt8]) throws(DataSetError) {}

    package mutating func finish(into output: inout [UInt8]) throws(DataSetError) {}
}
