import DICOM
import DICOMNode
import DICOMProtocol

extension OptionCategory {
    static let outputOptions: [OptionDefinition] = [
        OptionDefinition(
            .format, value: .choice(ResultFormat.allCases.map(\.rawValue)), .output,
            "format of the results",
            details: """
                For queries: text is one line an element, as gdcmscu has it; table is columns that fit the terminal, csv and \
                tsv such columns for spreadsheets (in csv an apostrophe keeps values from being taken for formulas); json is an \
                array in the DICOM JSON Model, jsonl one such object on a line; dcm is one DICOM file for each match, \
                rsp0001.dcm and so on, in the --output directory; count is the number of matches alone. Matches are \
                written as they arrive. Of several peers each match has its node: in text behind its number, in columns \
                as the first one, in JSON as Retrieve AE Title where the peer gives none. For the other \
                operations jsonl prints one object for each instance or echo, and one for the run at the end. See JSON LINES. \
                Of --compare text is one line for each difference, csv and jsonl what --from-list takes. Of --probe json is an array with one object for each peer. \
                nagios is the line of a monitoring plugin, with its exit codes 0 to 3; prometheus (--echo) are metrics of all \
                peers. See MONITORING.
                """,
            default: .text("table on a terminal, otherwise text"), traits: .common,
            rules: [.only(when: .formatOfOperation)],
            apply: { (draft, argument) throws(UsageError) in
                draft.format = try argument.format(for: draft.operation)
            }),
        OptionDefinition(
            .columns, value: .columns, .output, for: .querying.union(.compare), "the columns of table, csv and tsv",
            details: """
                Attributes as for --return, with commas between. What they name is asked for, too. With --compare: the attributes \
                that are compared beside the number of instances.
                """,
            default: .text("the requested attributes"),
            rules: [.only(when: .formatWithColumns)],
            apply: { (draft, argument) throws(UsageError) in
                draft.find.columns = try argument.columns()
            }),
        OptionDefinition(
            .show, value: .text(placeholder: "WHAT"), .output, for: .compare, "what of a comparison is printed",
            details: """
                missing (at the second peer, -), extra (only there, +), different (*), doubtful (?) and equal (=), with commas \
                between, or all. Without equal these are only counted.
                """,
            default: .text("all but equal"),
            apply: { (draft, argument) throws(UsageError) in draft.compare.shown = try shown(argument) }),
        OptionDefinition(
            .groupBy, value: .columns, .output, for: .querying, "count the matches by the values of attributes",
            details: "One line for each combination of values, with the number of matches that have it.",
            rules: [.excludes([.columns]), .only(when: .formatWithGroups)],
            apply: { (draft, argument) throws(UsageError) in draft.find.groupKeys = try argument.columns() }),
        OptionDefinition(
            .wide, .output, for: .querying, "show all columns of a table, and every value whole",
            details: """
                Otherwise a table fits the terminal: texts are cut, and where that is not enough the less important columns are \
                left out; the last line names them. A UID is whole or left out.
                """,
            rules: [.only(when: .formatOfTable)],
            apply: { (draft, _) throws(UsageError) in draft.find.isWide = true }),
        OptionDefinition(
            .color, value: .choice(ColorChoice.allCases.map(\.rawValue)), .output, for: .querying, "colour of a table",
            details: "auto: on a terminal, unless NO_COLOR is set in the environment.",
            default: .text(ColorChoice.auto.rawValue), rules: [.only(when: .formatOfTable)],
            apply: { (draft, argument) throws(UsageError) in
                draft.find.color = try argument.choice(ColorChoice.self)
            }),
    ]

    private static func shown(_ argument: OptionArgument) throws(UsageError) -> [Difference] {
        guard argument.text != "all" else { return Difference.allCases }
        let accepted = (Difference.allCases.map(\.rawValue) + ["all"]).joined(separator: ", ")
        var shown: [Difference] = []
        for word in argument.text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let difference = Difference(rawValue: String(word)) else {
                throw argument.error(
                    "not known", accepted: accepted + ", with commas between",
                    suggestion: EditDistance.nearest(to: String(word), in: Difference.allCases.map(\.rawValue)))
            }
            if !shown.contains(difference) { shown.append(difference) }
        }
        return shown
    }

    static let receivingOptions: [OptionDefinition] = [
        OptionDefinition(
            .output, short: "o", value: .directory, .receiving,
            for: [.find, .worklist, .move, .get, .storageCommitment, .watch], "directory for received instances",
            details: """
                It is made, with its parents, where it does not exist. For queries with --format dcm: where matches go. \
                For --stgcmt: where the server's reports are kept as DICOM files; without the option none is kept. For --watch: \
                where instances are kept; without the option none is.
                """,
            default: .text("the current directory"), traits: [.compatible, .common],
            rules: [.only(when: .receivesHere), .only(when: .formatOfFiles)],
            apply: { (draft, argument) throws(UsageError) in
                draft.outputDirectory = try argument.path()
            }),
        OptionDefinition(
            .portSCP, value: .port, .receiving, for: .listening, "port of our receiver",
            details: "A move to ourselves needs it; a storage commitment report comes to it.",
            traits: [.compatible, .common],
            rules: [.only(when: .receivesHere), .only(when: .getMayMove), .only(when: .commitsAfterStore)],
            apply: { (draft, argument) throws(UsageError) in draft.connection.receiverPort = try argument.port() }),
        OptionDefinition(
            .bind, value: .host(placeholder: "ADDRESS"), .receiving, for: .listening,
            "address that the receiver listens on",
            default: .text("all addresses, IPv4 and IPv6; for \(OptionName.serve) \(ServeOptions.standardBindAddress)"),
            rules: [.only(when: .receivesHere), .only(when: .getMayMove), .only(when: .commitsAfterStore)],
            apply: { (draft, argument) throws(UsageError) in
                draft.connection.bindAddress = try argument.string()
            }),
        OptionDefinition(
            .moveDestination, value: .aeTitle, .receiving, for: [.move],
            "AE title that the instances are sent to",
            details: "With another AE title than our own nothing is received here.",
            default: .text("our own AE title"), traits: .common, group: .destination,
            apply: { (draft, argument) throws(UsageError) in
                draft.moveDestination = try argument.aeTitle()
            }),
        OptionDefinition(
            .to, value: .host(placeholder: "@NODE"), .receiving, for: [.move],
            "node that the instances are sent to",
            details: """
                A node of the configuration, by its AE title there; without the @ an AE title, as with --move-destination.
                """,
            group: .destination, rules: [.excludes([.moveDestination])],
            apply: { (draft, argument) throws(UsageError) in
                if argument.text.hasPrefix("@") {
                    draft.destinationNode = String(argument.text.dropFirst())
                } else {
                    draft.moveDestination = try argument.aeTitle()
                }
            }),
        OptionDefinition(
            .name, value: .text(placeholder: "PATTERN"), .receiving, for: .retrieving,
            "path of instances below the output directory",
            details: """
                {Keyword} stands for the value of that attribute, made safe for a file name: \
                {PatientID}/{SeriesNumber}-{SOPInstanceUID}.dcm
                """,
            default: .text(InstanceNaming.standardPattern),
            rules: [.only(when: .receivesHere)],
            apply: { (draft, argument) throws(UsageError) in draft.retrieve.naming = try naming(argument) }),
        OptionDefinition(
            .ifExists, value: .choice(InstanceWriter.Existing.allCases.map(\.rawValue)), .receiving,
            for: .retrieving.union([.find, .worklist]), "action if the file name is taken",
            details: """
                rename keeps both: the second gets a number. The same content is never kept twice. skip and overwrite need a \
                --name with {SOPInstanceUID}: with another, two instances of a run could have one name. Queries take it with \
                --format dcm.
                """,
            default: .text(RetrieveOptions().existingFile.rawValue),
            rules: [.only(when: .receivesHere), .only(when: .formatOfFiles)],
            apply: { (draft, argument) throws(UsageError) in
                draft.existingFile = try argument.choice(InstanceWriter.Existing.self)
            }),
        OptionDefinition(
            .grace, value: .seconds(0...86_400), .receiving, for: .planning,
            "time to wait after the last sign of life for instances that are announced or listed",
            details: """
                After a C-MOVE. The association of the server is also left to its own release for as long. With --verify find, and with --copy, \
                the time in which the destination should list what it got.
                """,
            default: .seconds(RetrieveOptions().grace),
            rules: [.only(when: .waitsForInstances)],
            apply: { (draft, argument) throws(UsageError) in draft.retrieve.grace = try argument.seconds() }),
        OptionDefinition(
            .noCheck, .receiving, for: .planning, "do not ask the server for a list to compare with",
            details: """
                What is received is then compared with the server's own counts alone, as it is where the server does not \
                answer the query for the list. Over HTTP there are no such counts, and nothing is left to compare with: a \
                missing instance goes unnoticed unless the answer is cut off or says that it is only a part (status 206). A \
                patient, and what is named without its study or series, is listed all the same there: the path of a request \
                needs them.
                """,
            apply: { (draft, _) throws(UsageError) in draft.retrieve.isChecked = false }),
        OptionDefinition(
            .keepBroken, .receiving, for: .retrieving, "keep received data sets that are cut off or malformed",
            details: """
                They count as failed all the same. Their names end in .broken; without the option nothing of them is kept.
                """,
            rules: [.only(when: .receivesHere)],
            apply: { (draft, _) throws(UsageError) in draft.retrieve.keepsBroken = true }),
        OptionDefinition(
            .orMove, .receiving, for: [.get, .copy], "use C-MOVE if the server offers no C-GET",
            details: "It needs --port-scp, and the server must know our AE title.",
            rules: [.requires(.portSCP, unless: .dryRun)],
            apply: { (draft, _) throws(UsageError) in draft.retrieve.fallsBackToMove = true }),
        OptionDefinition(
            .prefer, value: .text(placeholder: "SYNTAX"), .receiving, for: .retrieving,
            "receive in this transfer syntax if the server converts",
            details: """
                A name (\(TransferSyntaxNames.accepted)); several have commas between them, the best first. Everything is \
                still accepted as the server has it.
                """,
            rules: [.only(when: .receivesHere)],
            apply: { (draft, argument) throws(UsageError) in
                for name in argument.text.split(separator: ",", omittingEmptySubsequences: false) {
                    guard let uid = TransferSyntaxNames.uid(for: String(name)) else {
                        throw argument.error(
                            "no transfer syntax that is known", accepted: TransferSyntaxNames.accepted,
                            suggestion: TransferSyntaxNames.nearest(to: String(name)))
                    }
                    draft.retrieve.preferredSyntaxes.append(uid)
                }
            }),
        OptionDefinition(
            .fsync, value: .choice(OutputFolder.Syncing.allCases.map(\.rawValue)), .receiving, for: .retrieving,
            "when received instances are synced to disk",
            details: """
                each: the file, its name, its folder and its line in the journal before the server is told that the instance is stored; end: all at once, \
                in every file system that was written to, before the program says that it succeeded. Either holds for files that \
                were there already, too.
                """,
            default: .text(RetrieveOptions().syncing.rawValue),
            rules: [.only(when: .receivesHere)],
            apply: { (draft, argument) throws(UsageError) in
                draft.retrieve.syncing = try argument.choice(OutputFolder.Syncing.self)
            }),
        OptionDefinition(
            .mode, value: .text(placeholder: "OCTAL"), .receiving, for: .retrieving,
            "mode of received files, such as 640",
            details: """
                Journals, logs, lists, reports, queries and files of transactions are made with the mode 600, whatever the umask \
                is; those that exist keep theirs.
                """,
            default: .text("as the umask has it"),
            rules: [.only(when: .receivesHere)],
            apply: { (draft, argument) throws(UsageError) in draft.retrieve.fileMode = try mode(argument) }),
        OptionDefinition(
            .acceptFrom, value: .aeTitle, .receiving, for: .calledBack, "AE title that may call our receiver",
            details: """
                Without it every caller that uses our AE title may. A report on storage commitment counts if it comes on our \
                association, or from the AE title that we called, or from one that is given here: the Transaction UID alone \
                proves nothing.
                """,
            traits: .repeatable,
            rules: [.only(when: .receivesHere), .only(when: .getMayMove), .only(when: .commitsAfterStore)],
            apply: { (draft, argument) throws(UsageError) in
                draft.connection.acceptedCallers.append(try argument.aeTitle())
            }),
    ]

    /// Three or four octal digits that let the owner read the file.
    private static func mode(_ argument: OptionArgument) throws(UsageError) -> UInt32 {
        let text = argument.text
        guard (3...4).contains(text.utf8.count), let mode = UInt32(text, radix: 8), mode <= 0o777, mode & 0o600 == 0o600
        else {
            throw argument.error("not a mode of a file", accepted: "octal digits from 600 to 777, such as 640")
        }
        return mode
    }

    private static func naming(_ argument: OptionArgument) throws(UsageError) -> InstanceNaming {
        let pairs = zip(argument.text, argument.text.dropFirst())
        if !argument.text.contains("{"), let field = pairs.first(where: { $0 == "%" && $1.isLetter }) {
            throw argument.error(
                "%\(field.1) stands for nothing here",
                accepted: "attributes in braces, such as {PatientID}/{SOPInstanceUID}.dcm")
        }
        do throws(InstanceNaming.PatternError) {
            return try InstanceNaming(pattern: argument.text)
        } catch {
            let words = argument.text.split(separator: "{", omittingEmptySubsequences: false).dropFirst()
                .compactMap { $0.split(separator: "}").first }
            let unknown = words.first { DataDictionary.tag(forKeyword: String($0)) == nil }
            let meant = unknown.flatMap { word in
                AttributeName.tag(of: word).map { DataDictionary.keyword(of: $0) }
                    ?? AttributeName.nearest(to: String(word)).first
            }
            throw argument.error(
                error.description, accepted: "a relative path with {Keyword} for values, such as {SOPInstanceUID}.dcm",
                suggestion: meant.map { "{\($0)}" })
        }
    }
}

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
