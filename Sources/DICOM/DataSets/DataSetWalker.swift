/// Walks the structure of a data set as its bytes come, and holds no values: proves that a data set is complete before
/// anything of it is sent, without reading its pixels.
///
///     while walker has not met the end of the file:
///         seek over walker.skippable bytes, if they are many, and tell walker.skip
///         read some bytes, walker.consume
///     walker.finish
package struct DataSetWalker: Sendable {
    private var scanner: DataSetScanner

    /// What was found out so far.
    package private(set) var findings = DataSetFindings()

    /// The changes that make every value even; nil if nobody wants them.
    package private(set) var padding: DataSetPadding?

    /// A failure that was met where none can be thrown.
    private var failure: DataSetError?

    /// For any syntax but a deflated one, whose bytes an `Inflater` must have passed before.
    ///
    /// - Parameter findsPadding: True to find the changes that make every value even.
    package init(_ syntax: TransferSyntax, limits: DecodingLimits = .standard, findsPadding: Bool = false) {
        scanner = DataSetScanner(ElementEncoding(syntax), limits: limits)
        padding = findsPadding ? DataSetPadding() : nil
    }

    /// Walks over the next bytes.
    ///
    /// - Throws: a `DataSetError` with the position and the tag if they are not a data set.
    package mutating func consume(_ bytes: RawSpan) throws(DataSetError) {
        var offset = 0
        while true {
            if padding == nil { passPlainElements(bytes, at: &offset) }
            guard let event = try scanner.next(bytes, at: &offset) else { return }
            findings.note(event, isOutermost: scanner.isInOutermostElement)
            try padding?.note(event, scanner)
        }
    }

    /// Passes over elements of which nothing is needed but what their headers say.
    private mutating func passPlainElements(_ bytes: RawSpan, at offset: inout Int) {
        let isOutermost = scanner.isInOutermostElement
        var found = findings
        _ = scanner.passPlainElements(bytes, at: &offset) { element in
            found.note(
                element.tag, isUnknown: element.isUnknown, length: UInt32(truncatingIfNeeded: element.length),
                isOutermost: isOutermost)
            return true
        }
        findings = found
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
            while let event = try scanner.next(RawSpan(), at: &offset) { try padding?.note(event, scanner) }
        } catch {
            // No byte of a header was fed; but a length may have no room for the padding of what it counts.
            failure = error
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
        if let failure { throw failure }
        try scanner.finish()
    }
}

/// Facts about the values of a data set, as a walk over its headers finds them.
package struct DataSetFindings: Sendable, Equatable {
    /// Values and fragments of odd length (PS3.5 7.1.1) before the last value.
    private var earlierOddValues = 0
    /// 1 if the last value is of odd length; the number of its fragments that are.
    private var lastOddValues = 0

    /// SOP Class UID (0008,0016) and SOP Instance UID (0008,0018) with values of their own.
    package private(set) var hasSOPClassUID = false
    package private(set) var hasSOPInstanceUID = false

    /// True if the Pixel Data (7FE0,0010) of the data set have a defined length.
    package private(set) var hasNativePixelData = false

    /// Private elements whose representation only Explicit VR tells.
    package private(set) var privateRepresentations = 0

    package var oddValues: Int { earlierOddValues + lastOddValues }

    /// True if a value is odd that another one follows.
    package var hasOddValueBeforeLast: Bool { earlierOddValues > 0 }

    @inline(__always)
    mutating func note(_ event: DataSetScanner.Event, isOutermost: Bool) {
        switch event {
        case .element(let tag, let vr, let length, _):
            note(tag, isUnknown: vr == .UN, length: length, isOutermost: isOutermost)
        case .fragmentsStart:
            earlierOddValues += lastOddValues
            lastOddValues = 0
        case .fragment(let length): lastOddValues += Int(length & 1)
        default: break
        }
    }

    @inline(__always)
    mutating func note(_ tag: Tag, isUnknown: Bool, length: UInt32, isOutermost: Bool) {
        earlierOddValues += lastOddValues
        lastOddValues = Int(length & 1)
        // Private creators are LO in every syntax.
        if tag.isPrivate, !isUnknown, !tag.isPrivateCreator, !tag.isGroupLength {
            privateRepresentations += 1
        }
        guard isOutermost else { return }
        switch tag {
        case .sopClassUID: hasSOPClassUID = length > 0
        case .sopInstanceUID: hasSOPInstanceUID = length > 0
        case .pixelData, .floatPixelData, .doubleFloatPixelData: hasNativePixelData = true
        default: break
        }
    }
}
