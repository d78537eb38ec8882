package import DICOM
package import DICOMProtocol
import System

/// The decision after a pending response, in the services with several of them (C-FIND, C-MOVE, C-GET).
package enum ExchangeControl: Sendable {
    case goOn
    /// Send C-CANCEL and wait for the final response.
    case cancel
}

/// The outcome of an exchange.
package struct ExchangeResult: Sendable {
    /// The final response; nil if the peer went on after C-CANCEL until its deadline.
    package let final: DIMSEMessage?
    /// The encoding of the final response's identifier, if it has one.
    package let transferSyntax: TransferSyntax
    package let wasCancelled: Bool
    /// True if a cancellation of our own side was the reason.
    package let wasInterrupted: Bool

    package var status: DIMSEStatus? { final?.command.status }
}

extension Association {
    /// Sends a request and receives responses until the final one.
    ///
    /// The first cancellation sends C-CANCEL (PS3.7 9.3.2.3) and the exchange goes on to its orderly end. A peer that goes
    /// on as well is aborted, within the limits of ``CancelledExchange``.
    ///
    /// - Parameters:
    ///   - options: how each message is waited for.
    ///   - onSent: called once the request has left.
    ///   - onPending: called with each response of a pending status.
    ///   - destination: where data sets go that are not the responses' identifiers.
    ///   - onRequest: called with requests of the peer, such as the C-STORE sub-operations of a C-GET. Nil: there are
    ///     none.
    /// - Throws: The error that ended the association, or a protocol violation by the peer; `unsendable`.
    package func exchange(
        _ request: CommandSet, in context: NegotiatedContexts.Accepted, identifier: DataSet,
        options: ReceiveOptions = ReceiveOptions(), onSent: () -> Void = {},
        onPending: (DIMSEMessage) -> ExchangeControl,
        destination: (CommandSet, UInt8) -> DataSetDestination = { _, _ in .memory },
        onRequest: ((DIMSEMessage) throws(AssociationError) -> Void)? = nil
    ) throws(AssociationError) -> ExchangeResult {
        try send(
            request, contextID: context.id, dataSet: DataSetEncoder(context.transferSyntax).encode(identifier))
        onSent()
        let id = request.messageID ?? 0
        var options = options
        var wasInterrupted = false
        func result(_ final: DIMSEMessage?) -> ExchangeResult {
            ExchangeResult(
                final: final, transferSyntax: context.transferSyntax, wasCancelled: options.cancelled != nil,
                wasInterrupted: wasInterrupted)
        }
        func cancel() throws(AssociationError) {
            guard options.cancelled == nil else { return }
            try send(.cancelRequest(of: id), contextID: context.id)
            options.cancelled = CancelledExchange(inactivity: limits.inactivity, elsewhere: options.elsewhere)
        }
        while true {
            let message: DIMSEMessage
            do throws(AssociationError) {
                message = try receive(options, destination: destination)
            } catch .interrupted(.graceful) {
                wasInterrupted = true
                options.cancelledAt = .abort
                try cancel()
                continue
            } catch .timedOut where options.cancelled != nil && !limits.end.isPast {
                // The association was aborted: all that we wanted of it is over.
                return result(nil)
            }
            guard message.command.isResponse else {
                guard let onRequest else { try abort(for: .unexpectedMessage(message.command, while: request)) }
                try onRequest(message)
                options.cancelled?.instanceEnded()
                options.expectsInstances = true
                continue
            }
            try checkResponse(message.command, to: request)
            guard message.command.status?.kind == .pending else { return result(message) }
            if let cancelled = options.cancelled {
                guard !cancelled.isOver() else {
                    abort()
                    return result(nil)
                }
            } else if onPending(message) == .cancel {
                try cancel()
            }
        }
    }

    /// Refuses a request that is not served. Requests without a response, such as C-CANCEL, get none.
    ///
    /// - Throws: The error that ended the association.
    package func refuse(_ message: DIMSEMessage, status: DIMSEStatus) throws(AssociationError) {
        guard let response = CommandSet.failureResponse(to: message.command, status: status) else { return }
        try send(response, contextID: message.contextID)
    }

    /// Checks that a response is to the request. An id that is missing is forgiven while only one operation is
    /// outstanding, a wrong one is not.
    ///
    /// - Throws: `protocolViolation` otherwise; the association was aborted then.
    package func checkResponse(_ response: CommandSet, to request: CommandSet) throws(AssociationError) {
        let expected = request.commandField?.response
        if let id = response.messageIDBeingRespondedTo, id != request.messageID {
            try abort(for: .unexpectedMessage(response, while: request))
        }
        guard response.commandField == expected, response.status != nil else {
            try abort(for: .unexpectedMessage(response, while: request))
        }
    }
}

extension ProtocolError {
    static func unexpectedMessage(_ command: CommandSet, while request: CommandSet) -> ProtocolError {
        let got = command.commandField.map { "\($0)" } ?? "no command field"
        let waiting = request.commandField.map { "\($0)" } ?? "a request"
        var text = "\(got) in answer to \(waiting) \(request.messageID ?? 0)"
        if let id = command.messageIDBeingRespondedTo { text += ", for message \(id)" }
        if command.isResponse, command.status == nil { text += ", without a status" }
        return ProtocolError(.unexpectedMessage, section: "PS3.7 9.3", text)
    }
}
