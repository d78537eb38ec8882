import DICOM
import Testing

struct UIDGeneratorTests {
    @Test func `generated UIDs are valid below every root`() {
        let full: UIDGenerator.UUIDBytes = (
            255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255
        )
        let none: UIDGenerator.UUIDBytes = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        let one: UIDGenerator.UUIDBytes = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1)
        #expect(UIDGenerator(root: nil).makeUID(from: full) == "2.25.340282366920938463463374607431768211455")
        #expect(UIDGenerator(root: nil).makeUID(from: none) == "2.25.0")
        #expect(UIDGenerator(root: "1.2.3").makeUID(from: one) == "1.2.3.257")
        let longest = UID("1." + String(repeating: "9", count: UIDGenerator.maximumRootLength - 2))
        for uuid in [full, none, one] {
            for root in [nil, "1.2", longest] as [UID?] {
                let uid = UIDGenerator(root: root).makeUID(from: uuid)
                #expect(uid.isValid, "\(uid)")
            }
        }
    }
}
