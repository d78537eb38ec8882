import DICOM
import DICOMNode
import DICOMProtocol

/// The queries of a run that are asked in parts where the server cuts lists short: tells what happens, and counts.
final class ListDivision {
    private let steps: WholeListSession.Steps?
    private let network: Network
    private let outcome: RunOutcome
    private let today: CalendarDate
    private var requests = 0
    private var queries = 0
    private var doubtful = 0
    /// Those that the last note has counted.
    private var counted = 0
    private static let maximumNamed = 3

    /// - Parameter ordinary: what holds where the option was not given.
    init(
        _ option: SplitOption?, ordinary: SplitOption, _ network: Network, _ outcome: RunOutcome, today: CalendarDate
    ) {
        // Over HTTP a list is asked for page by page, to its end.
        switch option ?? (network.connection.web == nil ? ordinary : .off) {
        case .off: steps = nil
        case .whenCutShort: steps = .whole
        case .steps(let steps): self.steps = steps
        }
        self.network = network
        self.outcome = outcome
        self.today = today
    }

    /// The session that divides queries, if they are to be divided.
    func session(_ session: any QuerySession) -> any QuerySession {
        guard let steps else { return session }
        return WholeListSession(
            session, steps: steps, today: today,
            combinesDateAndTime: network.connection.queryNegotiation.contains(.dateTimeMatching)
        ) { [self] event in report(event) }
    }

    private func report(_ event: WholeListSession.Event) {
        switch event {
        case .cutShort(let status, let matches):
            let end = status == .success ? "without a word" : "with \(status)"
            network.report(
                .listCutShort, .note,
                Message(
                    "\(network.peerName): the server ends lists after \(Quantity.count(matches, "match")), \(end)",
                    "the query is asked in parts"))
        case .doubtful(let part, let matches):
            doubtful += 1
            outcome.summary.set(.doubtfulParts, doubtful)
            guard doubtful <= Self.maximumNamed else { return }
            outcome.fail(
                .incomplete,
                Message(
                    "\(network.peerName): the list of matches may be incomplete (\(part))",
                    "the server ends it after \(Quantity.count(matches, "match")), and it cannot be divided further"))
        case .byModality(let part):
            network.report(
                .byModality, .note,
                Message(
                    "\(network.peerName): a list was asked for in parts by modality (\(part))",
                    "matches of modalities that are neither usual nor seen are in none of them"))
        case .undated(0):
            network.report(
                .undated, .note,
                Message(
                    "\(network.peerName): a list was asked for in parts by date",
                    "matches without a date are in none of them, and none was seen"))
        case .undated(let matches):
            outcome.fail(
                .incomplete,
                Message(
                    "\(network.peerName): the list of matches may be incomplete",
                    "\(Quantity.count(matches, "match")) without a date or time came before the server ended its list; "
                        + "the parts by date and time do not show whether there are more"))
        case .givenUp(let matches):
            outcome.fail(
                .incomplete,
                Message(
                    "\(network.peerName): the list of matches may be incomplete",
                    "the server sent \(Quantity.count(matches, "match")), and the list is given up"))
        case .ended(let requests):
            queries += 1
            self.requests += requests
            if self.requests > queries {
                outcome.summary.set(.queries, self.requests)
                network.diagnostics.verbose(
                    "\(network.peerName): \(Quantity.count(self.requests, "query")) made so far")
            }
            if doubtful > max(Self.maximumNamed, counted) {
                counted = doubtful
                network.diagnostics.note(
                    Message("\(network.peerName): \(doubtful) parts of the list may be incomplete"))
            }
        }
    }

    /// Warns of a list that looks as if the server had cut it short, where nobody chose what to do about it.
    func noteRoundNumber(_ matches: Int, option: SplitOption?) {
        guard option == nil, steps == nil, network.connection.web == nil, ListLimits.isRound(matches) else { return }
        network.diagnostics.warning(
            Message(
                "\(network.peerName): exactly \(matches) matches",
                "a round number, which may be a limit of the server", hint: .listCutShort))
    }
}
