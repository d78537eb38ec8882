import Testing

@testable import System

struct FilePathTests {
    @Test(arguments: [
        ("/a/b", "b"), ("/a/b/", "b"), ("a", "a"), ("/", ""), ("", ""), ("a//b//", "b"),
    ])
    func `the last component is what follows the last slash`(path: String, last: String) {
        #expect(FilePath(path).lastComponent == FilePath(last))
    }

    @Test func `components are joined by one slash`() {
        #expect(FilePath("a").appending("b") == "a/b")
        #expect(FilePath("a/").appending("b") == "a/b")
        #expect(FilePath("").appending("b") == "b")
    }

    @Test func `a folder holds what is in it, and not what is deeper or beside it`() {
        #expect(FilePath("/a/b").holds("/a/b/c") && FilePath("a").holds("a/b"))
        for other in ["/a/b", "/a/b/c/d", "/a/x/c", "/a/bc", "/x/b/c", "c", "", "/"] as [FilePath] {
            #expect(!FilePath("/a/b").holds(other), "\(other.displayed)")
        }
    }

    @Test func `a NUL ends a path, as it does for the system`() {
        #expect(FilePath("a\u{0}b") == "a")
    }

    @Test func `nothing in a message drives the terminal`() {
        #expect(FilePath("a\u{1B}[2Jb\n").displayed == "a\\x1b[2Jb\\x0a")
    }

    @Test func `bytes that are no text are shown as such`() {
        #expect(FilePath(bytes: [0x61, 0xFF]).displayed == "a\u{FFFD}")
    }
}
