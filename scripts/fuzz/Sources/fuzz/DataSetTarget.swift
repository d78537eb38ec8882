import DICOM

/// The decoder in all syntaxes, and what shows its result.
///
/// Invariant: whatever the bytes, a data set or an error; a data set can be shown as text and JSON and be encoded, and what
/// was encoded decodes to what encodes to the same bytes. The check of a data set that is received says the same of it
/// whatever the pieces in which it comes, and finds nothing wrong with what was encoded. A beginning has
/// the elements that are wanted of it, whatever else is left out.
enum DataSetTarget: FuzzTarget {
    static let syntaxes: [TransferSyntax] = [
        .implicitVRLittleEndian, .explicitVRLittleEndian, .explicitVRBigEndian, .deflatedExplicitVRLittleEndian,
        .jpegBaseline8Bit,
    ]

    /// A few kilobytes must not become gigabytes here, where thousands of inputs a second are tried.
    static var limits: DecodingLimits {
        var limits = DecodingLimits.standard
        limits.maximumInflatedLength = 8 << 20
        return limits
    }

    static func run(_ bytes: [UInt8]) {
        var choices = Choices(bytes)
        let syntax = syntaxes[choices.next(syntaxes.count)]
        let content = choices.rest
        var walker = DataSetWalker(syntax)
        if !syntax.isDeflated {
            do throws(DataSetError) {
                try walker.consume(content.span.bytes)
                try walker.finish()
            } catch {}
        }
        let verdict = check(content, syntax, piece: max(content.count, 1))
        for piece in [1, 13] {
            precondition(
                (check(content, syntax, piece: piece) == nil) == (verdict == nil), "the check depends on the pieces")
        }
        let beginning = beginning(of: content, syntax, only: nil)
        let wanted = self.beginning(of: content, syntax, only: wantedTags)
        precondition(beginning?.isComplete == wanted?.isComplete, "the beginning depends on what is wanted of it")
        for walked in [beginning?.walked, wanted?.walked].compactMap({ $0 }) {
            precondition(
                check(content, syntax, piece: 1000, behind: walked) == verdict,
                "the check behind a beginning that was read is another one")
        }
        for tag in wantedTags {
            precondition(beginning?.dataSet[tag] == wanted?.dataSet[tag], "another element in a beginning of fewer")
        }
        let dataSet: DataSet
        do throws(DataSetError) { dataSet = try DataSetDecoder(syntax, limits: limits).decode(content) } catch {
            return
        }
        show(dataSet)
        let encoded = DataSetEncoder(syntax).encode(dataSet)
        do throws(DataSetError) {
            let again = try DataSetDecoder(syntax, limits: limits).decode(encoded[...])
            precondition(DataSetEncoder(syntax).encode(again) == encoded, "what was encoded decodes to something else")
            // Fragments where the syntax has none are a flaw, and are encoded as they are.
            let mayBeFlawed = dataSet[Tag(0)] != nil || (verdict != nil && hasFragments(dataSet))
            precondition(
                mayBeFlawed || check(encoded[...], syntax, piece: 1000) == nil, "a flaw of what was encoded")
        } catch {
            preconditionFailure("what was encoded cannot be decoded: \(error)")
        }
    }

    private static let wantedTags: [Tag] = [.specificCharacterSet, .sopInstanceUID, .modality, .patientID]

    /// The beginning of a data set; nil if it is wrong.
    private static func beginning(
        of bytes: ArraySlice<UInt8>, _ syntax: TransferSyntax, only wanted: [Tag]?
    ) -> DataSetBeginning? {
        do throws(DataSetError) {
            return try DataSetDecoder(syntax, limits: limits).decodeBeginning(bytes, through: .patientID, only: wanted)
        } catch {
            return nil
        }
    }

    private static func hasFragments(_ dataSet: DataSet) -> Bool {
        dataSet.elements.contains { if case .fragments = $0.value { true } else { false } }
    }

    /// The kind of flaw that the check of received data sets finds.
    ///
    /// - Parameter walked: what is left out, as it was walked over before.
    private static func check(
        _ bytes: ArraySlice<UInt8>, _ syntax: TransferSyntax, piece: Int, behind walked: WalkedElements? = nil
    ) -> DataSetError.Code? {
        var check = DataSetCheck(syntax, limits: limits)
        var rest = bytes
        if let walked { check.pass(walked) }
        do throws(DataSetError) {
            while !rest.isEmpty {
                let part = rest.prefix(piece)
                try check.consume(part.span.bytes)
                rest = rest.dropFirst(piece)
            }
            try check.finish()
            return nil
        } catch {
            return error.code
        }
    }

    static func show(_ dataSet: DataSet) {
        var text: [UInt8] = []
        DataSetText.appendLines(dataSet, to: &text)
        precondition(!text.contains { $0 < 0x20 && $0 != 0x0A || $0 == 0x7F }, "a control character in shown text")
        text.removeAll()
        DICOMJSON.append(dataSet, to: &text)
        // Not by `DICOMJSON`: what is wrong in a data set stays wrong in its JSON.
        do throws(JSONError) { _ = try JSONValue.parse(text) } catch {
            preconditionFailure("our own JSON cannot be read: \(error)")
        }
    }

    static var seeds: [[UInt8]] {
        syntaxes.enumerated().map { [UInt8($0.offset)] + DataSetEncoder($0.element).encode(Recorded.dataSet) }
    }

    static func seeds(from file: [UInt8]) -> [[UInt8]] {
        content(of: file).map { syntax, dataSet in [[UInt8(syntax)] + dataSet] } ?? []
    }

    /// The data set of a file, and the place of its syntax in ``syntaxes``: all encapsulated ones are the last.
    static func content(of file: [UInt8]) -> (syntax: Int, dataSet: ArraySlice<UInt8>)? {
        do throws(DataSetError) {
            let (meta, offset) = try FileMetaInformation.decode(file[...])
            return (syntaxes.firstIndex(of: meta.transferSyntax) ?? syntaxes.count - 1, file[offset...])
        } catch {
            return nil
        }
    }
}

/// Rewriting between native syntaxes, as a stream.
///
/// Invariant: what is rewritten to its end decodes in the new syntax; how it is cut makes no difference. Implicit VR does not
/// say that a value which the dictionary takes for a sequence was none, so it is left out there.
enum RewriteTarget: FuzzTarget {
    static func run(_ bytes: [UInt8]) {
        var choices = Choices(bytes)
        let source = DataSetTarget.syntaxes[choices.next(4)]
        let target = DataSetTarget.syntaxes[choices.next(4)]
        let piece = choices.next(100) + 1
        let content = Array(choices.rest)
        let whole = rewrite(content, source, target, piece: max(content.count, 1))
        let cut = rewrite(content, source, target, piece: piece)
        if target.isDeflated {
            precondition((whole == nil) == (cut == nil), "cutting makes a difference")
        } else {
            precondition(whole == cut, "cutting makes a difference")
        }
        guard let whole else { return }
        if target == .implicitVRLittleEndian { return }
        var limits = DataSetTarget.limits
        limits.maximumInflatedLength = 64 << 20
        do throws(DataSetError) { _ = try DataSetDecoder(target, limits: limits).decode(whole[...]) } catch {
            preconditionFailure("what was rewritten cannot be decoded: \(error)")
        }
    }

    private static func rewrite(_ bytes: [UInt8], _ source: TransferSyntax, _ target: TransferSyntax, piece: Int)
        -> [UInt8]?
    {
        do throws(DataSetError) {
            var rewriter = try DataSetRewriter(from: source, to: target, limits: DataSetTarget.limits)
            var output: [UInt8] = []
            var offset = 0
            while offset < bytes.count {
                let end = min(offset + piece, bytes.count)
                try rewriter.consume(bytes[offset..<end].span.bytes, into: &output)
                offset = end
            }
            try rewriter.finish(into: &output)
            return output
        } catch {
            return nil
        }
    }

    static var seeds: [[UInt8]] {
        (0..<4).flatMap { (source: Int) in
            (0..<4).map { target in
                [UInt8(source), UInt8(target), 9]
                    + DataSetEncoder(DataSetTarget.syntaxes[source]).encode(Recorded.dataSet)
            }
        }
    }

    static func seeds(from file: [UInt8]) -> [[UInt8]] {
        guard let (source, dataSet) = DataSetTarget.content(of: file), source < 4 else { return [] }
        return (0..<4).map { [UInt8(source), UInt8($0), 99] + dataSet }
    }
}
