import DICOMweb

/// What a peer over HTTP cannot be asked, or is not asked yet. Options of the configuration that stand here are passed over.
enum OptionsOverHTTP {
    /// The operations that there are over HTTP.
    static let operations: [Operation] = [.echo, .find, .get, .store]

    /// Parts of an association, of the upper layer or of DIMSE.
    static let ofAssociations: [OptionName] = [
        .aetitle, .call, .port, .maxPDU, .window, .priority, .kerberos, .saml, .userUnconfirmed, .portSCP, .bind,
        .acceptFrom, .orMove, .grace, .tls, .tlsClientCert, .datetimeMatching, .timezone, .psonly,
    ]

    /// What may come: nothing of it is done in part.
    static let notYet: [OptionName] = [.prefer, .capture, .captureBytes, .transcript]
}

extension OptionDraft {
    /// Checks that the command line asks nothing of a peer over HTTP that there is not.
    ///
    /// - Throws: `UsageError` that names the option, or the operation, and the URL.
    func checkOverHTTP(_ web: WebAddress, _ typed: [OptionArgument]) throws(UsageError) {
        guard OptionsOverHTTP.operations.contains(operation) else {
            throw UsageError(
                .optionNotApplicable, option: operation.option, value: web.description,
                problem: "\(operation.option) is not there over HTTP, and HOST is \(web)",
                accepted: OptionsOverHTTP.operations.map(\.option.description).joined(separator: ", "))
        }
        // It was asked for as a proof: from the configuration, too.
        if operation == .store, store.verification == .commit {
            let what = "\(OptionName.verify) \(StoreVerificationMethod.commit.rawValue)"
            throw UsageError(
                .conflictingOptions, option: .verify, value: web.description,
                problem: "\(what) is not there over HTTP yet, and HOST is \(web)",
                accepted: "\(OptionName.verify) \(StoreVerificationMethod.find.rawValue)")
        }
        for argument in typed {
            let name = argument.definition.name
            if OptionsOverHTTP.ofAssociations.contains(name) {
                let instead = name == .tls ? "a URL with https, which is TLS" : "\(name) with HOST PORT"
                throw UsageError(
                    .conflictingOptions, option: name, value: web.description,
                    problem: "\(name) does not apply to HTTP, and HOST is \(web)", accepted: instead)
            }
            if OptionsOverHTTP.notYet.contains(name) {
                throw UsageError(
                    .conflictingOptions, option: name, value: web.description,
                    problem: "\(name) is not there over HTTP yet, and HOST is \(web)",
                    accepted: "\(name) with HOST PORT")
            }
        }
    }
}
