import DICOM
import DICOMNode
import DICOMProtocol

/// The identifier of a query or retrieval and, where asked for, its copy in a file: made before anything is sent.
struct QueryPreparation {
    let identifier: DataSet
    let sopClass: UID

    /// Nil: it could not be made; reported.
    init?(_ run: CommandRun, sopClass: UID?, purpose: QueryBuilder.Purpose) {
        let invocation = run.invocation
        guard let sopClass else {
            run.fail(
                .usage, Message("\(invocation.operation.option)", "the information model has no such operation"))
            return nil
        }
        let builder = QueryBuilder(
            model: invocation.informationModel, level: invocation.level, purpose: purpose,
            characterSet: invocation.characterSet
                ?? QueryCharacterSet.definedTerm(forCodeset: run.environment.codeset),
            today: run.environment.today)
        do throws(UsageError) {
            identifier = try builder.dataSet(keys: invocation.keys, returning: invocation.returnKeys)
        } catch {
            run.fail(.usage, Message(error))
            return nil
        }
        self.sopClass = sopClass
        if let path = invocation.storeQueryPath {
            let bytes = QueryFile.encode(identifier, sopClass: sopClass, instance: run.newUID())
            do throws(SystemError) {
                try FileSink.write(bytes, to: path)
            } catch {
                run.fail(.localFiles, Message("cannot write the query to \(path)", error.reason))
                return nil
            }
        }
    }
}
