import DICOMProtocol

/// The stream of PDUs in both roles, through framer, state machine and assembler.
///
/// Invariant: whatever the bytes, they become events or one error; how the network cuts them makes no difference; and
/// nothing is taken that has not arrived.
enum StreamTarget: FuzzTarget {
    static func run(_ bytes: [UInt8]) {
        var choices = Choices(bytes)
        let role: UpperLayerStateMachine.Role = choices.next(2) == 0 ? .requestor : .acceptor
        let piece = choices.next(64) + 1
        let stream = Array(choices.rest)
        let whole = Reader(role).read(stream, pieces: max(stream.count, 1))
        let cut = Reader(role).read(stream, pieces: piece)
        precondition(whole == cut, "cutting the stream changes what it says")
    }

    static var seeds: [[UInt8]] {
        [
            [0, 5] + Recorded.acceptance + Recorded.echo + Recorded.release,
            [1, 7] + Recorded.request + Recorded.store, [0, 1] + Recorded.find, [1, 0] + Recorded.abort,
        ]
    }

    static func seeds(from side: RecordedSide) -> [[UInt8]] {
        [[side.operation.isPeerRequestor ? 1 : 0, 29] + side.bytes]
    }

    private struct Heard: Equatable {
        var pdus: [[UInt8]] = []
        var commands: [[UInt8]] = []
        var dataLength = 0
        var messages = 0
        var state = 0
        var error: ProtocolError?
    }

    private struct Reader {
        var machine: UpperLayerStateMachine
        var framer = PDUFramer()
        var assembler = MessageAssembler()
        var heard = Heard()

        init(_ role: UpperLayerStateMachine.Role) {
            machine = UpperLayerStateMachine(role)
            if role == .requestor {
                _ = machine.handle(.associateRequest)
                _ = machine.handle(.transportConnected)
            } else {
                _ = machine.handle(.transportAccepted)
            }
        }

        consuming func read(_ stream: [UInt8], pieces: Int) -> Heard {
            var buffer: [UInt8] = []
            var offset = 0
            while heard.error == nil {
                var step: Result<PDUFramer.Step, ProtocolError> = .success(.needMore(atLeast: 1))
                buffer.withUnsafeBytes { bytes in
                    step = Result { () throws(ProtocolError) in try framer.next(in: bytes) }
                }
                switch step {
                case .failure(let error):
                    heard.error = error
                    _ = machine.handle(.received(error))
                case .success(.needMore(let count)):
                    precondition(count > buffer.count, "asks for what is there")
                    guard offset < stream.count else {
                        heard.state = machine.state.rawValue
                        return heard
                    }
                    let end = min(offset + pieces, stream.count)
                    buffer += stream[offset..<end]
                    offset = end
                case .success(.pdu(let pdu, let consumed)):
                    precondition(consumed > 0 && consumed <= buffer.count)
                    buffer.removeFirst(consumed)
                    take(pdu)
                case .success(.fragment(let fragment, let consumed)):
                    precondition(consumed <= buffer.count && fragment.range.upperBound <= consumed)
                    take(fragment, Array(buffer[fragment.range]))
                    buffer.removeFirst(consumed)
                }
            }
            heard.state = machine.state.rawValue
            return heard
        }

        private mutating func take(_ pdu: PDU) {
            heard.pdus.append(pdu.encode())
            _ = machine.handle(.received(pdu))
            switch machine.state {
            case .awaitingAssociateResponse: _ = machine.handle(.associateResponseAccept)
            case .awaitingReleaseResponse: _ = machine.handle(.releaseResponse)
            default: break
            }
        }

        private mutating func take(_ fragment: PDUFramer.Fragment, _ bytes: [UInt8]) {
            _ = machine.handle(.presentationDataPDU)
            guard machine.state == .dataTransfer else { return }
            do throws(ProtocolError) {
                var event: Result<MessageAssembler.Event?, ProtocolError> = .success(nil)
                bytes.withUnsafeBytes { bytes in
                    event = Result { () throws(ProtocolError) in
                        try assembler.accept(
                            contextID: fragment.contextID, isCommand: fragment.isCommand,
                            isLast: fragment.isLast && fragment.endsPDV, bytes: bytes)
                    }
                }
                switch try event.get() {
                case nil: break
                case .command(let command, _)?:
                    heard.commands.append(command.encode())
                    do throws(ProtocolError) {
                        let encoded = command.encode()
                        let again = try CommandSet(decoding: encoded.span.bytes)
                        precondition(again.encode() == command.encode(), "a command changes when it is encoded")
                    } catch {
                        preconditionFailure("a command that was read cannot be read again")
                    }
                case .data(let isLast)?:
                    heard.dataLength += bytes.count
                    if isLast { heard.messages += 1 }
                }
            } catch {
                heard.error = error
            }
        }
    }
}
