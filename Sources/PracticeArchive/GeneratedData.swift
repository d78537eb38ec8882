package import DICOM
package import DICOMNode

/// Generated images for tests: CT, MR, multi-frame, compressed, deflated; names in Latin, in UTF-8 and in Japanese.
///
/// UIDs are new with every call.
package struct GeneratedStudy: Sendable {
    package let patientID: String
    package let patientName: String
    package let studyInstanceUID: UID
    package let modality: String
    package fileprivate(set) var files: [InstanceFile] = []

    /// The reason why the images could not be generated.
    package enum Failure: Error {
        case file(FileProblem)
        case characterSet(CharacterSetError)
    }

    /// Writes all studies into a folder.
    ///
    /// - Throws: `Failure` if a file cannot be written or a name cannot be encoded.
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
    /// A UID below 2.25 of 64 random bits: enough for images of a test.
    static func random() -> UID { UID("2.25.\(UInt64.random(in: 1...UInt64.max))") }
}

/// One generated image: the attributes of its kind, and pixels that differ from image to image.
struct GeneratedImage {
    enum Kind: Sendable {
        case ct, mr
        /// Many frames in one instance: it fills several PDUs.
        case multiframe
    }

    private let kind: Kind
    private let number: Int
    private let syntax: TransferSyntax

    private static let size = 64
    private static let frames = 120

    init(_ kind: Kind, number: Int, syntax: TransferSyntax) {
        self.kind = kind
        self.number = number
        self.syntax = syntax
    }

    private var sopClass: UID {
        switch kind {
        case .ct: "1.2.840.10008.5.1.4.1.1.2"
        case .mr: "1.2.840.10008.5.1.4.1.1.4"
        case .multiframe: "1.2.840.10008.5.1.4.1.1.7.2"
        }
    }

    private var bits: Int { kind == .multiframe ? 8 : 16 }

    var dataSet: DataSet {
        var image = DataSet()
        image.set(.sopClassUID, sopClass)
        image.set(.sopInstanceUID, .random())
        image.set(.imageType, .CS, "DERIVED\\SECONDARY")
        image.set(.instanceNumber, .IS, String(number))
        image.setUInt16(.samplesPerPixel, 1)
        image.set(.photometricInterpretation, .CS, "MONOCHROME2")
        if kind == .multiframe { image.set(.numberOfFrames, .IS, String(Self.frames)) }
        image.setUInt16(.rows, UInt16(Self.size))
        image.setUInt16(.columns, UInt16(Self.size))
        image.setUInt16(.bitsAllocated, UInt16(bits))
        image.setUInt16(.bitsStored, UInt16(bits))
        image.setUInt16(.highBit, UInt16(bits - 1))
        image.setUInt16(.pixelRepresentation, 0)
        // A sequence, so that nesting travels too.
        var reference = DataSet()
        reference.set(.referencedSOPClassUID, sopClass)
        reference.set(.referencedSOPInstanceUID, .random())
        image.set(.referencedStudySequence, items: [reference])
        image.append(pixels)
        return image
    }

    /// In a compressed syntax, fragments in its form whose content is not decodable.
    private var pixels: DataElement {
        guard !syntax.isEncapsulated else {
            return DataElement(
                tag: .pixelData, vr: .OB, value: .fragments([[], bytes(1_000)[...], bytes(1_500)[...]]))
        }
        let count = Self.size * Self.size * (bits / 8) * (kind == .multiframe ? Self.frames : 1)
        return DataElement(tag: .pixelData, vr: bits == 8 ? .OB : .OW, value: .bytes(bytes(count)[...]))
    }

    private func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / Self.size &+ number) }
    }
}

/// A generated worklist for tests: two scheduled procedure steps, one for a CT, one for an MR with a Japanese name.
package enum GeneratedWorklist {
    package static let items = [
        item(1, "Muster^Karla", "CT", time: "080000"),
        item(2, "Yamada^Tarou=山田^太郎=やまだ^たろう", "MR", time: "093000"),
    ]

    private static func item(_ number: Int, _ name: String, _ modality: String, time: String) -> DataSet {
        var step = DataSet()
        step.set(.modality, .CS, modality)
        step.set(Tag(0x0040_0001), .AE, modality + "1")  // Scheduled Station AE Title
        step.set(Tag(0x0040_0002), .DA, "20260102")  // Scheduled Procedure Step Start Date
        step.set(Tag(0x0040_0003), .TM, time)  // Scheduled Procedure Step Start Time
        step.set(Tag(0x0040_0009), .SH, "S\(number)")  // Scheduled Procedure Step ID
        step.set(Tag(0x0040_0007), .LO, modality + " of nothing")  // Scheduled Procedure Step Description
        var item = DataSet()
        item.set(.specificCharacterSet, .CS, "ISO_IR 192")
        item.set(.accessionNumber, .SH, "A\(number)")
        item.set(.patientName, .PN, name)
        item.set(.patientID, .LO, "SELFTEST-\(number)")
        item.set(.studyInstanceUID, UID("2.25.\(number)"))
        item.set(Tag(0x0040_1001), .SH, "R\(number)")  // Requested Procedure ID
        item.set(.scheduledProcedureStepSequence, items: [step])
        return item
    }
}
