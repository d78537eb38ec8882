import DICOMNode
import DICOMProtocol

/// The answer to an association under an AE title that nobody has.
enum TitleAnswer: Equatable {
    case accepted
    case rejected(AssociateReject)
    /// The association failed for a reason that says nothing about AE titles.
    case unclear

    /// For a sentence, and for programs.
    var words: String {
        switch self {
        case .accepted: "accepted"
        case .rejected: "rejected"
        case .unclear: "not answered clearly"
        }
    }
}

/// Which AE title a server has refused an association for, as far as made-up ones show it: a server that says another reason for a
/// made-up title than for the given one has looked at that title, and knows the given one.
enum WrongTitle: String {
    case called, calling
    /// The called title is refused, and ours is only looked at after it.
    case calledAtLeast = "called, perhaps both"
    /// Ours is refused, and the called one is only looked at after it.
    case callingAtLeast = "calling, perhaps both"
    /// Both are known, or none is looked at; something else was refused.
    case neither
    case unknown

    init(_ refusal: AssociateReject, madeUpCalling: TitleAnswer, madeUpCalled: TitleAnswer) {
        let (badCalling, badCalled) = (
            TitleAnswer.rejected(.callingAETitleNotRecognized), TitleAnswer.rejected(.calledAETitleNotRecognized)
        )
        self =
            switch (refusal, madeUpCalling, madeUpCalled) {
            // With another title of ours all is well, or with another one of the server's.
            case (_, .accepted, .accepted): .neither
            case (_, .accepted, _): .calling
            case (_, _, .accepted): .called
            case (.calledAETitleNotRecognized, badCalling, _): .called
            case (.calledAETitleNotRecognized, _, _): .calledAtLeast
            case (.callingAETitleNotRecognized, _, badCalled): .calling
            case (.callingAETitleNotRecognized, _, _): .callingAtLeast
            case (_, badCalling, badCalled): .neither
            default: .unknown
            }
    }

    /// - Parameters:
    ///   - own: our AE title.
    ///   - server: the AE title that we called.
    func words(own: String, server: String) -> String {
        switch self {
        case .called: "\"\(server)\", which we called, is wrong, and ours, \"\(own)\", is accepted"
        case .calling: "ours, \"\(own)\", is wrong, and \"\(server)\", which we called, is right"
        case .calledAtLeast:
            "\"\(server)\", which we called, is wrong; whether ours, \"\(own)\", is known can only be seen once that is right"
        case .callingAtLeast:
            "ours, \"\(own)\", is not known; whether \"\(server)\", which we called, is right can only be seen once ours is"
        case .neither: "neither \"\(server)\", which we called, nor ours, \"\(own)\", is the cause"
        case .unknown: "the server does not say whether \"\(server)\", which we called, or ours, \"\(own)\", is wrong"
        }
    }

    var cause: FailureCause {
        switch self {
        case .called, .calledAtLeast: .calledAETitle
        case .calling, .callingAtLeast: .callingAETitle
        case .neither, .unknown: .rejected
        }
    }

    func remedy(own: String, server: String) -> String {
        switch self {
        case .called, .calledAtLeast: "give the server's own AE title with \(OptionName.call)"
        case .calling, .callingAtLeast: Hint.callingAETitleNotRecognized(calling: own).text
        case .neither: "the server's log has its reason: ask its administrator"
        case .unknown:
            "ask the server's administrator for its AE title (\(OptionName.call)), and to have ours registered "
                + "(\(OptionName.aetitle))"
        }
    }
}
