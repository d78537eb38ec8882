import DICOMNode
import DICOMProtocol
import PracticeArchive

extension OptionTable {
    static let archiveOptions: [OptionDefinition] = [
        OptionDefinition(
            "serve", value: .directory, .operation, "be a small archive over a folder, to try with",
            details: """
                Answers C-ECHO, C-STORE, C-FIND, C-MOVE, C-GET and storage commitment, and worklist queries where \
                --worklist-items names some, under any called AE title, on \
                --port-scp (11112 where it is not given), until it is interrupted; one line on the standard output for each event. \
                It is no PACS: it asks nobody who they are, keeps no backup, and is not for patients' images.
                """,
            traits: .common,
            apply: { (draft, argument) throws(UsageError) in
                draft.operations.append(.serve)
                draft.invocation.archiveDirectory = try argument.string()
            }),
        OptionDefinition(
            "self-test", .operation, "all operations against ourselves",
            details: """
                Starts the practice archive in this process, on a free port of the loopback interface, sends generated images \
                to it, finds and fetches them again, and compares every data set; then the same with TLS. Needs nothing else and \
                leaves nothing behind.
                """,
            traits: .common,
            apply: { (draft, _) throws(UsageError) in draft.operations.append(.selfTest) }),
        OptionDefinition(
            "destination", value: .text(placeholder: "TITLE=HOST:PORT"), .archive, for: [.serve],
            "where the archive finds an AE title",
            details: """
                A C-MOVE can name the titles that were given so; a storage commitment report for one of them goes to it on an \
                association of its own, for any other title it comes on the association of the request.
                """,
            traits: .repeatable,
            apply: { (draft, argument) throws(UsageError) in
                let (title, endpoint) = try destination(argument)
                draft.invocation.destinations[title] = endpoint
            }),
        OptionDefinition(
            "worklist-items", value: .file, .archive, for: [.serve], "what the archive's worklist holds",
            details: """
                Files, or a folder of them, in all forms that --query takes: DICOM files, such as --worklist --format dcm or \
                DCMTK's dump2dcm write, DICOM JSON, or lines of KEY=VALUE with an empty line between two items. They are read at \
                the start; dates such as "today" are those of that moment. Without items there is no worklist to ask.
                """,
            default: "no worklist", traits: .repeatable,
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.worklistItems.append(try argument.string())
            }),
        OptionDefinition(
            "images", value: .directory, .archive, for: [.selfTest], "keep the made-up images here",
            default: "they are deleted",
            apply: { (draft, argument) throws(UsageError) in
                draft.invocation.imagesDirectory = try argument.string()
            }),
        OptionDefinition(
            "inject", value: .text(placeholder: "FAULT=VALUE"), .archive, for: [.serve],
            "do something wrong on purpose",
            details: "So that scripts can be rehearsed. "
                + Fault.forms.map { "\($0.name)=\($0.value) \($0.meaning)" }.joined(separator: "; ")
                + ". Statuses are hexadecimal: store-status=A700/5.",
            traits: .repeatable,
            apply: { (draft, argument) throws(UsageError) in
                do throws(Fault.ParsingError) {
                    draft.invocation.faults.append(try Fault(parsing: argument.text))
                } catch {
                    throw argument.error(error.problem, accepted: error.accepted)
                }
            }),
    ]

    private static func destination(
        _ argument: OptionArgument
    ) throws(UsageError) -> (AETitle, Endpoint) {
        let parts = argument.text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let title = AETitle(String(parts[0])) else {
            throw argument.error("no AE title before =", accepted: "TITLE=HOST:PORT")
        }
        let peer = try PeerArgument.parse(String(parts[1]), option: argument.definition.option)
        guard let port = peer.port, peer.aeTitle == nil else {
            throw argument.error("no port after the host", accepted: "TITLE=HOST:PORT")
        }
        return (title, Endpoint(host: peer.host, port: port))
    }
}

extension InvocationDraft {
    /// The port that is usual for DICOM without privileges, PS3.8 9.1.1.
    private static let archivePort: UInt16 = 11_112

    /// What the practice archive is called and where it listens, where nothing else was said.
    mutating func resolveArchive(_ options: [OptionArgument]) {
        guard invocation.operation == .serve else { return }
        if invocation.receiverPort == nil { invocation.receiverPort = Self.archivePort }
        if !options.contains(where: { $0.definition.name == "aetitle" }) {
            invocation.callingAETitle = AETitle(wire: "PRACTICE".utf8)
        }
    }
}
