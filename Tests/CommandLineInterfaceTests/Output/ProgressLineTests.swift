import Testing

@testable import CommandLineInterface

@Suite("The progress line")
struct ProgressLineTests {
    @Test func `what is not known is not shown`() {
        var progress = ProgressLine.Progress()
        (progress.instances, progress.total) = (4, 8)
        #expect(ProgressLine.text(progress, seconds: 1) == "4 of 8 instances")
        // Files that could not be sent are done, and no bytes were sent.
        (progress.finishedBytes, progress.totalBytes, progress.failures) = (500, 1000, 4)
        #expect(ProgressLine.text(progress, seconds: 1) == "4 of 8 instances, 0:01 left, 4 failed")
    }

    @Test func `a message is followed by the progress as it is now`() throws {
        let line = ProgressLine(terminal: terminal, columns: { 80 })
        let sink = line.sink(over: terminal)
        var progress = ProgressLine.Progress()
        for number in 1...16 {
            progress.instances = number
            line.update(progress)
        }
        try sink.write("a message\n")
        #expect(
            terminal.text.hasSuffix("a message\n16 instances"),
            "\(terminal.text)")
        line.clear()
        try sink.write("another\n")
        #expect(terminal.text.hasSuffix("another\n"))
    }

    private let terminal = MemorySink()

    private var line: ProgressLine { ProgressLine(terminal: terminal, columns: { 80 }) }

    private func progress(_ instances: Int) -> ProgressLine.Progress {
        var progress = ProgressLine.Progress()
        progress.instances = instances
        return progress
    }

    @Test func `goes out of the way of a message and comes back behind it`() throws {
        let line = line
        line.update(progress(3))
        try line.sink(over: terminal).write("dcmscu: note\n")
        let shown = "3 instances"
        #expect(terminal.text == "\r\u{1B}[K\(shown)\r\u{1B}[Kdcmscu: note\n\(shown)")
        line.clear()
        #expect(terminal.text.hasSuffix("\(shown)\r\u{1B}[K"))
    }

    @Test func `does not come back into the middle of a line`() throws {
        let line = line
        line.update(progress(3))
        let sink = line.sink(over: terminal)
        try sink.write("half ")
        try sink.write("a line\n")
        #expect(terminal.text.contains("half a line\n3 instances"))
    }

    @Test func `is drawn a few times a second however often it is updated`() {
        let line = line
        for number in 1...1000 { line.update(progress(number)) }
        #expect(terminal.text == "\r\u{1B}[K1 instances")
    }

    @Test func `tells count, bytes, rate, time left and failures`() {
        var progress = progress(120)
        progress.total = 400
        progress.bytes = 63_600_000
        progress.totalBytes = 212_000_000
        progress.failures = 2
        #expect(
            ProgressLine.text(progress, seconds: 2) == "120 of 400 instances, 63.6 MB, 31.8 MB/s, 0:05 left, 2 failed")
    }

    @Test func `is cut to the width of the terminal`() {
        let line = ProgressLine(terminal: terminal, columns: { 12 })
        line.update(progress(3))
        #expect(terminal.text == "\r\u{1B}[K3 instances")
    }
}
