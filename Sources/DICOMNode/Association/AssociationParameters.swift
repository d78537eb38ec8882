import DICOM
package import DICOMProtocol
package import System

/// The parameters with which a requestor opens an association, PS3.8 7.1.1.
package struct AssociationParameters: Sendable {
    package var calledAETitle: AETitle
    package var callingAETitle: AETitle
    package var presentationContexts: [PresentationContextProposal]
    /// The largest P-DATA-TF body that we receive, in bytes (PS3.8 D.1); 0 is no maximum.
    package var maximumPDULength: UInt32 = PDULimits.standardAnnouncedMaximumLength
    package var roleSelections: [RoleSelection] = []
    package var extendedNegotiations: [SOPClassExtendedNegotiation] = []
    package var asynchronousOperationsWindow: AsynchronousOperationsWindow?
    package var userIdentity: UserIdentityRequest?
    package var limits = AssociationLimits()

    package init(
        calledAETitle: AETitle, callingAETitle: AETitle, presentationContexts: [PresentationContextProposal] = []
    ) {
        self.calledAETitle = calledAETitle
        self.callingAETitle = callingAETitle
        self.presentationContexts = presentationContexts
    }

    var request: AssociateRequest {
        var information = UserInformation.own(maximumPDULength: maximumPDULength)
        information.asynchronousOperationsWindow = asynchronousOperationsWindow
        information.roleSelections = roleSelections
        information.extendedNegotiations = extendedNegotiations
        information.userIdentityRequest = userIdentity
        return AssociateRequest(
            calledAETitle: calledAETitle, callingAETitle: callingAETitle, presentationContexts: presentationContexts,
            userInformation: information)
    }
}

/// The two clocks of every wait, in seconds. Inactivity starts again with every byte; the others are totals, so that
/// one byte now and then does not hold us for ever.
package struct AssociationLimits: Sendable {
    /// Name look-up and connect together; nil waits as long as the system does.
    package var connect: Double? = 15
    /// From the request to the peer's answer, and for an acceptor from the connection to the request (PS3.8's ARTIM
    /// timer).
    package var association: Double? = 30
    /// Silence of the peer while a message or an answer is due; nil has no limit.
    package var inactivity: Double? = 120
    /// From A-RELEASE-RQ to its answer. The work is done by then, so nobody should wait long.
    package var release: Double? = 10
    /// The deadline of the whole association, even while data is exchanged.
    package var end = Deadline.never
    /// Told of waits that last, with what is waited for, and with nil at their end; nil where nobody watches.
    package var onLongWait: (@Sendable (LongWait?) -> Void)?

    package init() {}

    /// A wait for the peer that lasts.
    package struct LongWait: Sendable {
        /// Nil for the connection.
        package let awaited: AssociationError.Awaited?
        package let wait: WaitNotice.Wait
    }

    func notice(_ awaited: AssociationError.Awaited?) -> WaitNotice? {
        onLongWait.map { onLongWait in
            WaitNotice { wait in onLongWait(wait.map { LongWait(awaited: awaited, wait: $0) }) }
        }
    }
}

extension UserInformation {
    /// The parameters of our own side, the same on every association.
    static func own(maximumPDULength: UInt32) -> UserInformation {
        var information = UserInformation()
        information.maximumLength = maximumPDULength
        information.implementationClassUID = ImplementationIdentity.classUID
        information.implementationVersionName = ImplementationIdentity.versionName
        return information
    }
}
