/// Types of the sub-items of presentation context items.
enum SyntaxItem {
    static let abstractSyntax: UInt8 = 0x30
    static let transferSyntax: UInt8 = 0x40
}
