import DICOM

/// Divides a JSON array into its elements as it arrives, so that a list of any length needs the memory of one element. One object without
/// an array counts as an array of one, and no bytes at all as an empty one.
struct JSONMatchReader {
    enum Problem: Error, Equatable {
        /// Something else than an array of objects.
        case notAnArray
        case tooDeep
        /// An element is longer than the limit, or white space has no end.
        case tooLong
        /// The bytes end within the array.
        case cutOff

        var words: String {
            switch self {
            case .notAnArray: "the answer is not a JSON array of objects"
            case .tooDeep: "the JSON of the answer is nested more than \(JSONMatchReader.maximumDepth) deep"
            case .tooLong: "an element of the answer is longer than \(JSONMatchReader.maximumElement >> 20) MB"
            case .cutOff: "the JSON of the answer ends in the middle"
            }
        }
    }

    private enum State {
        case beginning
        /// In an array, where an element or its end may stand.
        case array(afterElement: Bool)
        case element
        case end
    }

    /// As the reader of data sets takes it.
    fileprivate static let maximumDepth = JSONLimits.standard.maximumDepth
    /// In bytes.
    static let maximumElement = 16 << 20

    private var state = State.beginning
    private var isArray = false
    private var element: [UInt8] = []
    private var depth = 0
    private var isString = false
    private var isEscaped = false
    private var spaces = 0

    /// Takes the next bytes, and hands on each element that is whole.
    ///
    /// - Throws: the reason why they are no such array, or what `onElement` throws.
    mutating func read<Failure: Error>(
        _ bytes: UnsafeRawBufferPointer, problem: (Problem) -> Failure,
        onElement: ([UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        var index = 0
        while index < bytes.count {
            if case .element = state {
                index = try readElement(bytes, from: index, problem, onElement)
            } else {
                try readBetween(bytes[index], problem)
                index += 1
            }
        }
    }

    /// No more bytes come.
    ///
    /// - Throws: `cutOff` if the array has no end.
    func finish() throws(Problem) {
        switch state {
        case .beginning, .end: return
        case .array, .element: throw .cutOff
        }
    }

    private mutating func readBetween<Failure: Error>(
        _ byte: UInt8, _ problem: (Problem) -> Failure
    ) throws(Failure) {
        switch (byte, state) {
        // White space, and a byte order mark.
        case (0x20, _), (0x09, _), (0x0A, _), (0x0D, _), (0xEF, .beginning), (0xBB, .beginning), (0xBF, .beginning):
            spaces += 1
            guard spaces <= Self.maximumElement else { throw problem(.tooLong) }
            return
        case (0x5B, .beginning):
            isArray = true
            state = .array(afterElement: false)
        case (0x7B, .beginning), (0x7B, .array(false)):
            state = .element
            element.append(byte)
            depth = 1
        case (0x2C, .array(true)): state = .array(afterElement: false)
        case (0x5D, .array): state = .end
        default: throw problem(.notAnArray)
        }
        spaces = 0
    }

    /// Reads on in an element; returns the index behind what was read.
    private mutating func readElement<Failure: Error>(
        _ bytes: UnsafeRawBufferPointer, from start: Int, _ problem: (Problem) -> Failure,
        _ onElement: ([UInt8]) throws(Failure) -> Void
    ) throws(Failure) -> Int {
        let (count, maximumDepth) = (bytes.count, Self.maximumDepth)
        var index = start
        while index < count {
            if isEscaped {
                isEscaped = false
                index &+= 1
                continue
            }
            if isString {
                while index < count, bytes[index] != 0x22, bytes[index] != 0x5C { index &+= 1 }
                guard index < count else { break }
            }
            let byte = bytes[index]
            index &+= 1
            switch byte {
            case 0x22: isString.toggle()
            case 0x5C where isString: isEscaped = true
            case 0x7B, 0x5B:
                depth += 1
                guard depth <= maximumDepth else { throw problem(.tooDeep) }
            case 0x7D, 0x5D:
                depth -= 1
                guard depth == 0 else { continue }
                try append(bytes, start, index, problem)
                state = isArray ? .array(afterElement: true) : .end
                try onElement(element)
                element.removeAll(keepingCapacity: true)
                return index
            default: break
            }
        }
        try append(bytes, start, index, problem)
        return index
    }

    private mutating func append<Failure: Error>(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int, _ problem: (Problem) -> Failure
    ) throws(Failure) {
        guard element.count + end - start <= Self.maximumElement else { throw problem(.tooLong) }
        element.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
    }
}
