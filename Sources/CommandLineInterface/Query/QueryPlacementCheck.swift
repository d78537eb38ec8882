import DICOM
import DICOMProtocol

/// Tells which keys the standard does not define at the level of a query, PS3.4 C.6 and K.6: a server passes over what it does
/// not know there, and the answers look as if nothing had been asked.
struct QueryPlacementCheck {
    let model: InformationModel
    let level: QueryLevel
    let negotiation: QueryNegotiation

    /// One complaint, without the value of the key.
    struct Complaint: Equatable {
        let name: String
        let why: String
    }

    /// - Parameter paths: of the keys that a person wrote; what sets bring along is the standard's own.
    func complaints(about paths: [[Tag]]) -> [Complaint] {
        var seen: Set<[Tag]> = []
        return paths.compactMap { path in
            guard seen.insert(path).inserted, let tag = path.last, let why = why(tag, Array(path.dropLast())) else {
                return nil
            }
            return Complaint(name: path.map { DataDictionary.label(of: $0) }.joined(separator: "."), why: why)
        }
    }

    private var place: String { model == .modalityWorklist ? "of a worklist" : "at the \(level.rawValue) level" }

    private func why(_ tag: Tag, _ sequences: [Tag]) -> String? {
        guard sequences.isEmpty else { return why(tag, in: sequences) }
        switch model.placement(of: tag, at: level) {
        case .ofLevel, .uniqueKeyAbove, .general: return nil
        case .above(let other):
            guard !negotiation.contains(.relational) else { return nil }
            return "a key of the \(other.rawValue) level, which only a relational query matches at the "
                + "\(level.rawValue) level (--relational)"
        case .below(let other): return "a key of the \(other.rawValue) level, below the \(level.rawValue) level"
        case .inside(let path):
            let name = (path + [tag]).map { DataDictionary.keyword(of: $0) }.joined(separator: ".")
            return "has its place \(place) inside a sequence: \(name)"
        case .unlisted: return "not a key that the standard lists \(place)"
        }
    }

    private func why(_ tag: Tag, in sequences: [Tag]) -> String? {
        let keys = model.keys(at: level)
        if keys.contains(where: { $0.tag == tag && $0.path == sequences }) { return nil }
        if keys.contains(where: { $0.tag == tag && $0.path.isEmpty }) {
            return "has its place \(place) outside of sequences: \(DataDictionary.keyword(of: tag))"
        }
        return "not a key that the standard lists \(place)"
    }
}
