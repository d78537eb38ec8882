/// Writes a data set (PS3.5 7 and annex A).
///
/// Sequences and items get defined lengths, the form that most programs send and so the best understood. Group lengths
/// (gggg,0000) are left out: they are retired (PS3.5 7.2) and would be wrong in another syntax. Values are made even, as
/// PS3.5 7.1.1 demands.
package struct DataSetEncoder: Sendable {
    private let encoding: ElementEncoding
    private let isDeflated: Bool

    package init(_ syntax: TransferSyntax) {
        encoding = ElementEncoding(syntax)
        isDeflated = syntax.isDeflated
    }

    init(_ encoding: ElementEncoding) {
        self.encoding = encoding
        isDeflated = false
    }

    package func encode(_ dataSet: DataSet) -> [UInt8] {
        var output: [UInt8] = []
        // The longest header, and the padding.
        output.reserveCapacity(dataSet.elements.reduce(0) { $0 + 13 + $1.value.byteCount })
        encode(dataSet, into: &output)
        return output
    }

    /// Appends the encoded data set.
    package func encode(_ dataSet: DataSet, into output: inout [UInt8]) {
        guard isDeflated else {
            append(dataSet.elements[...], to: &output)
            return
        }
        var plain: [UInt8] = []
        append(dataSet.elements[...], to: &plain)
        var deflater = Deflater()
        deflater.consume(plain.span.bytes, into: &output)
        deflater.finish(into: &output)
    }

    func append(_ elements: ArraySlice<DataElement>, to output: inout [UInt8]) {
        for element in elements where !element.tag.isGroupLength && !element.tag.isDelimiter {
            append(element, to: &output)
        }
    }

    private func append(_ element: DataElement, to output: inout [UInt8]) {
        switch element.value {
        case .bytes(let bytes):
            let evenLength = bytes.count + bytes.count % 2
            let header = ElementHeaderWriter(encoding)
            let vr = header.append(element.tag, element.vr, length: UInt32(clamping: evenLength), to: &output)
            let start = output.count
            output.append(contentsOf: bytes)
            if encoding.isBigEndian {
                ByteOrder.swap(&output, from: start, wordSize: vr.wordSize)
            }
            if evenLength != bytes.count {
                output.append(vr.paddingByte)
            }
        case .items(let items):
            let header = ElementHeaderWriter(encoding)
            header.append(element.tag, .SQ, length: ElementHeader.undefinedLength, to: &output)
            let start = output.count
            for item in items {
                header.appendItem(length: ElementHeader.undefinedLength, to: &output)
                let itemStart = output.count
                append(item.elements[...], to: &output)
                header.close(.itemDelimitationItem, from: itemStart, in: &output)
            }
            // In Implicit VR a sequence that no dictionary lists is known by its undefined length alone.
            if encoding.isExplicitVR || DataDictionary.vr(of: element.tag) == .SQ {
                header.close(.sequenceDelimitationItem, from: start, in: &output)
            } else {
                header.appendDelimiter(.sequenceDelimitationItem, to: &output)
            }
        case .fragments(let fragments):
            let header = ElementHeaderWriter(encoding)
            header.append(element.tag, element.vr, length: ElementHeader.undefinedLength, to: &output)
            for fragment in fragments {
                header.appendItem(length: UInt32(clamping: fragment.count + fragment.count % 2), to: &output)
                output.append(contentsOf: fragment)
                if !fragment.count.isMultiple(of: 2) {
                    output.append(0)
                }
            }
            header.appendDelimiter(.sequenceDelimitationItem, to: &output)
        }
    }
}
