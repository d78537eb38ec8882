import DICOM
import DICOMProtocol
import System
import Testing

@testable import CommandLineInterface

struct EventWriterTests {
    @Test func `a path stands as it is, and in Base 64 beside it where it is no UTF-8`() {
        for (path, members) in [
            (FilePath("a\tb\u{1B}.dcm"), #""path":"a\tb\u001b.dcm""#),
            (FilePath(bytes: [0x63, 0xFF]), #""path":"c\#u{FFFD}","pathBytes":"Y/8=""#),
        ] {
            let sink = MemorySink()
            var event = RunEvent(.store)
            event.set(path)
            EventWriter(output: sink).write(event)
            #expect(sink.text.lowercased() == "{\"event\":\"store\",\(members)}\n".lowercased())
        }
    }

    @Test func `an event is one line that begins with its name and leaves out what does not apply`() {
        let sink = MemorySink()
        let writer = EventWriter(output: sink)
        var event = RunEvent(.store)
        event.set(.path, "a\n\"b\"")
        event.set(.sopInstanceUID, UID("1.2.3"))
        event.set(.comment, nil as String?)
        event.set(.bytes, 512)
        event.set(.seconds, seconds: 0.0012345678)
        event.set(.done)
        writer.write(event)
        #expect(
            sink.text == #"{"event":"store","path":"a\n\"b\"","sopInstanceUID":"1.2.3","bytes":512,"#
                + #""seconds":0.001235,"outcome":"done"}"# + "\n")
    }

    @Test func `a status stands as the standard writes it, with its meaning and the peer's words`() throws {
        var response = CommandSet()
        response.status = 0xA700
        response.errorComment = "disk full"
        var event = RunEvent(.store)
        event.set(response, for: .storage)
        let value = JSONValue.object(event.members)
        #expect(value["status"]?.string == "A700H")
        #expect(value["comment"]?.string == "disk full")
        #expect(value["meaning"]?.string?.isEmpty == false)
    }

    @Test func `words about a failure are those of messages, and paths are results`() {
        let sink = MemorySink()
        var event = RunEvent(.store)
        event.set(FilePath("in/DOE^JOHN/1.dcm"))
        event.set(.comment, "no DOE^JOHN")
        event.set(.error, "in/DOE^JOHN: full")
        EventWriter(output: sink, words: Redaction.names.words).write(event)
        #expect(
            sink.text
                == #"{"event":"store","path":"in/DOE^JOHN/1.dcm","comment":"***","error":"in/***: full"}"# + "\n")
        let open = MemorySink()
        EventWriter(output: open, words: Redaction.off.words).write(event)
        #expect(open.text.contains("no DOE^JOHN"))
    }

    @Test func `a member that is set twice has the later value`() {
        var event = RunEvent(.summary)
        event.set(.done, 1)
        event.set(.done, 2)
        #expect(event.members.map(\.0) == ["event", "done"])
        #expect(event.members.last?.1 == .number(2))
    }

    @Test func `an output that fails ends the writing, and its cause is kept`() {
        let writer = EventWriter(output: FailingSink())
        writer.write(RunEvent(.echo))
        writer.write(RunEvent(.echo))
        #expect(writer.failure?.errorNumber == 28)
    }

    private final class FailingSink: ByteSink {
        func write(_ bytes: RawSpan) throws(ByteSinkError) {
            throw ByteSinkError(errorNumber: 28, description: "no space left on device")
        }
    }
}
