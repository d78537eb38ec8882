import Testing

@testable import CommandLineInterface

struct ExitCodeTests {
    @Test func `the codes are those of the table`() {
        #expect(ExitCode.allCases.map(\.rawValue) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130])
    }

    @Test func `the worst cause wins whichever comes first`() {
        for left in ExitCode.allCases {
            #expect(left.worst(.success) == left)
            #expect(left.worst(left) == left)
            #expect(left.worst(.interrupted) == .interrupted)
            for right in ExitCode.allCases { #expect(left.worst(right) == right.worst(left)) }
        }
        #expect(ExitCode.worst(of: []) == .success)
        #expect(ExitCode.worst(of: [.incomplete, .association, .commitmentFailed]) == .association)
        #expect(ExitCode.incomplete.worst(.commitmentFailed) == .commitmentFailed)
    }
}
