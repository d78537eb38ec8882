package import DICOM

/// Writes one instance as it arrives: whole and under its final name, or not at all.
package final class InstanceWriter {
    /// What happens where the final name is taken.
    package enum Existing: String, Sendable, CaseIterable {
        case skip, overwrite, rename, fail
    }

    package struct Outcome: Sendable, Equatable {
        package let path: FilePath
        package let kind: Kind
        /// From ``InstanceNaming/Name/remark``.
        package let remark: String?
        /// Bytes in the file.
        package let size: UInt64

        package enum Kind: Sendable { case written, replaced, renamed, skipped }
    }

    /// Nothing touches the disk before the first bytes of the data set are there: they may decide the folder.
    package init(
        in folder: OutputFolder, naming: InstanceNaming, metaInformation: FileMetaInformation
    ) {}

    package func write(_ bytes: UnsafeRawBufferPointer) throws(FileProblem) {}

    /// Gives the file its final name; afterwards it is there whatever happens to the program.
    package func finish(existing: Existing) throws(FileProblem) -> Outcome {
        throw FileProblem("", .notWritable)
    }

    /// Deletes what was written. Also happens when the writer's life ends before ``finish(existing:)``.
    package func discard() {}
}
