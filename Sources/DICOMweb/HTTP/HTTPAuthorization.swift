package import DICOMNode
package import System

/// The header field Authorization of a run's requests, which may change while the run lasts. Used by several threads.
package protocol HTTPAuthorization: Sendable {
    /// The value for the next request.
    ///
    /// - Throws: `.web` if there is none to be had; `interrupted`.
    func value(_ cancellation: Cancellation) throws(AssociationError) -> String

    /// The value to try once more with after the server has refused one; nil if there is no other.
    ///
    /// - Throws: `.web` if there is none to be had; `interrupted`.
    func value(after refused: String, _ cancellation: Cancellation) throws(AssociationError) -> String?
}

/// A value that stays: Basic, or a token that nobody renews.
package struct FixedAuthorization: HTTPAuthorization {
    private let value: String

    package init(_ value: String) { self.value = value }

    /// The value.
    ///
    /// - Throws: nothing.
    package func value(_ cancellation: Cancellation) throws(AssociationError) -> String { value }

    /// Nil: there is no other.
    ///
    /// - Throws: nothing.
    package func value(after refused: String, _ cancellation: Cancellation) throws(AssociationError) -> String? { nil }
}
