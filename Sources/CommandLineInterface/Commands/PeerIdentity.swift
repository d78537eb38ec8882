import DICOMNode
import DICOMProtocol
import System

extension Network {
    /// The time to find out what else is spoken at a port, in seconds.
    private static let identification = 3.0

    /// The error itself, or what the peer speaks in place of what was expected: one that says nothing, or nothing that makes sense, is
    /// asked in the other protocol, on a connection of its own.
    func identified(_ error: AssociationError) -> AssociationError {
        guard !cancellation.isRaised, !isOverdue else { return error }
        return connection.web == nil ? identifiedAsWeb(error) : identifiedAsDICOM(error)
    }

    private func identifiedAsWeb(_ error: AssociationError) -> AssociationError {
        switch error {
        case .timedOut(.associateResponse), .unreachable(.closedAtOnce): break
        default: return error
        }
        let wait = WaitLimits(total: .after(seconds: Self.identification), cancellation: cancellation)
        guard let found = security.connector.protocolAnsweringHTTP(at: endpoint, wait: wait) else { return error }
        return .protocolViolation(
            ProtocolError(.foreignProtocol(found), section: "PS3.8 9.3.1", "it speaks \(found.rawValue), not DICOM"))
    }

    private func identifiedAsDICOM(_ error: AssociationError) -> AssociationError {
        switch error {
        case .web(let reason) where reason.code == .notHTTP: break
        case .connectionLost, .timedOut(.message): break
        default: return error
        }
        guard speaksDICOM else { return error }
        return .web(WebError(.dicom, "it speaks the DICOM protocol, not HTTP"))
    }

    /// True if the port answers a request for an association, in whatever way.
    private var speaksDICOM: Bool {
        var parameters = parameters(PresentationContextPlan(needs: VerificationSCU.needs).associations.first ?? [])
        parameters.userIdentity = nil
        parameters.limits.connect = Self.identification
        parameters.limits.association = Self.identification
        do throws(AssociationError) {
            let association = try associate(parameters)
            try? release(association)
            return true
        } catch .rejected, .abortedByPeer, .releasedByPeer {
            return true
        } catch {
            return false
        }
    }
}
