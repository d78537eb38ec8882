package import DICOM
package import DICOMNode

/// Made-up images to try with: CT, MR, multi-frame, compressed, deflated; names in Latin, in UTF-8 and in Japanese.
///
/// No patient is behind them; UIDs are new with every call.
package struct GeneratedStudy: Sendable {
    package let patientID: String
    package let patientName: String
    package let studyInstanceUID: UID
    package let modality: String
    package fileprivate(set) var files: [InstanceFile] = []

    /// Why the images could not be made.
    package enum Failure: Error {
        case file(FileProblem)
        case characterSet(CharacterSetError)
    }

    /// Writes all studies into a folder.
    package static func all(in folder: OutputFolder) throws(Failure) -> [GeneratedStudy] {
        var studies: [GeneratedStudy] = []
        for template in templates { studies.append(try template.write(to: folder)) }
        return studies
    }

    private static let templates: [StudyTemplate] = [
        StudyTemplate(
            patientID: "SELFTEST-1", patientName: "Muster^Karla", definedTerms: [], modality: "CT",
            description: "CT of nothing",
            series: [
                SeriesTemplate(kind: .ct, syntax: .explicitVRLittleEndian, count: 5, description: "axial"),
                SeriesTemplate(kind: .ct, syntax: .deflatedExplicitVRLittleEndian, count: 1, description: "deflated"),
                SeriesTemplate(kind: .ct, syntax: .jpeg2000Lossless, count: 2, description: "compressed shell"),
            ]),
        StudyTemplate(
            patientID: "SELFTEST-2", patientName: "Yamada^Tarou=山田^太郎=やまだ^たろう",
            definedTerms: ["", "ISO 2022 IR 87"], modality: "MR", description: "MR of nothing",
            series: [
                SeriesTemplate(kind: .mr, syntax: .implicitVRLittleEndian, count: 3, description: "sagittal"),
                SeriesTemplate(kind: .mr, syntax: .explicitVRBigEndian, count: 1, description: "big endian"),
            ]),
        StudyTemplate(
            patientID: "SELFTEST-3", patientName: "Größe^Änne=王^小东", definedTerms: ["ISO_IR 192"], modality: "OT",
            description: "Übersicht",
            series: [
                SeriesTemplate(kind: .multiframe, syntax: .explicitVRLittleEndian, count: 1, description: "multi-frame")
            ]),
    ]

    fileprivate init(_ template: StudyTemplate, uid: UID) {
        patientID = template.patientID
        patientName = template.patientName
        studyInstanceUID = uid
        modality = template.modality
    }
}

private struct SeriesTemplate: Sendable {
    let kind: GeneratedImage.Kind
    let syntax: TransferSyntax
    let count: Int
    let description: String
}

private struct StudyTemplate: Sendable {
    let patientID: String
    let patientName: String
    let definedTerms: [String]
    let modality: String
    let description: String
    let series: [SeriesTemplate]

    func write(to folder: OutputFolder) throws(GeneratedStudy.Failure) -> GeneratedStudy {
        var study = GeneratedStudy(self, uid: .random())
        let head: DataSet
        do throws(CharacterSetError) { head = try attributes(study.studyInstanceUID) } catch {
            throw .characterSet(error)
        }
        do throws(FileProblem) {
            for (number, series) in series.enumerated() {
                let uid = UID.random()
                for instance in 1...series.count {
                    var image = GeneratedImage(series.kind, number: instance, syntax: series.syntax).dataSet
                    for element in head.elements { image.append(element) }
                    image.set(.seriesInstanceUID, uid)
                    image.set(.seriesNumber, .IS, String(number + 1))
                    image.set(.seriesDescription, .LO, series.description)
                    study.files.append(try Self.write(image, series.syntax, to: folder))
                }
            }
        } catch {
            throw .file(error)
        }
        return study
    }

    private func attributes(_ uid: UID) throws(CharacterSetError) -> DataSet {
        let set = try SpecificCharacterSet(definedTerms: definedTerms)
        var head = DataSet()
        if !definedTerms.isEmpty { head.set(.specificCharacterSet, .CS, definedTerms.joined(separator: "\\")) }
        head.append(DataElement(tag: .patientName, vr: .PN, value: .bytes(try set.encode(patientName, vr: .PN)[...])))
        head.append(
            DataElement(tag: .studyDescription, vr: .LO, value: .bytes(try set.encode(description, vr: .LO)[...])))
        head.set(.patientID, .LO, patientID)
        head.set(.patientBirthDate, .DA, "19700101")
        head.set(.patientSex, .CS, "O")
        head.set(.studyDate, .DA, "20260102")
        head.set(.studyTime, .TM, "030405")
        head.set(.accessionNumber, .SH, "A" + String(patientID.suffix(1)))
        head.set(.studyID, .SH, "1")
        head.set(.studyInstanceUID, uid)
        head.set(.modality, .CS, modality)
        head.set(.manufacturer, .LO, "dcmscu self-test")
        head.setEmpty(.referringPhysicianName, .PN)
        return head
    }

    private static func write(
        _ image: DataSet, _ syntax: TransferSyntax, to folder: OutputFolder
    ) throws(FileProblem) -> InstanceFile {
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: image.uid(.sopClassUID) ?? "",
            mediaStorageSOPInstanceUID: image.uid(.sopInstanceUID) ?? "", transferSyntax: syntax)
        let writer = InstanceWriter(in: folder, naming: .standard, metaInformation: meta)
        let bytes = DataSetEncoder(syntax).encode(image)
        var failure: FileProblem?
        bytes.withUnsafeBytes { bytes in
            do throws(FileProblem) { try writer.write(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
        return try InstanceFile.open(writer.finish(existing: .overwrite).path).file
    }
}

extension UID {
    /// A UID below 2.25, of 64 random bits: enough for images that live for seconds.
    static func random() -> UID { UID("2.25.\(UInt64.random(in: 1...UInt64.max))") }
}
