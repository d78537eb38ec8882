import DICOMNode
import System

/// A file of paths, such as those of `--failed-out`, in the form that `--input -` reads: one a line, or with NULs between.
///
/// A relative path begins with `./`: so the list is known for one by a later run, when its files have gone.
struct PathListFile: ~Copyable {
    private let file: RecordFile

    /// Opened before anything is sent: that it cannot be written should be known then. What it holds stays until the end of the run,
    /// so that it may itself be what is being read.
    init(_ path: FilePath) throws(FileProblem) { file = try RecordFile(path, .list) }

    func write(_ paths: [FilePath]) throws(FileProblem) {
        let lineFeed = UInt8(ascii: "\n")
        let separator: UInt8 = paths.contains { $0.bytes.contains(lineFeed) } ? 0 : lineFeed
        var bytes: [UInt8] = []
        for path in paths {
            if !["/", "./", "../"].contains(where: { path.bytes.starts(with: $0.utf8) }) { bytes += Array("./".utf8) }
            bytes += path.bytes
            bytes.append(separator)
        }
        try file.replaceContent(bytes)
    }
}
