import DICOM

/// A sink for readers in another encoding than UTF-8. What their encoding lacks shows as a question mark.
///
/// Each piece must end at the end of a character, as lines do.
final class TranscodingSink: ByteSink {
    private let sink: any ByteSink
    private let encoding: LocaleEncoding

    init(_ sink: any ByteSink, _ encoding: LocaleEncoding) {
        self.sink = sink
        self.encoding = encoding
    }

    func write(_ bytes: RawSpan) throws(ByteSinkError) {
        let converted = bytes.withUnsafeBytes { encoding.encode($0) }
        try sink.write(converted)
    }
}
