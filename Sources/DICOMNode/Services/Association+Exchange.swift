package import DICOM
package import DICOMProtocol

/// What goes on after a request was sent, common to the services with several responses (C-FIND, C-MOVE, C-GET).
package enum ExchangeControl: Sendable {
    case goOn
    /// Send C-CANCEL and wait for the final response.
    case cancel
}

/// How an exchange ended.
package struct ExchangeResult: Sendable {
    /// The final response; nil if the peer went on after C-CANCEL until our patience ended.
    package let final: DIMSEMessage?
    /// What the final response's identifier, if it has one, is encoded in.
    package let transferSyntax: TransferSyntax
    package let wasCancelled: Bool
    /// Whether it was our user who wanted to stop.
    package let wasInterrupted: Bool

    package var status: DIMSEStatus? { final?.command.status }
}

extension Association {
    /// How long a peer may take to end an operation after C-CANCEL, in seconds. It may have much under way; but one that
    /// does not know C-CANCEL would go on for hours.
    private static let cancelPatience = 30.0

    /// Whoever asked for less patience with silence has less with this, too.
    private var endOfPatience: Deadline {
        .after(seconds: min(Self.cancelPatience, limits.inactivity ?? .infinity))
    }

    /// The accepted context for an operation, or the reasons why there is none.
    package func context(
        for abstractSyntax: UID
    ) throws(AssociationError) -> NegotiatedContexts.Accepted {
        guard let context = contexts?.contexts(for: abstractSyntax).first else {
            throw .noPresentationContext(
                abstractSyntax: abstractSyntax, refused: contexts?.refusals(for: abstractSyntax) ?? [])
        }
        return context
    }

    /// Sends a request and takes responses until the final one.
    ///
    /// The first wish of our user to stop sends C-CANCEL (PS3.7 9.3.2.3) and the exchange goes on to its orderly end.
    ///
    /// - Parameters:
    ///   - onPending: called with each response of a pending status.
    ///   - destination: where data sets go that are not the answers' identifiers.
    ///   - onRequest: called with requests of the peer, such as the C-STORE sub-operations of a C-GET. Nil: there are none.
    package func exchange(
        _ request: CommandSet, in context: NegotiatedContexts.Accepted, identifier: DataSet,
        onPending: (DIMSEMessage) -> ExchangeControl,
        destination: (CommandSet, UInt8) -> DataSetDestination = { _, _ in .memory },
        onRequest: ((DIMSEMessage) throws(AssociationError) -> Void)? = nil
    ) throws(AssociationError) -> ExchangeResult {
        try send(
            request, contextID: context.id, dataSet: DataSetEncoder(context.transferSyntax).encode(identifier))
        defer { patience = .never }
        let id = request.messageID ?? 0
        var cancelled: Deadline?
        var wasInterrupted = false
        while true {
            let message: DIMSEMessage
            do throws(AssociationError) {
                message = try receive(destination: destination)
            } catch .interrupted(.graceful) {
                wasInterrupted = true
                heeds = .abort
                if cancelled == nil { try cancel(id, contextID: context.id) }
                cancelled = cancelled ?? endOfPatience
                patience = cancelled ?? .never
                continue
            } catch .timedOut where cancelled?.isPast == true {
                // The association was aborted: all that we wanted of it is over.
                return ExchangeResult(
                    final: nil, transferSyntax: context.transferSyntax, wasCancelled: true,
                    wasInterrupted: wasInterrupted)
            }
            guard message.command.isResponse else {
                guard let onRequest else { throw violation(.unexpectedMessage(message.command, while: request)) }
                try onRequest(message)
                continue
            }
            try checkAnswer(message.command, to: request)
            guard message.command.status?.kind == .pending else {
                return ExchangeResult(
                    final: message, transferSyntax: context.transferSyntax, wasCancelled: cancelled != nil,
                    wasInterrupted: wasInterrupted)
            }
            if let cancelled {
                guard !cancelled.isPast else {
                    abort()
                    return ExchangeResult(
                        final: nil, transferSyntax: context.transferSyntax, wasCancelled: true,
                        wasInterrupted: wasInterrupted)
                }
            } else if onPending(message) == .cancel {
                try cancel(id, contextID: context.id)
                cancelled = endOfPatience
                patience = cancelled ?? .never
            }
        }
    }

    /// Refuses a request that is not served. What has no answer, such as C-CANCEL, gets none.
    package func refuse(_ message: DIMSEMessage, status: DIMSEStatus) throws(AssociationError) {
        guard let answer = CommandSet.failureResponse(to: message.command, status: status) else { return }
        try send(answer, contextID: message.contextID)
    }

    private func cancel(_ id: UInt16, contextID: UInt8) throws(AssociationError) {
        try send(.cancelRequest(of: id), contextID: contextID)
    }

    /// A response must answer what was asked. An id that is missing is forgiven while only one operation is outstanding, a wrong one
    /// is not: the answer may be to somebody else's question.
    package func checkAnswer(_ response: CommandSet, to request: CommandSet) throws(AssociationError) {
        let expected = request.commandField.map { $0 | CommandField.responseBit }
        if let id = response.messageIDBeingRespondedTo, id != request.messageID {
            throw violation(.unexpectedMessage(response, while: request))
        }
        guard response.commandField == expected, response.status != nil else {
            throw violation(.unexpectedMessage(response, while: request))
        }
    }
}

extension ProtocolError {
    static func unexpectedMessage(_ command: CommandSet, while request: CommandSet) -> ProtocolError {
        let got =
            command.command.map { "\($0)" } ?? command.commandField.map { "command \(hex($0))" } ?? "no command field"
        let waiting = request.command.map { "\($0)" } ?? "a request"
        var text = "\(got) in answer to \(waiting) \(request.messageID ?? 0)"
        if let id = command.messageIDBeingRespondedTo { text += ", for message \(id)" }
        if command.isResponse, command.status == nil { text += ", without a status" }
        return ProtocolError(.unexpectedMessage, section: "PS3.7 9.3", text)
    }

    private static func hex(_ value: UInt16) -> String {
        Hexadecimal.text(value, digits: 4, uppercase: true) + "H"
    }
}
