import DICOMweb

extension OptionCategory {
    static let webOptions: [OptionDefinition] = [
        OptionDefinition(
            .qidoURL, value: .text(placeholder: "URL"), .web, for: .calling, "the base URL of queries (QIDO-RS)",
            details: "Where a site has the services at several URLs; HOST is that of all others.",
            default: .text("HOST"), rules: [.only(when: .overHTTP)],
            apply: { (draft, argument) throws(UsageError) in
                draft.connection.webOptions.bases.query = try argument.url()
            }),
        OptionDefinition(
            .wadoURL, value: .text(placeholder: "URL"), .web, for: .calling, "the base URL of retrievals (WADO-RS)",
            default: .text("HOST"), rules: [.only(when: .overHTTP)],
            apply: { (draft, argument) throws(UsageError) in
                draft.connection.webOptions.bases.retrieval = try argument.url()
            }),
        OptionDefinition(
            .stowURL, value: .text(placeholder: "URL"), .web, for: .calling, "the base URL of storage (STOW-RS)",
            default: .text("HOST"), rules: [.only(when: .overHTTP)],
            apply: { (draft, argument) throws(UsageError) in
                draft.connection.webOptions.bases.storage = try argument.url()
            }),
        OptionDefinition(
            .header, value: .text(placeholder: "FIELD"), .web, for: .calling, "a header field of all requests",
            details: """
                'NAME: VALUE', such as 'X-Api-Key: env:API_KEY'. The value may be env:NAME, file:PATH (its first line) or prompt: \
                what stands on the command line can be read by every user of this machine. It goes to the server of the URL \
                alone, and is shown nowhere.
                """,
            traits: .repeatable, rules: [.only(when: .overHTTP)],
            apply: { (draft, argument) throws(UsageError) in
                do throws(WebHeader.Problem) {
                    draft.connection.webOptions.headers.append(try WebHeader(parsing: argument.text))
                } catch {
                    // What may be a secret is not repeated.
                    let shown = WebHeader.shown(argument.text)
                    let why = error == .reserved ? "a field that requests have by themselves" : "not a header field"
                    throw UsageError(
                        .invalidValue, option: .header, value: shown,
                        problem: "\(OptionName.header) '\(shown)': \(why)",
                        accepted: WebHeader.accepted)
                }
            }),
        OptionDefinition(
            .oauthURL, value: .text(placeholder: "URL"), .web, for: .calling, "OAuth 2: the token endpoint",
            details: """
                The run gets its Bearer tokens there by client credentials, renews them a minute before their end, and once \
                when the server answers with 401.
                """,
            group: .identity, rules: [.only(when: .overHTTP), .requires(.oauthClient)],
            apply: { (draft, argument) throws(UsageError) in draft.oauthURL = try argument.tokenEndpoint() }),
        OptionDefinition(
            .oauthClient, value: .text(placeholder: "ID"), .web, for: .calling, "OAuth 2: our client id",
            group: .identity, rules: [.only(when: .overHTTP), .requires(.oauthURL), .requires(.oauthSecret)],
            apply: { (draft, argument) throws(UsageError) in draft.oauthClient = try argument.string() }),
        OptionDefinition(
            .oauthSecret, value: .text(placeholder: "SOURCE"), .web, for: .calling,
            "OAuth 2: source of the client's secret",
            details: "env:NAME, file:PATH (its first line) or prompt.",
            group: .identity, rules: [.only(when: .overHTTP), .requires(.oauthClient)],
            apply: { (draft, argument) throws(UsageError) in draft.oauthSecret = try argument.secret() }),
        OptionDefinition(
            .oauthScope, value: .text(placeholder: "SCOPE"), .web, for: .calling, "OAuth 2: the scope to ask for",
            details: "Several with spaces between; without it the server chooses.",
            group: .identity, rules: [.only(when: .overHTTP), .requires(.oauthURL)],
            apply: { (draft, argument) throws(UsageError) in draft.oauthScope = try argument.string() }),
    ]
}

extension OptionArgument {
    /// Returns a URL of http or https.
    ///
    /// - Throws: `UsageError` if the text is none; what may be a password in it is not repeated.
    func url() throws(UsageError) -> WebAddress {
        let address: WebAddress
        do throws(WebAddress.Problem) {
            address = try WebAddress(parsing: text)
        } catch {
            let shown = error.mayHoldSecret ? "" : " \(text)"
            throw UsageError(
                .invalidValue, option: definition.option, value: error.mayHoldSecret ? nil : text,
                problem: "\(definition.option)\(shown): \(error.words)",
                accepted: "http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH")
        }
        guard address.interface == .dicomWeb else {
            throw error(
                "a URL of Orthanc's own interface", accepted: "http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH")
        }
        return address
    }

    /// Returns the URL of a token endpoint, to which the secret of a client goes.
    ///
    /// - Throws: `UsageError` if the text is no URL, or others could read on the way there.
    fileprivate func tokenEndpoint() throws(UsageError) -> WebAddress {
        let address = try url()
        guard address.isSecure || address.isLoopback else {
            throw error(
                "without https the secret of the client could be read on the network", accepted: "https://HOST/PATH")
        }
        return address
    }
}
