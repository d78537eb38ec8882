package import System

/// Stores instances at a peer, as one worker of a run: by C-STORE on associations, or over HTTP. Used by one thread.
package protocol InstanceSender: AnyObject {
    /// True if no file is unfinished or left for another attempt.
    var isIdle: Bool { get }

    /// When a file that is left for another attempt is due; `never` if there is none.
    var nextAttempt: Deadline { get }

    /// Opens what instances are sent by, before there are any.
    ///
    /// - Throws: the error that ended the work with the peer for good.
    func prepare() throws(AssociationError)

    /// Sends the files, attempt after attempt; each is reported exactly once. Files to be retried may be kept for a later call.
    ///
    /// - Parameter waitsForRetries: True to return only when no file is left for another attempt.
    /// - Throws: the error that ended the work with the peer for good; what was not sent is in ``takeUnfinished()``.
    func store(_ files: [PendingInstance], waitsForRetries: Bool) throws(AssociationError)

    /// Waits for every answer that is due, and for every further attempt.
    ///
    /// - Throws: the error that ended the work with the peer for good.
    func finishAttempts() throws(AssociationError)

    /// Ends what instances were sent by.
    ///
    /// - Throws: the error by which it did not end in an orderly way.
    func release() throws(AssociationError)

    /// Gives up the files that were neither stored nor reported when the work ended.
    func takeUnfinished() -> [PendingInstance]
}
