import DICOM
import DICOMProtocol
import System

/// The lines of a ``CommitmentTransactionFile``, written and read.
enum CommitmentTransactionLines {
    // MARK: Writing

    static func requested(_ transaction: CommitmentTransaction, time: String) -> [UInt8] {
        line(
            "requested", transaction.request.transactionUID, time,
            [
                ("called", .string(transaction.peer.calledAETitle)),
                ("calling", .string(transaction.peer.callingAETitle)),
                ("host", .string(transaction.peer.endpoint.host)),
                ("port", .number(transaction.peer.endpoint.port)),
                ("references", .array(transaction.request.references.map { .object(members($0)) })),
            ])
    }

    static func reported(_ result: StorageCommitmentResult, _ transactionUID: UID, time: String) -> [UInt8] {
        let failed = result.failed.map { failure -> JSONValue in
            let reason = failure.reason.map { [("reason", JSONValue.number($0.rawValue))] } ?? []
            return .object(members(failure.reference) + reason)
        }
        return line(
            "reported", transactionUID, time,
            [
                ("committed", .array(result.committed.map { .object(members($0.reference)) })),
                ("failed", .array(failed)),
            ])
    }

    static func closed(_ transactionUID: UID, why: String, time: String) -> [UInt8] {
        line("closed", transactionUID, time, [("why", .string(why))])
    }

    private static func line(
        _ event: String, _ transactionUID: UID, _ time: String, _ members: [(String, JSONValue)]
    ) -> [UInt8] {
        let head: [(String, JSONValue)] = [
            ("event", .string(event)), ("transactionUID", .string(transactionUID.string)), ("time", .string(time)),
        ]
        var bytes = JSONValue.object(head + members).serialized()
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    private static func members(_ reference: SOPInstanceReference) -> [(String, JSONValue)] {
        [
            ("sopClassUID", .string(reference.sopClassUID.string)),
            ("sopInstanceUID", .string(reference.sopInstanceUID.string)),
        ]
    }

    // MARK: Reading

    /// Returns true if an incomplete line may be one of ours: a file of another kind must not be changed.
    static func isBeginning(_ bytes: ArraySlice<UInt8>) -> Bool {
        let start = Array(#"{"event":"#.utf8)
        return bytes.prefix(start.count).elementsEqual(start.prefix(bytes.count))
    }

    /// All transactions of the file, those that are closed too, in the order of their requests.
    static func read(_ bytes: [UInt8], path: FilePath) throws(FileProblem) -> [CommitmentTransaction] {
        var order: [UID] = []
        var transactions: [UID: CommitmentTransaction] = [:]
        var number = 0
        var rest = bytes[...]
        while !rest.isEmpty {
            number += 1
            let end = rest.firstIndex(of: UInt8(ascii: "\n"))
            let text = Array(rest[..<(end ?? rest.endIndex)])
            rest = end.map { rest[($0 + 1)...] } ?? []
            guard text.contains(where: { $0 != 0x20 && $0 != 0x0D }) else { continue }
            let value: JSONValue
            do throws(JSONError) {
                value = try JSONValue.parse(text)
            } catch {
                throw FileProblem(path, .malformed, "line \(number): \(error.detail)")
            }
            guard let uid = value["transactionUID"]?.string.map({ UID($0) }), let event = value["event"]?.string else {
                throw FileProblem(path, .malformed, "line \(number) is not a storage commitment transaction")
            }
            switch event {
            case "requested":
                guard let transaction = transaction(uid, value) else {
                    throw FileProblem(path, .malformed, "line \(number) names no references")
                }
                if transactions.updateValue(transaction, forKey: uid) == nil { order.append(uid) }
            case "reported": _ = transactions[uid]?.take(result(uid, value))
            case "closed": transactions[uid]?.isClosed = true
            default: break
            }
        }
        return order.compactMap { transactions[$0] }
    }

    private static func transaction(_ uid: UID, _ value: JSONValue) -> CommitmentTransaction? {
        let references = (value["references"]?.array ?? []).compactMap(reference)
        guard !references.isEmpty else { return nil }
        let peer = CommitmentTransaction.Peer(
            calledAETitle: value["called"]?.string ?? "", callingAETitle: value["calling"]?.string ?? "",
            endpoint: Endpoint(
                host: value["host"]?.string ?? "", port: UInt16(clamping: value["port"]?.integer ?? 0)))
        return CommitmentTransaction(
            StorageCommitmentRequest(transactionUID: uid, references: references), peer: peer, isAwaited: false)
    }

    private static func result(_ uid: UID, _ value: JSONValue) -> StorageCommitmentResult {
        StorageCommitmentResult(
            transactionUID: uid,
            committed: (value["committed"]?.array ?? []).compactMap(reference).map {
                StorageCommitmentResult.Committed(reference: $0)
            },
            failed: (value["failed"]?.array ?? []).compactMap { item in
                reference(item).map {
                    StorageCommitmentResult.Failed(
                        reference: $0,
                        reason: item["reason"]?.integer.flatMap { UInt16(exactly: $0) }
                            .map(StorageCommitmentFailureReason.init(rawValue:)))
                }
            })
    }

    private static func reference(_ item: JSONValue) -> SOPInstanceReference? {
        item["sopInstanceUID"]?.string.map {
            SOPInstanceReference(
                sopClassUID: UID(item["sopClassUID"]?.string ?? ""), sopInstanceUID: UID($0))
        }
    }
}
