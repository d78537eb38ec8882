import TestSupport
import Testing

@testable import DICOMNode

struct FolderMembershipTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func `a path below the folder is in it, by whatever name`() throws {
        for name in ["out", "out/deep", "outer"] { try folder.makeFolder(name) }
        try folder.link("link", to: "out")
        for given in [folder["out"], folder["link"], folder["outer/../out"]] {
            let membership = FolderMembership(given)
            #expect(membership.holds(folder["out/a"]))
            #expect(membership.holds(folder["out/deep/a"]))
            #expect(membership.holds(folder["link/deep/a"]))
            #expect(!membership.holds(folder["outer/b"]))
            #expect(!membership.holds(folder["out/../outer/b"]))
            #expect(!membership.holds(folder["nowhere/c"]))
        }
    }

    @Test func `nothing is in a folder that does not exist`() {
        #expect(!FolderMembership(folder["none"]).holds(folder["none/a"]))
    }
}
