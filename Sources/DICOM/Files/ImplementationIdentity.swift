/// Our identity in associations (PS3.7 D.3.3.2) and in files (PS3.10 7.1).
package enum ImplementationIdentity {
    /// Made once from a random UUID (PS3.5 B.2). It names this implementation, so it never changes with a version.
    package static let classUID: UID = "2.25.65359381054483330518375478864777224065"

    /// The version of the program. It stands here alone: messages, documents and ``versionName`` take it from here.
    package static let version = "0.2.0"

    /// The Implementation Version Name, at most 16 characters (PS3.7 D.3.3.2.3).
    package static let versionName = "DCMSCU_" + String(version.map { $0 == "." ? "_" : $0 })
}
