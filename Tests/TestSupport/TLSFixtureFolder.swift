package import System

@testable import DICOMNode

/// The fixtures as files, which is what OpenSSL reads.
package final class TLSFixtureFolder: Sendable {
    private let folder: TemporaryFolder

    package init() throws {
        folder = try TemporaryFolder()
        let files = [
            "authority": TLSFixtures.authority, "server": TLSFixtures.server, "expired": TLSFixtures.expired,
            "early": TLSFixtures.early, "otherName": TLSFixtures.otherName, "foreign": TLSFixtures.foreign,
            "selfSigned": TLSFixtures.selfSigned, "client": TLSFixtures.client,
            "foreignClient": TLSFixtures.foreignClient, "serverKey": TLSFixtures.serverKey,
            "clientKey": TLSFixtures.clientKey, "encryptedClientKey": TLSFixtures.encryptedClientKey,
        ]
        for (name, text) in files { try folder.write(text.utf8, to: name) }
    }

    package subscript(_ name: String) -> FilePath { folder[name] }
}
