/// Assembles the messages of an association from fragments, PS3.8 Annex E and PS3.7 6.3.
///
/// A message is a command set in one or more fragments and then, if the command has one, a data set in one or more, all
/// in one presentation context; messages do not mix. Commands are collected here, because they are small; data sets
/// are not: their bytes stay in the caller's buffer.
package struct MessageAssembler: Sendable {
    package struct Limits: Sendable {
        /// The largest command set that is collected, in bytes. One of a real peer has less than 1 KiB; this leaves
        /// room for long lists of offending elements, and keeps a peer from filling the memory.
        package var maximumCommandLength = 64 * 1024

        /// The limit of empty fragments of one message that are not its last. Some senders have a few; no other limit
        /// stops a peer that sends nothing else.
        package var maximumEmptyFragments = 1024

        package static let standard = Limits()

        package init(maximumCommandLength: Int = 64 * 1024) {
            self.maximumCommandLength = maximumCommandLength
        }
    }

    package enum Event: Equatable, Sendable {
        /// A command set is complete; a data set follows if its `hasDataSet` is true.
        case command(CommandSet, contextID: UInt8)
        /// The bytes belong to the data set of the last command; after the last of them the message is complete.
        case data(isLast: Bool)
    }

    private enum State: Sendable {
        case betweenMessages
        case command(contextID: UInt8)
        case dataSet(contextID: UInt8)
    }

    private let limits: Limits
    private var state = State.betweenMessages
    private var collected: [UInt8] = []
    private var emptyFragments = 0
    /// The last command with a pending status: those of all matches of a query are the same bytes, and decoded once.
    private var pending: (bytes: [UInt8], command: CommandSet)?

    package init(limits: Limits = .standard) {
        self.limits = limits
    }

    /// Takes the next bytes of the association.
    ///
    /// Returns nil if a command set is still incomplete.
    ///
    /// - Parameter isLast: true if these bytes end the last fragment; for a fragment in pieces, only with its last
    ///   piece.
    /// - Throws: `ProtocolError` for fragments out of order, and for a command set that is malformed or too long.
    package mutating func accept(
        contextID: UInt8, isCommand: Bool, isLast: Bool, bytes: UnsafeRawBufferPointer
    ) throws(ProtocolError) -> Event? {
        switch (state, isCommand) {
        case (.betweenMessages, true):
            state = .command(contextID: contextID)
            return try collect(contextID, isLast, bytes)
        case (.command(let expected), true):
            try require(contextID, toBe: expected)
            return try collect(contextID, isLast, bytes)
        case (.dataSet(let expected), false):
            try require(contextID, toBe: expected)
            if isLast {
                state = .betweenMessages
                emptyFragments = 0
            } else {
                try count(emptyFragmentOf: bytes, contextID)
            }
            return .data(isLast: isLast)
        case (.betweenMessages, false):
            throw .unexpectedFragment("data set bytes in context \(contextID) without a command that announces them")
        case (.command, false):
            throw .unexpectedFragment("data set bytes in context \(contextID) before the end of the command set")
        case (.dataSet, true):
            throw .unexpectedFragment("a command set in context \(contextID) before the end of the awaited data set")
        }
    }

    private mutating func collect(
        _ contextID: UInt8, _ isLast: Bool, _ bytes: UnsafeRawBufferPointer
    ) throws(ProtocolError) -> Event? {
        guard bytes.count <= limits.maximumCommandLength - collected.count else {
            throw .commandSetTooLong(limit: limits.maximumCommandLength)
        }
        guard isLast else {
            collected.append(contentsOf: bytes)
            try count(emptyFragmentOf: bytes, contextID)
            return nil
        }
        emptyFragments = 0
        let command: CommandSet
        if !collected.isEmpty {
            collected.append(contentsOf: bytes)
            command = try CommandSet(decoding: collected.span.bytes)
            collected.removeAll(keepingCapacity: true)
        } else if let same = samePending(as: bytes) {
            command = same
        } else {
            command = try CommandSet(decoding: bytes.bytes)
            if command.status?.kind == .pending { pending = (Array(bytes), command) }
        }
        state = command.hasDataSet ? .dataSet(contextID: contextID) : .betweenMessages
        return .command(command, contextID: contextID)
    }

    /// The last command with a pending status if these are its bytes.
    private func samePending(as bytes: UnsafeRawBufferPointer) -> CommandSet? {
        guard pending?.bytes.withUnsafeBytes({ $0.hasSameBytes(as: bytes) }) == true else { return nil }
        return pending?.command
    }

    private mutating func count(
        emptyFragmentOf bytes: UnsafeRawBufferPointer, _ contextID: UInt8
    ) throws(ProtocolError) {
        guard bytes.isEmpty else { return }
        emptyFragments += 1
        guard emptyFragments <= limits.maximumEmptyFragments else {
            throw .unexpectedFragment(
                "more than \(limits.maximumEmptyFragments) empty fragments of one message in context \(contextID)")
        }
    }

    private func require(_ contextID: UInt8, toBe expected: UInt8) throws(ProtocolError) {
        guard contextID == expected else {
            throw .unexpectedFragment("context \(contextID) in the middle of a message in context \(expected)")
        }
    }
}
