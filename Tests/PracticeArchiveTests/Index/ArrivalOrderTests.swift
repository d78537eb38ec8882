import DICOM
import Testing

@testable import PracticeArchive

struct ArrivalOrderTests {
    private static func order(_ numbers: some Sequence<Int>) -> ArrivalOrder {
        var order = ArrivalOrder()
        for number in numbers { order.append(uid(number)) }
        return order
    }

    private static func uid(_ number: Int) -> UID { UID("1.2.\(number)") }

    @Test func `those that are left keep their order, and one that comes back is the last`() {
        var order = Self.order(1...9)
        for number in [1, 4, 2, 9, 4] { order.remove(Self.uid(number)) }
        #expect(Array(order) == [3, 5, 6, 7, 8].map(Self.uid))
        #expect(order.first == Self.uid(3))
        order.append(Self.uid(4))
        #expect(Array(order) == [3, 5, 6, 7, 8, 4].map(Self.uid))
        // More than half of the slots are empty: they go.
        for number in [3, 5, 6, 8] { order.remove(Self.uid(number)) }
        #expect(Array(order) == [7, 4].map(Self.uid))
        order.remove(Self.uid(4))
        order.remove(Self.uid(7))
        #expect(order.isEmpty)
        #expect(order.first == nil)
        #expect(Array(order) == [])
    }

    /// To look for each in all of them would take minutes.
    @Test(.timeLimit(.minutes(1)), arguments: [false, true])
    func `many go one after the other`(lastFirst: Bool) {
        let numbers = Array(0..<50_000)
        var order = Self.order(numbers)
        for number in lastFirst ? numbers.reversed() : numbers {
            order.remove(Self.uid(number))
            if !order.isEmpty { #expect(order.first != nil) }
        }
        #expect(order.isEmpty)
    }
}
