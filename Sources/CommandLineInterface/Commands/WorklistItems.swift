import DICOM
import DICOMNode
import DICOMProtocol

/// The items of the practice archive's worklist, from the files of `--worklist-items`: in the forms that a query may have.
struct WorklistItems {
    private static let option = "--worklist-items"
    private let run: CommandRun

    init(_ run: CommandRun) { self.run = run }

    /// Nil: one of them cannot be read; reported.
    func read() -> [DataSet]? {
        var items: [DataSet] = []
        var scanner = FileScanner(run.invocation.worklistItems.map { FilePath($0) }, recursive: true)
        while let finding = scanner.next() {
            switch finding {
            case .passedOver: continue
            case .problem(let problem):
                run.fail(.localFiles, Message(problem))
                return nil
            case .file(let path):
                guard let found = read("\(path)") else { return nil }
                items += found
            }
        }
        return items
    }

    private func read(_ path: String) -> [DataSet]? {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try FileInput.read(path)
        } catch {
            run.fail(.localFiles, Message("cannot read the worklist item \(path)", error.reason))
            return nil
        }
        // Folders of worklist servers have an empty lock file beside the items.
        guard !bytes.isEmpty else { return [] }
        do throws(UsageError) {
            var items: [DataSet] = []
            let encoding = run.environment.localeEncoding
            for content in try QuerySource.parse(bytes, name: path, option: Self.option, encoding: encoding) {
                items.append(try item(content))
            }
            return items
        } catch {
            run.fail(.usage, Message(error))
            return nil
        }
    }

    private func item(_ content: QuerySource.Content) throws(UsageError) -> DataSet {
        switch content {
        case .dataSet(let dataSet, _): return dataSet
        case .keys(let keys):
            return try QueryBuilder(
                model: .modalityWorklist, level: .study, characterSet: "ISO_IR 192", today: run.environment.today
            ).dataSet(keys: keys)
        }
    }
}
