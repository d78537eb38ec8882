import CIconv

/// One conversion of the system's iconv, closed when the value goes away.
///
/// A conversion has state and belongs to one thread; as it cannot be copied, it never leaves the call that opened it.
struct CharacterConverter: ~Copyable {
    private let descriptor: iconv_t

    /// Nil where the system has no table for one of the two sets.
    init?(from source: String, to target: String) {
        guard let opened = iconv_open(target, source), Int(bitPattern: opened) != -1 else { return nil }
        descriptor = opened
    }

    deinit {
        iconv_close(descriptor)
    }

    /// Converts all of `input` behind what `output` holds; false if a character stopped it. `input` then begins with the
    /// bytes that stopped it, and the conversion is back in its initial state.
    ///
    /// `output` must have room: with enough of it, iconv stops at invalid or incomplete bytes and at nothing else.
    func convert(_ input: inout UnsafeRawBufferPointer, into output: inout UnsafeMutableRawBufferPointer) -> Bool {
        // iconv never writes to its input; its parameter lacks the `const` for historical reasons only.
        var source = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: CChar.self))
        var sourceCount = input.count
        var target = output.baseAddress?.assumingMemoryBound(to: CChar.self)
        var targetCount = output.count
        let result = iconv(descriptor, &source, &sourceCount, &target, &targetCount)
        let isComplete = Int(truncatingIfNeeded: result) != -1
        input = UnsafeRawBufferPointer(rebasing: input.suffix(sourceCount))
        output = UnsafeMutableRawBufferPointer(rebasing: output.suffix(targetCount))
        if !isComplete {
            iconv(descriptor, nil, nil, nil, nil)
        }
        return isComplete
    }
}
