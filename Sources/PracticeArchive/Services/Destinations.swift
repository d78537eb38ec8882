package import DICOMNode
package import DICOMProtocol
import System

/// Where the archive sends what a C-MOVE asks for and what it reports on a commitment: addresses by AE title, and how they are
/// called.
package struct Destinations: Sendable {
    private let endpoints: [AETitle: Endpoint]
    private let connector: Connector
    private let limits: AssociationLimits

    package init(_ endpoints: [AETitle: Endpoint], connector: Connector = Connector(), limits: AssociationLimits) {
        self.endpoints = endpoints
        self.connector = connector
        self.limits = limits
    }

    func isKnown(_ title: AETitle) -> Bool { endpoints[title] != nil }

    /// Opens an association to a title; nil where it is not known.
    func associate(
        with title: AETitle, as own: AETitle, contexts: [PresentationContextProposal],
        roles: [RoleSelection] = [], cancellation: Cancellation = .never
    ) throws(AssociationError) -> Association? {
        guard let endpoint = endpoints[title] else { return nil }
        var parameters = AssociationParameters(
            calledAETitle: title, callingAETitle: own, presentationContexts: contexts)
        parameters.roleSelections = roles
        parameters.limits = limits
        return try Association.request(
            parameters, at: endpoint, connector: connector, cancellation: cancellation)
    }
}
