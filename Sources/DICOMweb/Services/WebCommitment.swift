package import DICOM
package import DICOMNode
package import DICOMProtocol

// Storage commitment over HTTP (PS3.18 13): no call-back, and so no port.
extension WebSession {
    /// The answer to a request for commitment, or to the question for its result.
    package enum CommitmentAnswer {
        case done(StorageCommitmentResult)
        /// The server still works at it, and says after how many seconds it wants to be asked again.
        case working(retryAfter: Double?)
    }

    /// Requests commitment, PS3.18 13.4.
    ///
    /// - Throws: `.web` with the status of a refusal, `.notOffered` among them; the error by which no answer came.
    package func requestCommitment(
        _ request: StorageCommitmentRequest
    ) throws(AssociationError) -> CommitmentAnswer {
        var post = HTTPRequest(
            .post, Self.commitmentPath(request.transactionUID), at: bases.storage, accept: Self.json)
        post.headers.append(("Content-Type", Self.json))
        var dataSet = request.dataSet
        // It is in the path.
        dataSet.remove(.transactionUID)
        var body: [UInt8] = []
        DICOMJSON.append(dataSet, to: &body)
        post.body = BytesBody(body)
        do throws(AssociationError) {
            return try commitment(post, request.transactionUID)
        } catch .web(let error) where Self.isMissing(error) {
            throw .web(
                WebError(
                    .notOffered, "the server has no storage commitment at this URL: \(error.detail)",
                    peerText: error.peerText, request: "POST /commitment-requests"))
        }
    }

    /// Asks for the result of a request, PS3.18 13.5.
    ///
    /// - Throws: `.web` with a status that is no success; the error by which no answer came.
    package func commitmentResult(of transaction: UID) throws(AssociationError) -> CommitmentAnswer {
        try commitment(
            HTTPRequest(.get, Self.commitmentPath(transaction), at: bases.storage, accept: Self.json), transaction)
    }

    static func commitmentPath(_ transaction: UID) -> String { "/commitment-requests/\(transaction)" }

    private func commitment(_ request: HTTPRequest, _ transaction: UID) throws(AssociationError) -> CommitmentAnswer {
        let reader = AnswerCollector(request)
        let answer = try answer(to: request, reader: reader)
        for warning in answer.head.fields("warning") { noteWarning(warning) }
        if answer.head.status == 202 {
            return .working(retryAfter: answer.head.retryAfter(now: WallClock.seconds))
        }
        guard let dataSet = (try? DICOMJSON.parse(reader.body))?.first else {
            throw .web(WebError(.unexpected, "the answer is no result of storage commitment", request: request.name))
        }
        let result = StorageCommitmentResult(reading: dataSet)
        return .done(
            StorageCommitmentResult(
                transactionUID: transaction, committed: result.committed, failed: result.failed))
    }
}
