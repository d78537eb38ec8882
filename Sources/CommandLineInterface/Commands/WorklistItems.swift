import DICOM
import DICOMNode
import DICOMProtocol

/// The items of the practice archive's worklist, from the files of `--worklist-items`: in the forms that a query may have.
struct WorklistItems {
    private static let option = "--worklist-items"
    private let options: ServeOptions
    private let outcome: RunOutcome
    private let environment: Environment

    init(_ options: ServeOptions, _ outcome: RunOutcome, _ environment: Environment) {
        self.options = options
        self.outcome = outcome
        self.environment = environment
    }

    /// Nil: one of them cannot be read; reported.
    func read() -> [DataSet]? {
        var items: [DataSet] = []
        var scanner = FileScanner(options.worklistItems.map { FilePath($0) }, recursive: true)
        while let finding = scanner.next() {
            switch finding {
            case .passedOver: continue
            case .problem(let problem):
                outcome.fail(.localFiles, Message(problem))
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
            outcome.fail(.localFiles, Message("cannot read the worklist item \(path)", error.reason))
            return nil
        }
        // Folders of worklist servers have an empty lock file beside the items.
        guard !bytes.isEmpty else { return [] }
        do throws(UsageError) {
            var items: [DataSet] = []
            let encoding = environment.localeEncoding
            for content in try QuerySource.parse(bytes, name: path, option: Self.option, encoding: encoding) {
                items.append(try item(content))
            }
            return items
        } catch {
            outcome.fail(.usage, Message(error))
            return nil
        }
    }

    private func item(_ content: QuerySource.Content) throws(UsageError) -> DataSet {
        switch content {
        case .dataSet(let dataSet, _): return dataSet
        case .keys(let keys):
            return try QueryBuilder(
                model: .modalityWorklist, level: .study, characterSet: "ISO_IR 192", today: environment.today
            ).dataSet(keys: keys)
        }
    }
}
