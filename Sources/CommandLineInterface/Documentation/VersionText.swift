import DICOM

/// What `--version` prints.
package enum VersionText {
    package static let text = "dcmscu \(ImplementationIdentity.version)\n"
}
