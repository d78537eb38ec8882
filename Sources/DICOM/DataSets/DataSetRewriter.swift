/// Rewrites a data set, as its bytes come, from one native transfer syntax to another: what PS3.5 10.1 wants for peers
/// that accept another one than the file has. Memory stays flat whatever the size.
///
/// Values stay as they are but for the byte order of numbers. A sequence and its items get undefined lengths, since a
/// defined one would have to be known before what it counts; group lengths are left out, since they would be wrong
/// (PS3.5 7.2); odd values become even (PS3.5 7.1.1). A representation that Implicit VR does not tell comes from the
/// dictionary, UN for what that does not know.
package struct DataSetRewriter: ~Copyable {
    private var inflater: Inflater?
    private var elements: ElementRewriter
    private var deflater: Deflater?
    /// What is inflated and not rewritten yet, and what is rewritten and not deflated yet.
    private var inflated: [UInt8] = []
    private var rewritten: [UInt8] = []

    /// Throws `.unsupportedConversion` unless both are native: all others differ in their pixels, too.
    package init(
        from source: TransferSyntax, to target: TransferSyntax, limits: DecodingLimits = .streaming
    ) throws(DataSetError) {
        for syntax in [source, target] where !syntax.isUncompressed {
            throw DataSetError(
                .unsupportedConversion, "pixels in \(syntax) would have to be decoded or encoded")
        }
        inflater = source.isDeflated ? Inflater(limits: limits) : nil
        deflater = target.isDeflated ? Deflater() : nil
        elements = ElementRewriter(from: ElementEncoding(source), to: ElementEncoding(target), limits: limits)
    }

    /// Rewrites what has arrived and appends the result. After an error the rewriter is of no more use.
    package mutating func consume(_ bytes: RawSpan, into output: inout [UInt8]) throws(DataSetError) {
        guard inflater != nil else {
            try rewrite(bytes, into: &output)
            return
        }
        // One step of the inflater at a time: a small piece may inflate to a thousand times its size.
        var position = 0
        var goesOn = true
        while goesOn {
            inflated.removeAll(keepingCapacity: true)
            goesOn = try inflater?.consume(bytes, at: &position, into: &inflated) ?? false
            let piece = inflated
            try rewrite(piece.span.bytes, into: &output)
        }
    }

    /// Ends the data set. Throws `.truncated` where it is not complete.
    package mutating func finish(into output: inout [UInt8]) throws(DataSetError) {
        try inflater?.finish()
        try elements.finish()
        deflater?.finish(into: &output)
    }

    private mutating func rewrite(_ bytes: RawSpan, into output: inout [UInt8]) throws(DataSetError) {
        guard deflater != nil else {
            try elements.consume(bytes, into: &output)
            return
        }
        rewritten.removeAll(keepingCapacity: true)
        try elements.consume(bytes, into: &rewritten)
        let piece = rewritten
        deflater?.consume(piece.span.bytes, into: &output)
    }
}
