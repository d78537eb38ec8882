import DICOM

/// The names under which the command line knows transfer syntaxes; their UIDs and their keywords of PS3.6 are known too.
enum TransferSyntaxNames {
    private static let short: [(name: String, uid: UID)] = [
        ("explicit", TransferSyntax.explicitVRLittleEndian.uid),
        ("implicit", TransferSyntax.implicitVRLittleEndian.uid),
        ("deflated", TransferSyntax.deflatedExplicitVRLittleEndian.uid),
        ("big-endian", TransferSyntax.explicitVRBigEndian.uid), ("jpeg", "1.2.840.10008.1.2.4.50"),
        ("jpeg-extended", "1.2.840.10008.1.2.4.51"), ("jpeg-lossless", "1.2.840.10008.1.2.4.70"),
        ("jpeg-ls", "1.2.840.10008.1.2.4.80"), ("jpeg-ls-lossy", "1.2.840.10008.1.2.4.81"),
        ("jpeg2000-lossless", "1.2.840.10008.1.2.4.90"), ("jpeg2000", "1.2.840.10008.1.2.4.91"),
        ("htj2k-lossless", "1.2.840.10008.1.2.4.201"), ("htj2k", "1.2.840.10008.1.2.4.203"),
        ("rle", "1.2.840.10008.1.2.5"),
    ]

    static var accepted: String { short.map(\.name).joined(separator: ", ") + ", or a UID" }

    static func uid(for name: String) -> UID? {
        if let known = short.first(where: { $0.name == name }) { return known.uid }
        let uid = UID(name)
        if uid.isValid { return uid }
        return UIDRegistry.uid(forKeyword: name).flatMap { UIDRegistry.transferSyntaxes.contains($0) ? $0 : nil }
    }

    static func nearest(to name: String) -> String? { EditDistance.nearest(to: name, in: short.map(\.name)) }
}
