import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
import PracticeArchive

/// The conformance statement in short, in the order of PS3.2, as Markdown; tables are made from what the code itself uses.
enum ConformanceStatement {
    static var text: String {
        """
        # DICOM conformance statement of dcmscu \(ImplementationIdentity.version)

        Made by `dcmscu --generate conformance`; change the code instead.

        dcmscu is a client for the command line. It is an SCU of verification, storage, query and retrieval, modality worklist \
        and storage commitment, and an SCP of storage for the instances of a C-MOVE or C-GET. Its practice archive (`--serve`) \
        is an SCP of these services, for tests. `--doctor` and `--probe` propose the same SOP classes to tell what a peer accepts, and \
        `--watch` accepts every proposed presentation context to tell what a caller wants: it answers C-ECHO, and all else with a \
        status that asks to try again later, unless `--output` keeps the instances. It neither displays nor decodes pixels, and changes no data sets, except for \
        lossless rewriting between native transfer syntaxes where a peer accepts no other.

        ## Implementation

        | | |
        |---|---|
        | Implementation Class UID | \(ImplementationIdentity.classUID) |
        | Implementation Version Name | \(ImplementationIdentity.versionName) |
        | Application Context | \(AssociateRequest.dicomApplicationContext) |

        ## SOP classes and roles

        \(table(["SOP class", "UID", "Client", "Practice archive"], classes))

        Storage stands for all \(UIDRegistry.storageSOPClasses.count) registered storage SOP classes of PS3.4, including retired ones, \
        and for every private or future class that a file or a peer names. For C-GET the client proposes the SCP role of the \
        storage classes. In storage commitment the client accepts the report on the same association and on a new one, on \
        which it accepts the SCP role of the server.

        ## Transfer syntaxes

        Data sets are kept in the encoding in which they are received. For each file the client proposes its own transfer \
        syntax, whatever it is, and for native ones also Explicit and Implicit VR Little Endian. It rewrites between these:

        \(table(["Transfer syntax", "UID"], TransferSyntax.uncompressed.map { [$0.description, $0.uid.string] }))

        Queries, matches and storage commitment are in Explicit or Implicit VR Little Endian. \
        \(UIDRegistry.transferSyntaxes.count) transfer syntaxes are registered; others are accepted as well.

        ## Query

        \(queries)

        The client negotiates relational queries, combined date-time matching, fuzzy matching of names and timezone query \
        adjustment on request. The archive grants relational queries and retrievals and combined date-time matching, and denies \
        the other two. It supports single value, wildcard, range, list of UID, universal and sequence matching (PS3.4 \
        C.2.2.2), case-insensitive for person names and case-sensitive for other text. Its worklist returns one match for each \
        scheduled procedure step.

        ## Web services

        Over HTTP the client is a user agent of the studies service (PS3.18 chapter 10), of storage commitment (chapter 13) and of the \
        worklist (chapter 14). Its parameters of queries are attributes by keyword or tag, with paths into sequences, `includefield`, `limit`, \
        `offset` and, on request, `fuzzymatching`; lists of UIDs are separated by commas. It follows redirects of GET, sends \
        credentials (Basic, Bearer, also by client credentials of OAuth 2, header fields, client certificates) to the origin of its base URL alone, and speaks HTTP/1.1 and HTTP/2.

        \(table(["Transaction", "Resources", "Media types"], webServices))

        With `--http-port` the practice archive is an origin server of the same service over HTTP/1.1; its base URL has no path. \
        It neither transcodes nor renders: instances are given in the transfer syntax in which they are held, 406 where that is \
        not accepted, and 206 with a Warning where a part of them is not. There are no frames, no bulk data and no thumbnails by \
        themselves (404, 406).

        \(table(["Transaction", "Resources of the archive", "Media types"], archiveWebServices))

        A search matches as C-FIND does in the study root model, relational too. Attributes are keywords or tags of the \
        dictionary, with dots between a sequence and what it holds; UIDs may be lists with commas. 400: an attribute that is \
        unknown, there twice, or has a value and is not matched at the level. `includefield` (also `all`), `limit` and `offset` are \
        supported; `fuzzymatching` is not and is answered with the Warning of PS3.18 8.3.4.2. An answer has at most \
        \(OriginServerLimits.matches) matches, and a Warning with the number of the others; no match is 200 with an empty list. \
        Metadata have all elements before the pixels but binary values of more than 1,024 bytes, which are left out and have no \
        BulkDataURI. A store is multipart alone, at most \(OriginServerLimits.parts) parts, in chunks or of a known length, and \
        `Expect: 100-continue` is answered: 200 where all instances were stored, 202 where some were, 409 where none was, each \
        with the data set of PS3.18 I.2. Failure Reason is the status of the C-STORE; of another study it is 0110H.

        ## Character sets

        Text is read and written in all character sets of PS3.3 C.12.1.1.2, with code extensions: single-byte sets, the \
        Japanese, Korean and Chinese sets of ISO 2022, ISO_IR 192 (UTF-8), GB18030 and GBK. Queries are sent in that of the \
        locale unless `--charset` says otherwise.

        ## Limits

        \(table(["What", "Limit"], limits))

        ## Security

        TLS by OpenSSL, as a client and as a server, with or without client certificates; a connection never falls back to \
        plain text. Certificate revocation lists and stapled OCSP responses are honoured. Profiles of PS3.15: \(TLSProfile.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")). User \
        identity (PS3.7 D.3.3.7) as user name, user name and passcode, Kerberos ticket, SAML assertion and JSON Web Token. \
        Values of patients are masked in messages and logs unless `--log-phi` is given.

        """
    }

    // MARK: Tables

    private static var classes: [[String]] {
        let models: [InformationModel] = [.patientRoot, .studyRoot, .patientStudyOnly]
        let retrieval = models.flatMap { model in
            [model.findSOPClass, model.moveSOPClass, model.getSOPClass].compactMap { $0 }
        }
        let row = { (uid: UID, archive: String) in [name(uid), uid.string, "SCU", archive] }
        return [row(VerificationSCU.sopClass, "SCP"), ["Storage", "see below", "SCU and SCP", "SCU and SCP"]]
            + retrieval.map { row($0, "SCP") }
            + [
                row(InformationModel.modalityWorklist.findSOPClass, "SCP, with `--worklist-items`"),
                row(StorageCommitmentRequest.sopClass, "SCP"),
            ]
    }

    private static let webServices: [[String]] = [
        [
            "Search (QIDO-RS)", "studies, series, instances, below a study or series and relational",
            "`application/dicom+json`",
        ],
        [
            "Retrieve (WADO-RS)", "studies, series, instances",
            "`multipart/related; type=\"application/dicom\"; transfer-syntax=*`, `application/dicom` for one instance",
        ],
        ["Store (STOW-RS)", "studies", "`multipart/related; type=\"application/dicom\"`, `application/dicom+json`"],
        [
            "Request commitment, check its result", "commitment-requests/{transactionUID}", "`application/dicom+json`",
        ],
        [
            "Search for scheduled procedure steps", "modality-scheduled-procedure-steps, else mwlitems",
            "`application/dicom+json`",
        ],
    ]

    private static let archiveWebServices: [[String]] = [
        [
            "Search (QIDO-RS)", "`/studies`, `/series`, `/instances`, and series and instances below a study or series",
            "`application/dicom+json`, `application/json`",
        ],
        [
            "Retrieve (WADO-RS)", "study, series, instance",
            "`multipart/related; type=\"application/dicom\"; transfer-syntax=...`, `application/dicom` for one instance",
        ],
        ["Retrieve metadata", "study, series, instance", "`application/dicom+json`, `application/json`"],
        [
            "Store (STOW-RS)", "`/studies`, `/studies/UID`",
            "`multipart/related; type=\"application/dicom\"`, `application/dicom+json`",
        ],
    ]

    private static var queries: String {
        let rows = InformationModel.allCases.flatMap { model -> [[String]] in
            let levels = model.levels.isEmpty ? [QueryLevel.study] : model.levels
            return levels.map { level in
                let keys = model.keys(at: level).filter { $0.path.isEmpty }
                return [
                    name(model.findSOPClass), model.levels.isEmpty ? "-" : level.rawValue,
                    names(keys.filter { $0.kind == .unique }), names(keys.filter { $0.kind == .required }),
                    String(keys.count { $0.kind == .optional }),
                ]
            }
        }
        return table(["Information model", "Level", "Unique keys", "Required keys", "Optional keys known"], rows)
    }

    private static var limits: [[String]] {
        let limits = AssociationLimits()
        return [
            ["Maximum PDU length announced", "\(PDULimits.standardAnnouncedMaximumLength) bytes (`--max-pdu`)"],
            [
                "Presentation contexts proposed",
                "\(PresentationContextPlan.maximumContextCount), more on further associations",
            ],
            ["Associations accepted at once", "\(AssociationServer.maximumAssociations)"],
            ["Requests over HTTP served at once", "\(OriginServerLimits.connections)"],
            [
                "Header of a request over HTTP",
                "\(OriginServerLimits.header) bytes, \(OriginServerLimits.fields) fields",
            ],
            ["Associate request, other control PDUs", "\(PDULimits.standardMaximumControlLength) bytes"],
            [
                "Data set held in memory (matches, reports)",
                "\(Association.maximumDataSetInMemory) bytes; a longer one is skipped and named",
            ],
            [
                "Data sets held in memory by all accepted associations together, with what is made of them",
                "\(AssociationServer.maximumMemory) bytes; others are refused (A700H, A701H, 0213H)",
            ],
            ["Nesting of sequences", "\(DecodingLimits.standard.maximumNestingDepth)"],
            [
                "References in one commitment request",
                "\(StorageCommitmentRequest.maximumReferenceCount) (`--max-references`)",
            ],
            ["Connect", seconds(limits.connect) + " (`--connect-timeout`)"],
            ["Answer to an association request", seconds(limits.association)],
            ["Silence of the peer", seconds(limits.inactivity) + " (`--timeout`)"],
            ["Release", seconds(limits.release)],
        ]
    }

    private static func seconds(_ limit: Double?) -> String { limit.map { "\(NumberWords.plain($0)) s" } ?? "none" }

    private static func name(_ uid: UID) -> String { UIDRegistry.name(of: uid) ?? uid.string }

    private static func names(_ keys: [KeyAttribute]) -> String {
        keys.map { DataDictionary.entry(for: $0.tag)?.keyword ?? "\($0.tag)" }.joined(separator: ", ")
    }

    private static func table(_ heads: [String], _ rows: [[String]]) -> String {
        let lines = [heads, heads.map { _ in "---" }] + rows
        return lines.map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
    }
}
