package import DICOMNode

/// What `--tls` and its companions ask for; certificates and keys are read when the run begins.
package struct TLSOptions: Sendable, Equatable {
    package var configuration = TLSConfiguration()
    package var keyPassword: SecretReference?

    package init() {}
}
