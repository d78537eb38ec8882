/// Writes a data set (PS3.5 7 and annex A).
package struct DataSetEncoder: Sendable {
    private let syntax: TransferSyntax

    package init(_ syntax: TransferSyntax) {
        self.syntax = syntax
    }

    package func encode(_ dataSet: DataSet) -> [UInt8] {
        var output: [UInt8] = []
        encode(dataSet, into: &output)
        return output
    }

    package func encode(_ dataSet: DataSet, into output: inout [UInt8]) {
    }
}
