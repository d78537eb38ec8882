import DICOM
import DICOMNode
import DICOMProtocol

/// What a C-GET proposes for the instances that come back.
enum StorageProposals {
    /// The contexts of an association, less the one that the retrieval itself takes.
    private static let room = PresentationContextPlan.maximumContextCount - 1

    /// Each class in each syntax in a context of its own, so that the peer can send every instance as it is stored; in as many
    /// syntaxes as there is room for, the usual ones first.
    ///
    /// - Parameter classes: empty where the peer cannot tell; then all that are registered, in the syntaxes that everybody takes.
    static func needs(for classes: [UID]) -> [PresentationContextPlan.Need] {
        guard !classes.isEmpty else {
            return UIDRegistry.storageSOPClasses.prefix(room).map {
                PresentationContextPlan.Need($0, FindSCU.transferSyntaxes)
            }
        }
        let proposed = classes.prefix(room)
        let syntaxes = (usual + rare).prefix(max(room / proposed.count, 1))
        return proposed.map { PresentationContextPlan.Need($0, Array(syntaxes), separately: true) }
    }

    private static let usual: [UID] = [
        TransferSyntax.explicitVRLittleEndian.uid, TransferSyntax.implicitVRLittleEndian.uid,
        "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
        "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57",
        "1.2.840.10008.1.2.4.81", TransferSyntax.deflatedExplicitVRLittleEndian.uid,
        TransferSyntax.explicitVRBigEndian.uid, "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.103",
        "1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203",
    ]

    private static let rare = UIDRegistry.transferSyntaxes.filter { !usual.contains($0) && !UIDRegistry.isRetired($0) }
}
