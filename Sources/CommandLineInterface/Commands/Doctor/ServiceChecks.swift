import DICOM
import DICOMNode
import DICOMProtocol
import System

extension Examination {
    // MARK: Services

    /// The services that were accepted, by presentation contexts alone. One that is not offered is a finding, unless the
    /// user demands it.
    func checkServices() -> DoctorFinding {
        let services = services ?? []
        var offered: [String] = []
        var missing: [String] = []
        var finding = DoctorFinding(.services, .passed, "")
        for service in DoctorService.ofAssociations {
            let accepted = offers(service, services)
            let names = accepted.map(\.name).filter { !$0.isEmpty }
            finding.set(service.rawValue, .array(accepted.map { .string($0.uid.string) }))
            if accepted.isEmpty {
                missing.append(service.title)
            } else {
                offered.append(service.title + (names.isEmpty ? "" : " (\(names.joined(separator: ", ")))"))
            }
        }
        finding.text = offered.isEmpty ? "none is accepted" : offered.joined(separator: ", ")
        if !missing.isEmpty { finding.text += "; not accepted: \(missing.joined(separator: ", "))" }
        let demanded = options.services.filter { service in
            service != .store && !service.sopClasses.contains { services.contains($0.uid) }
        }
        if lacksRoleOfGet, !offers(.get, services).isEmpty {
            finding.note(
                "C-GET is accepted, and storage in the role that it needs is not", .rolesRefused,
                "C-GET can bring nothing from this server: retrieve with \(OptionName.move)")
        }
        guard let first = demanded.first else { return finding }
        finding.mark = .failed
        finding.text = "\(first.title) is not accepted; accepted: \(finding.text)"
        finding.cause = .notOffered
        finding.exitCode = .noPresentationContext
        finding.remedy =
            Hint.noPresentationContext(service: first.title).text
            + "; many servers let only registered AE titles use it"
        return finding
    }

    private func offers(_ service: DoctorService, _ services: Set<UID>) -> [(name: String, uid: UID)] {
        service.sopClasses.filter { services.contains($0.uid) }
    }

    // MARK: Storage

    /// Transfer syntaxes with the headings of their columns; the legend stands below the table.
    private static let syntaxes: [(name: String, uid: UID)] = [
        ("impl", TransferSyntax.implicitVRLittleEndian.uid), ("expl", TransferSyntax.explicitVRLittleEndian.uid),
        ("defl", TransferSyntax.deflatedExplicitVRLittleEndian.uid), ("jpeg", "1.2.840.10008.1.2.4.50"),
        ("jp12", "1.2.840.10008.1.2.4.51"), ("jpll", "1.2.840.10008.1.2.4.70"), ("jls", "1.2.840.10008.1.2.4.80"),
        ("jlsn", "1.2.840.10008.1.2.4.81"), ("j2kl", "1.2.840.10008.1.2.4.90"), ("j2k", "1.2.840.10008.1.2.4.91"),
        ("rle", TransferSyntax.rleLossless.uid), ("htj2", "1.2.840.10008.1.2.4.201"),
    ]

    /// Each class in each syntax has a context of its own: only so does the server say what it takes.
    func checkStorage() -> DoctorFinding {
        endAssociation()
        let classes = options.classes + options.demandedClasses.filter { !options.classes.contains($0) }
        let plan = PresentationContextPlan(
            needs: classes.map { .init($0, Self.syntaxes.map(\.uid), separately: true) })
        var accepted: [UID: Set<UID>] = [:]
        for contexts in plan.associations {
            do throws(AssociationError) {
                let association = try associate(network.parameters(contexts))
                for context in association.contexts.accepted {
                    accepted[context.abstractSyntax, default: []].insert(context.transferSyntax.uid)
                }
                try network.release(association)
            } catch .rejected(.noReasonGiven) {
                // An association with the same AE titles was accepted before.
                return .skipped(
                    .storage, "not offered: the server rejects an association that proposes storage alone")
            } catch {
                return failure(.storage, error)
            }
        }
        acceptedClasses = accepted.count
        var finding = DoctorFinding(
            .storage, .passed, "\(accepted.count) of \(classes.count) storage SOP classes accepted")
        finding.details = table(accepted, of: classes)
        finding.picture = .table(
            columns: Self.syntaxes.map { UIDRegistry.displayName(of: $0.uid) },
            rows: classes.map { uid in
                (
                    UIDRegistry.displayName(of: uid),
                    Self.syntaxes.map { accepted[uid]?.contains($0.uid) == true }
                )
            })
        finding.set(
            "classes",
            .object(
                classes.map { uid in
                    let syntaxes = Self.syntaxes.map(\.uid).filter { accepted[uid]?.contains($0) == true }
                    return (uid.string, .array(syntaxes.map { .string($0.string) }))
                }))
        var missing = options.demandedClasses.first { accepted[$0] == nil }.map { UIDRegistry.displayName(of: $0) }
        if options.services.contains(.store), accepted.isEmpty { missing = missing ?? DoctorService.store.title }
        guard let missing else { return finding }
        finding.mark = .failed
        finding.text = "\(missing) is not accepted; \(finding.text)"
        finding.cause = .notOffered
        finding.exitCode = .noPresentationContext
        finding.remedy =
            Hint.noPresentationContext(service: ServiceKind.storage.name).text
            + "; many servers let only registered AE titles store"
        return finding
    }

    private func table(_ accepted: [UID: Set<UID>], of classes: [UID]) -> [String] {
        guard let first = accepted.values.first else { return [] }
        let used = Self.syntaxes.filter { syntax in accepted.values.contains { $0.contains(syntax.uid) } }
        if accepted.count == classes.count, accepted.values.allSatisfy({ $0 == first }) {
            return ["each in:"] + used.map { "  \(UIDRegistry.displayName(of: $0.uid))" }
        }
        let names = classes.map { uid in
            StorageClassName.usual.first { $0.uid == uid }?.name ?? uid.string
        }
        let width = (names.map(\.count).max() ?? 0) + 2
        func line(_ name: String, _ cells: [String]) -> String {
            TextLayout.padded(name, to: width)
                + cells.map { TextLayout.padded($0, to: 4) }.joined(separator: " ")
        }
        var lines = [line("", Self.syntaxes.map(\.name))]
        var refused: [String] = []
        for (name, uid) in zip(names, classes) {
            guard let syntaxes = accepted[uid] else {
                refused.append(name)
                continue
            }
            lines.append(line(name, Self.syntaxes.map { syntaxes.contains($0.uid) ? "x" : "." }))
        }
        if !refused.isEmpty { lines.append("not accepted: \(refused.joined(separator: " "))") }
        return lines + used.map { "\(TextLayout.padded($0.name, to: 5)) \(UIDRegistry.displayName(of: $0.uid))" }
    }

    // MARK: Query

    /// Values that no study has: a server that answers with matches has ignored the key.
    private static let impossible: [(tag: Tag, value: String)] = [
        (.patientID, "NO-SUCH-PATIENT-ID"), (.patientName, "NO^SUCH^NAME"), (.studyDate, "18000101"),
        (.accessionNumber, "NO-SUCH-NUMBER"), (.modalitiesInStudy, "ZZ"),
    ]

    /// Matches that are counted of a query for all studies; then it is cancelled.
    private static let maximumMatches = 2_000
    /// Responses that are counted, equal ones included.
    private static let maximumResponses = 20_000

    func checkQuery() -> DoctorFinding {
        if network.connection.web != nil { return checkQueryOverHTTP() }
        let models: [InformationModel] = [.studyRoot, .patientRoot]
        guard let model = models.first(where: { services?.contains($0.findSOPClass) == true }) else {
            return .skipped(.query, "C-FIND is not accepted")
        }
        endAssociation()
        do throws(AssociationError) {
            let association = try associate(for: FindSCU.needs(model.findSOPClass))
            defer { try? network.release(association) }
            return try query(on: association, model)
        } catch {
            return failure(.query, error)
        }
    }

    private func checkQueryOverHTTP() -> DoctorFinding {
        do throws(AssociationError) {
            return try query(on: try network.webSession(), .studyRoot)
        } catch {
            return failure(.query, error)
        }
    }

    private func query(on session: any QuerySession, _ model: InformationModel) throws(AssociationError)
        -> DoctorFinding
    {
        let watch = Stopwatch()
        let all = try count(nil, on: session, model, limit: Self.maximumMatches)
        let seconds = watch.seconds
        guard all.status == nil else { return refusedQuery(all) }
        var ignored: [Tag] = []
        for (tag, value) in Self.impossible {
            let found = try count((tag, value), on: session, model, limit: 1)
            if found.responses > 0 { ignored.append(tag) }
        }
        return queryFinding(all.studies.count, all.responses, seconds, ignored)
    }

    private func queryFinding(_ matches: Int, _ responses: Int, _ seconds: Double, _ ignored: [Tag]) -> DoctorFinding {
        let isAll = matches < Self.maximumMatches && responses < Self.maximumResponses
        var finding = DoctorFinding(
            .query, .passed,
            isAll ? "all studies: \(Quantity.count(matches, "match"))" : "all studies: the first \(matches) matches")
        finding.seconds = seconds
        finding.set("matches", .number(matches))
        finding.set("keysIgnored", ignored.map { DataDictionary.keyword(of: $0) })
        if matches == 0 { finding.text += ", so that it cannot be told which keys are ignored" }
        // A limit of a server is a round number.
        // Over HTTP the list was asked for to its end.
        if network.connection.web == nil, isAll, responses >= 50, responses.isMultiple(of: 50) {
            finding.note(
                "a round number, which may be a limit of the server", .listCutShort,
                "narrower queries, such as one by day, show whether there is more")
        }
        guard !ignored.isEmpty else { return finding }
        let names = ignored.map { DataDictionary.keyword(of: $0) }.joined(separator: ", ")
        finding.note(
            "the server ignores \(names)", .keysIgnored,
            "a query by \(ignored.count == 1 ? "this key" : "these keys") alone returns more than was meant; "
                + "\(OptionName.find), \(OptionName.get) and \(OptionName.move) compare what comes back with the keys")
        return finding
    }

    private func refusedQuery(_ count: MatchCount) -> DoctorFinding {
        guard let response = count.response else { return .skipped(.query, "the query was not answered") }
        return refused(.query, Message(refusal: response, of: "C-FIND", by: network.peerName, service: .find))
    }

    private struct MatchCount {
        /// The studies: some servers answer once for each instance.
        var studies: Set<String> = []
        /// Of all responses with a study, or without one.
        var responses = 0
        /// Of a failure; nil for success, a warning, and where we have cancelled.
        var status: DIMSEStatus?
        var response: CommandSet?
    }

    private func count(
        _ key: (tag: Tag, value: String)?, on session: any QuerySession, _ model: InformationModel, limit: Int
    ) throws(AssociationError) -> MatchCount {
        var identifier = DataSet()
        identifier.set(.queryRetrieveLevel, .CS, QueryLevel.study.rawValue)
        identifier.setEmpty(.studyInstanceUID, .UI)
        if let key { identifier.set(key.tag, DataDictionary.vr(of: key.tag), key.value) }
        var count = MatchCount()
        let result = try session.find(
            sopClass: model.findSOPClass, identifier: identifier, priority: .medium, beforeBlockingRead: nil,
            onMatch: { match in
                count.responses += 1
                // A match that cannot be read, or does not say its study, is one all the same.
                let study = (try? match.identifier())?.string(.studyInstanceUID)
                count.studies.insert(study ?? "\(count.responses)")
                return count.studies.count < limit && count.responses < Self.maximumResponses ? .goOn : .cancel
            })
        count.response = result.final?.command
        if let status = result.status, status.kind == .failure, !result.wasCancelled { count.status = status }
        return count
    }
}
