package import DICOM
package import DICOMProtocol
import System

/// A fault that the archive injects, so that its callers can be tested.
package enum Fault: Sendable, Equatable {
    /// Every nth request of the command is answered with the status: a C-STORE stores nothing then, a C-FIND, C-MOVE or
    /// C-GET ends at once.
    case status(of: CommandField, DIMSEStatus, every: Int)
    /// Every nth instance of a C-MOVE or C-GET counts as failed and is not sent.
    case retrieveFailure(every: Int)
    /// Every nth reference of a commitment request is reported as failed.
    case commitmentFailure(StorageCommitmentFailureReason, every: Int)
    /// The association on which the report of a storage commitment is sent.
    case commitmentReport(ReportAssociation)
    /// A-ABORT in place of the answer to every nth C-STORE.
    case abort(every: Int)
    /// The connection closes in the middle of every nth instance that is sent to the archive.
    case closeInFile(every: Int)
    /// A pause before each response, in seconds.
    case delay(Double)
    /// Every nth association is rejected as transient.
    case reject(every: Int)
    case refuseTransferSyntax(UID)
    case refuseSOPClass(UID)
    /// A C-FIND ends after so many matches with the status, if there are more.
    case findLimit(Int, DIMSEStatus)
    /// Queries are answered as if the key were not in them.
    case ignoreKey(Tag)
    /// Queries are answered as if the key had no value: it is returned, and not matched.
    case unmatchedKey(Tag)
    /// Every nth request over HTTP is answered with the status.
    case httpStatus(Int, every: Int)
    /// The connection closes in the middle of every nth answer over HTTP.
    case shortBody(every: Int)
    /// Every nth search over HTTP is answered as if no key had a value.
    case ignoreKeys(every: Int)
    /// Every nth instance that is stored is dropped: by C-STORE with success as its status, over HTTP with an answer that does not name it.
    case silentDrop(every: Int)
    /// Values of searches over HTTP are taken as they stand, without percent-decoding.
    case noDecode

    package enum ReportAssociation: String, Sendable, CaseIterable {
        case sameAssociation = "same"
        case newAssociation = "new"
        case never
    }
}

extension Fault {
    /// A fault as it is written on the command line.
    package struct Form: Sendable {
        package let name: String
        package let value: String
        package let meaning: String

        /// Name and value as they are typed.
        package var text: String {
            switch value.first {
            case nil: name
            case "[": "\(name)[=\(value.dropFirst())"
            default: "\(name)=\(value)"
            }
        }
    }

    package static let forms: [Form] = [
        Form(name: "store-status", value: "STATUS[/N]", meaning: "answers every Nth C-STORE with the status"),
        Form(name: "find-status", value: "STATUS[/N]", meaning: "ends every Nth C-FIND with the status"),
        Form(name: "find-limit", value: "N[/STATUS]", meaning: "ends each C-FIND after N matches, by A700H or STATUS"),
        Form(name: "move-status", value: "STATUS[/N]", meaning: "ends every Nth C-MOVE with the status"),
        Form(name: "get-status", value: "STATUS[/N]", meaning: "ends every Nth C-GET with the status"),
        Form(name: "retrieve-failure", value: "N", meaning: "fails every Nth instance of C-MOVE and C-GET"),
        Form(name: "commit-failure", value: "REASON[/N]", meaning: "does not commit to every Nth instance"),
        Form(name: "commit-report", value: "same|new|never", meaning: "on which association the report comes"),
        Form(name: "abort-after", value: "N", meaning: "aborts in place of the answer to every Nth C-STORE"),
        Form(name: "close-in-file", value: "N", meaning: "closes in the middle of every Nth instance sent to it"),
        Form(name: "delay", value: "TIME", meaning: "waits before each answer"),
        Form(name: "reject", value: "N", meaning: "rejects every Nth association for the moment"),
        Form(name: "refuse-syntax", value: "UID", meaning: "refuses a transfer syntax, by UID or keyword"),
        Form(name: "refuse-class", value: "UID", meaning: "refuses a SOP class, by UID or keyword"),
        Form(name: "ignore-key", value: "KEYWORD", meaning: "neither matches nor returns a key of queries"),
        Form(name: "unmatched-key", value: "KEYWORD", meaning: "returns a key of queries and does not match it"),
        Form(
            name: "http-status", value: "STATUS[/N]",
            meaning: "answers every Nth request over HTTP with the status, which is decimal"),
        Form(
            name: "short-body", value: "[N]", meaning: "closes in the middle of every Nth answer over HTTP"),
        Form(
            name: "ignore-keys", value: "[N]", meaning: "ignores all keys of every Nth search over HTTP"),
        Form(
            name: "silent-drop", value: "[N]",
            meaning: "drops every Nth instance stored, without a word"),
        Form(name: "no-decode", value: "", meaning: "does not decode the values of searches over HTTP"),
    ]

    /// The problem with a text, and the accepted forms.
    package struct ParsingError: Error, Equatable {
        package let problem: String
        package let accepted: String
    }

    /// Parses `NAME=VALUE`. Statuses and reasons are hexadecimal, `0xA700` or `A700`; without `/N` every one is meant.
    ///
    /// - Throws: `ParsingError` for an unknown name or an invalid value.
    package init(parsing text: String) throws(ParsingError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let name = parts.first, let form = Self.forms.first(where: { $0.name == name }) else {
            throw ParsingError(
                problem: "no fault is called \(parts.first ?? "")",
                accepted: Self.forms.map(\.name).joined(separator: ", "))
        }
        let value = parts.count > 1 ? parts[1] : ""
        guard let fault = Self.make(name, value) else {
            throw ParsingError(problem: "the value of \(name) is \(value)", accepted: form.text)
        }
        self = fault
    }

    private static func make(_ name: String, _ value: String) -> Fault? {
        switch name {
        case "store-status": status(of: .cStoreRQ, value)
        case "find-status": status(of: .cFindRQ, value)
        case "find-limit": findLimit(value)
        case "move-status": status(of: .cMoveRQ, value)
        case "get-status": status(of: .cGetRQ, value)
        case "retrieve-failure": count(value).map { .retrieveFailure(every: $0) }
        case "commit-failure":
            coded(value).map {
                .commitmentFailure(StorageCommitmentFailureReason(rawValue: $0.code), every: $0.every)
            }
        case "commit-report": ReportAssociation(rawValue: value).map { .commitmentReport($0) }
        case "abort-after": count(value).map { .abort(every: $0) }
        case "close-in-file": count(value).map { .closeInFile(every: $0) }
        case "delay": DurationText.seconds(value).flatMap { (0...86_400).contains($0) ? .delay($0) : nil }
        case "reject": count(value).map { .reject(every: $0) }
        case "refuse-syntax": uid(value).map { .refuseTransferSyntax($0) }
        case "refuse-class": uid(value).map { .refuseSOPClass($0) }
        case "ignore-key": DataDictionary.tag(forKeyword: value).map { .ignoreKey($0) }
        case "unmatched-key": DataDictionary.tag(forKeyword: value).map { .unmatchedKey($0) }
        case "http-status": httpStatus(value)
        case "short-body": value.isEmpty ? .shortBody(every: 1) : count(value).map { .shortBody(every: $0) }
        case "ignore-keys": value.isEmpty ? .ignoreKeys(every: 1) : count(value).map { .ignoreKeys(every: $0) }
        case "silent-drop": value.isEmpty ? .silentDrop(every: 1) : count(value).map { .silentDrop(every: $0) }
        case "no-decode": value.isEmpty ? .noDecode : nil
        default: nil
        }
    }

    /// A status of an error.
    private static func httpStatus(_ value: String) -> Fault? {
        let parts = value.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = parts.first, let status = Int(first), (400...599).contains(status) else {
            return nil
        }
        guard parts.count == 2 else { return .httpStatus(status, every: 1) }
        return count(String(parts[1])).map { .httpStatus(status, every: $0) }
    }

    private static func status(of command: CommandField, _ value: String) -> Fault? {
        coded(value).map { .status(of: command, DIMSEStatus(rawValue: $0.code), every: $0.every) }
    }

    private static func findLimit(_ value: String) -> Fault? {
        let parts = value.split(separator: "/", omittingEmptySubsequences: false)
        guard let limit = parts.first.flatMap({ count(String($0)) }) else { return nil }
        guard parts.count > 1 else { return .findLimit(limit, .outOfResources) }
        guard parts.count == 2, let coded = coded(String(parts[1])) else { return nil }
        return .findLimit(limit, DIMSEStatus(rawValue: coded.code))
    }

    private static func coded(_ value: String) -> (code: UInt16, every: Int)? {
        let parts = value.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = parts.first else { return nil }
        let digits = first.lowercased().hasPrefix("0x") ? first.dropFirst(2) : first
        guard let code = UInt16(digits, radix: 16) else { return nil }
        guard parts.count == 2 else { return (code, 1) }
        return count(String(parts[1])).map { (code, $0) }
    }

    private static func count(_ value: String) -> Int? { Int(value).flatMap { $0 > 0 ? $0 : nil } }

    private static func uid(_ value: String) -> UID? {
        let uid = UIDRegistry.uid(forKeyword: value) ?? UID(value)
        return uid.isValid ? uid : nil
    }
}

extension Fault: CustomStringConvertible {
    /// As it is written on the command line.
    package var description: String {
        switch self {
        case .status(of: .cStoreRQ, let status, let every): Self.text("store-status", status.rawValue, every)
        case .status(of: .cFindRQ, let status, let every): Self.text("find-status", status.rawValue, every)
        case .status(of: .cMoveRQ, let status, let every): Self.text("move-status", status.rawValue, every)
        case .status(of: _, let status, let every): Self.text("get-status", status.rawValue, every)
        case .retrieveFailure(let every): "retrieve-failure=\(every)"
        case .commitmentFailure(let reason, let every): Self.text("commit-failure", reason.rawValue, every)
        case .commitmentReport(let report): "commit-report=\(report.rawValue)"
        case .abort(let every): "abort-after=\(every)"
        case .closeInFile(let every): "close-in-file=\(every)"
        case .delay(let seconds): "delay=\(seconds)"
        case .reject(let every): "reject=\(every)"
        case .refuseTransferSyntax(let uid): "refuse-syntax=\(UIDRegistry.keyword(of: uid) ?? uid.string)"
        case .refuseSOPClass(let uid): "refuse-class=\(UIDRegistry.keyword(of: uid) ?? uid.string)"
        case .findLimit(let limit, let status):
            "find-limit=\(limit)"
                + (status == .outOfResources ? "" : "/" + Hexadecimal.text(status.rawValue, digits: 4, uppercase: true))
        case .ignoreKey(let tag): "ignore-key=\(DataDictionary.keyword(of: tag))"
        case .unmatchedKey(let tag): "unmatched-key=\(DataDictionary.keyword(of: tag))"
        case .httpStatus(let status, let every): "http-status=\(status)" + (every == 1 ? "" : "/\(every)")
        case .shortBody(let every): Self.text("short-body", every)
        case .ignoreKeys(let every): Self.text("ignore-keys", every)
        case .silentDrop(let every): Self.text("silent-drop", every)
        case .noDecode: "no-decode"
        }
    }

    private static func text(_ name: String, _ every: Int) -> String { name + (every == 1 ? "" : "=\(every)") }

    private static func text(_ name: String, _ code: UInt16, _ every: Int) -> String {
        "\(name)=" + Hexadecimal.text(code, digits: 4, uppercase: true) + (every == 1 ? "" : "/\(every)")
    }
}
