import DICOM
import DICOMNode

/// What is said about the sending of files.
enum StoreMessages {
    static func name(_ uid: UID) -> String { UIDRegistry.name(of: uid) ?? uid.string }

    static func message(for refusal: StoreResult.Refusal, of file: InstanceFile) -> Message {
        let sopClass = name(file.sopClassUID)
        let syntax = name(file.transferSyntax.uid)
        guard !refusal.accepted.isEmpty else {
            return Message(
                "\(file.path)", "the server does not take \(sopClass) in \(syntax): \(refusal.reason)",
                code: file.sopClassUID.string)
        }
        let accepted = refusal.accepted.map { name($0.uid) }.joined(separator: ", ")
        return Message(
            "\(file.path)", "the server takes \(sopClass) only in \(accepted), not in \(syntax)",
            code: file.transferSyntax.uid.string)
    }

    static func summary(_ counts: StoreAccount.Counts, peer: String, seconds: Double) -> String {
        let rate = seconds > 0 ? Double(counts.bytes) / seconds / 1e6 : 0
        return
            "\(peer): \(counts.stored) stored (\(counts.warned) with warnings), \(counts.failed - counts.notSent) failed"
            + (counts.notSent > 0 ? ", \(counts.notSent) not sent" : "")
            + (counts.skipped > 0 ? ", \(counts.skipped) skipped" : "")
            + (counts.passedOver > 0 ? ", \(counts.passedOver) passed over" : "")
            + ", \(counts.bytes) bytes in \(Decimal.text(seconds, digits: 2)) s (\(Decimal.text(rate, digits: 1)) MB/s)"
    }
}
