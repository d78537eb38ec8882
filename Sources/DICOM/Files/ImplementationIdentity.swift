/// Who we say we are, in associations (PS3.7 D.3.3.2) and in files (PS3.10 7.1).
package enum ImplementationIdentity {
    /// Made once from a random UUID (PS3.5 B.2). It names this implementation, so it never changes with a version.
    package static let classUID: UID = "2.25.65359381054483330518375478864777224065"

    package static let version = "0.1.0"

    /// At most 16 characters (PS3.7 D.3.3.2.3).
    package static let versionName = "DCMSCU_0_1_0"
}
