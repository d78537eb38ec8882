import DICOM
import DICOMNode
import DICOMProtocol
import PracticeArchive

extension OptionCategory {
    static let archiveOptions: [OptionDefinition] = [
        OptionDefinition(
            .destination, value: .text(placeholder: "TITLE=HOST:PORT"), .archive, for: [.serve],
            "host and port of an AE title",
            details: """
                A C-MOVE can name these AE titles; a storage commitment report for one of them goes to it on an \
                association of its own, for any other AE title it comes on the association of the request.
                """,
            traits: .repeatable,
            apply: { (draft, argument) throws(UsageError) in
                let (title, endpoint) = try destination(argument)
                draft.serve.destinations[title] = endpoint
            }),
        OptionDefinition(
            .httpPort, value: .integer(placeholder: "PORT", 0...65_535), .archive, for: [.serve],
            "also speak DICOMweb at this port",
            details: """
                QIDO-RS, WADO-RS and STOW-RS over the same archive, at the base URL http://127.0.0.1:PORT, and a page for a \
                browser at / that lists what the archive holds. With --tls it is https, with the same certificate. 0 lets the \
                system choose the port; the first line tells it. --bind holds for it, too. What is said over HTTP is in the log, \
                and not in --capture and --transcript.
                """,
            default: .text("no HTTP"),
            apply: { (draft, argument) throws(UsageError) in
                draft.serve.httpPort = UInt16(try argument.integer())
            }),
        OptionDefinition(
            .worklistItems, value: .file, .archive, for: [.serve], "items of the archive's worklist",
            details: """
                Files, or a folder of them, in all forms that --query takes: DICOM files, such as --worklist --format dcm or \
                DCMTK's dump2dcm write, DICOM JSON, or lines of KEY=VALUE with an empty line between two items. They are read at \
                the start; dates such as "today" are those of that moment. Without items worklist queries are not supported.
                """,
            default: .text("no worklist"), traits: .repeatable,
            apply: { (draft, argument) throws(UsageError) in
                draft.serve.worklistItems.append(try argument.path())
            }),
        OptionDefinition(
            .images, value: .directory, .archive, for: [.selfTest], "keep the generated images here",
            default: .text("they are deleted"),
            apply: { (draft, argument) throws(UsageError) in
                draft.selfTest.imagesDirectory = try argument.path()
            }),
        OptionDefinition(
            .inject, value: .text(placeholder: "FAULT=VALUE"), .archive, for: [.serve],
            "inject a fault, to rehearse scripts",
            details: Fault.forms.map { "\($0.text) \($0.meaning)" }.joined(separator: "; ")
                + ". Every Nth is counted over all peers; without N every one is meant. Statuses of DIMSE are hexadecimal: "
                + "store-status=A700/5. Over HTTP store-status, retrieve-failure, ignore-key, unmatched-key and delay hold, too.",
            traits: .repeatable,
            apply: { (draft, argument) throws(UsageError) in
                do throws(Fault.ParsingError) {
                    draft.serve.faults.append(try Fault(parsing: argument.text))
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
