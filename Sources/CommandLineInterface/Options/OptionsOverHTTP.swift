import DICOM
import DICOMweb
import System

/// What a peer over HTTP cannot be asked. Options of the configuration that stand here are passed over.
enum OptionsOverHTTP {
    /// The operations that there are over HTTP.
    static let operations: [Operation] = [
        .echo, .find, .get, .store, .worklist, .storageCommitment, .doctor, .probe, .compare, .copy,
    ]

    /// Parts of an association, of the upper layer or of DIMSE.
    static let ofAssociations: [OptionName] = [
        .aetitle, .call, .port, .maxPDU, .window, .priority, .kerberos, .saml, .userUnconfirmed, .portSCP, .bind,
        .acceptFrom, .orMove, .grace, .tls, .tlsClientCert, .datetimeMatching, .timezone, .psonly, .classes,
        .transaction, .listen, .captureBytes,
    ]

    /// The operations that there are by Orthanc's own interface.
    static let operationsOfOrthanc: [Operation] = [.echo, .find, .get, .store, .compare, .copy]

    /// What DICOMweb has, and Orthanc's own interface has not.
    static let ofDICOMweb: [OptionName] = [.fuzzy, .prefer, .qidoURL, .wadoURL, .stowURL]
}

extension OptionDraft {
    /// Checks that the command line asks nothing of a peer over HTTP that there is not.
    ///
    /// - Throws: `UsageError` that names the option, or the operation, and the URL.
    func checkOverHTTP(_ web: WebAddress, _ typed: [OptionArgument]) throws(UsageError) {
        let isOfOrthanc = web.interface == .orthanc
        let operations = isOfOrthanc ? OptionsOverHTTP.operationsOfOrthanc : OptionsOverHTTP.operations
        let there = isOfOrthanc ? "with orthanc+http://" : "over HTTP"
        guard operations.contains(operation) else {
            throw UsageError(
                .optionNotApplicable, option: operation.option, value: web.description,
                problem: "\(operation.option) does not work \(there); HOST is \(web)",
                accepted: operations.map(\.option.description).joined(separator: ", "))
        }
        // It was asked for as a proof: from the configuration, too.
        if isOfOrthanc, operation == .store, verification == .commit {
            let what = "\(OptionName.verify) \(StoreVerificationMethod.commit.rawValue)"
            throw UsageError(
                .conflictingOptions, option: .verify, value: web.description,
                problem: "\(what) does not work \(there); HOST is \(web)",
                accepted: "\(OptionName.verify) \(StoreVerificationMethod.find.rawValue)")
        }
        for argument in typed {
            let name = argument.definition.name
            // Of two peers it may be for the other one; and whoever copies waits for what a list does not have yet.
            if OptionsOverHTTP.ofAssociations.contains(name), otherSide?.hasAssociations != true,
                operation != .copy || name != .grace
            {
                let instead = name == .tls ? "a URL with https, which is TLS" : "\(name) with HOST PORT"
                throw UsageError(
                    .conflictingOptions, option: name, value: web.description,
                    problem: "\(name) does not apply to HTTP, and HOST is \(web)", accepted: instead)
            }
            if isOfOrthanc, OptionsOverHTTP.ofDICOMweb.contains(name) {
                throw UsageError(
                    .conflictingOptions, option: name, value: web.description,
                    problem: "\(name) does not apply to Orthanc's own interface, and HOST is \(web)",
                    accepted: "\(name) with the URL of DICOMweb")
            }
            if name == .capture, let path = try? argument.path(), path.isPacketCapture {
                throw UsageError(
                    .conflictingOptions, option: name, value: path.displayed,
                    problem: "\(name) \(path.displayed): HTTP is not captured as packets, and HOST is \(web)",
                    accepted: "\(name) FILE.har, or another name for text")
            }
        }
    }
}

extension DoctorOptions {
    /// Checks that what `--only` names can be found out of this peer.
    ///
    /// - Throws: `UsageError` that names the check, or the class, and the peer.
    func checkOnly(of host: HostArgument) throws(UsageError) {
        let name: String
        let accepted: [String]
        if let web = host.web {
            // Nothing is negotiated over HTTP.
            let sopClass = demandedClasses.first.map { UIDRegistry.displayName(of: $0) }
            let of = DoctorCheck.ofWebPeer
            guard let found = sopClass ?? checks.first(where: { !of.contains($0) })?.rawValue else { return }
            name = "\(found) is about associations, and HOST is \(web)"
            accepted = of.map(\.rawValue) + DoctorService.overHTTP.map(\.rawValue)
        } else {
            let of = DoctorCheck.ofPeer
            guard let found = checks.first(where: { !of.contains($0) && DoctorCheck.ofWebPeer.contains($0) }) else {
                return
            }
            name = "\(found.rawValue) is made over HTTP, and HOST is no URL"
            accepted = of.map(\.rawValue) + DoctorService.ofAssociations.map(\.rawValue)
        }
        throw UsageError(
            .conflictingOptions, option: .only, problem: "\(OptionName.only) \(name)",
            accepted: accepted.joined(separator: ", "))
    }
}
