/// What `--store` alone can be told: how to send, what to try again, what to keep an account of.
package struct StoringOptions: Sendable, Equatable {
    /// Associations that send at once.
    package var jobs = 1
    /// C-STOREs that may be unanswered at a time on one association, if the peer grants it.
    package var operationsWindow: UInt16 = 1
    /// How often what failed for a reason that may pass is tried again.
    package var retries = 0
    /// The first pause before another attempt, in seconds; each further one is twice as long.
    package var retryDelay = 2.0
    package var journalPath: String?
    /// Whether what the journal says is stored is left out.
    package var resumes = false
    /// Where the names of what was not stored are written.
    package var failedOutPath: String?
    package var neverRewrites = false
    package var isStrict = false
    /// Whether the peer is asked for what it has already, and that is left out.
    package var skipsExisting = false
    package var verification: StoreVerificationMethod?

    package init() {}
}

/// How it is made sure, after sending, that the peer holds what was sent.
package enum StoreVerificationMethod: String, Sendable, CaseIterable {
    /// C-FIND for each instance.
    case find
    /// Storage commitment for each instance.
    case commit
}
