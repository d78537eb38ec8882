import DICOM
package import DICOMProtocol

/// The text of `--queryhelp`: the keys that the standard knows for an information model and a level of it.
package enum QueryHelpText {
    package static func text(model: InformationModel, level: QueryLevel) -> String {
        var text = title(model, level) + "\n\n"
        let keys = model.keys(at: level)
        let nameWidth = keys.map { name($0).count }.max() ?? 0
        for key in keys { text += line(key, nameWidth: nameWidth) + "\n" }
        let above = model.uniqueKeys(above: level)
        if !above.isEmpty {
            let names = above.map { DataDictionary.label(of: $0) }.joined(separator: ", ")
            text += "\nUnique keys of the levels above, which belong into the query:\n"
            text += TextLayout.wrapped(names, indent: 2).joined(separator: "\n") + "\n"
        }
        if model == .modalityWorklist {
            text += "\nReturn types: 1 with a value, 2 present, 3 optional, C on a condition (PS3.4 K.2.2.1.2).\n"
        } else {
            text += "\nAny other attribute of the level is an optional key, too.\n"
        }
        return text
    }

    private static func title(_ model: InformationModel, _ level: QueryLevel) -> String {
        switch model {
        case .patientRoot: "Keys of the Patient Root model at the \(level.rawValue) level (PS3.4 C.6.1)"
        case .studyRoot: "Keys of the Study Root model at the \(level.rawValue) level (PS3.4 C.6.2)"
        case .patientStudyOnly:
            "Keys of the Patient/Study Only model, retired, at the \(level.rawValue) level (PS3.4 C.6.3)"
        case .modalityWorklist: "Keys of the Modality Worklist model (PS3.4 K.6.1.2)"
        }
    }

    /// A `>` for each sequence around it, as the standard's tables have it.
    private static func name(_ key: KeyAttribute) -> String {
        String(repeating: ">", count: key.path.count) + DataDictionary.keyword(of: key.tag)
    }

    private static func line(_ key: KeyAttribute, nameWidth: Int) -> String {
        var line = "  " + TextLayout.padded(kind(key.kind), to: 10)
        line += "\(key.tag) \(DataDictionary.vr(of: key.tag))  "
        line += key.returnType.map { TextLayout.padded($0.rawValue, to: 4) } ?? ""
        return line + name(key)
    }

    private static func kind(_ kind: KeyAttribute.Kind) -> String {
        switch kind {
        case .unique: "unique"
        case .required: "required"
        case .optional: "optional"
        }
    }
}
