/// A number in a PDU or command set whose values the standard names. Any other value is kept as it was received.
///
/// A code is a struct with a static member for each value that the standard defines, and one table of their meanings.
package protocol WireCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible, ExpressibleByIntegerLiteral
where RawValue: FixedWidthInteger & Sendable, IntegerLiteralType == RawValue {
    init(rawValue: RawValue)

    /// The values that the standard defines and their meanings, in lower case and without a full stop.
    static var meanings: KeyValuePairs<Self, String> { get }

    /// The words in front of the number of a value that the standard does not define.
    static var undefined: String { get }
}

extension WireCode {
    package init(integerLiteral value: RawValue) {
        self.init(rawValue: value)
    }

    /// The meaning that the standard gives the value; nil if it does not define it.
    package var definedMeaning: String? { Self.meanings.first { $0.key == self }?.value }

    package var description: String { definedMeaning ?? "\(Self.undefined) \(rawValue)" }
}
