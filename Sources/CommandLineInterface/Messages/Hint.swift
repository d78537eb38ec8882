package import DICOMNode
package import DICOMProtocol

/// The remedies that the program knows, by cause: one table, each named where the cause is seen.
package enum Hint: Sendable, Equatable {
    case calledAETitleNotRecognized(calling: String, called: String)
    case callingAETitleNotRecognized(calling: String)
    case moveDestinationUnknown(aeTitle: String, host: String?, port: UInt16?)
    case connectionRefused(host: String, port: UInt16)
    case nameNotFound(host: String)
    case nameOfNode(String)
    case logFileNamedAsLevel(QueryLevel)
    case warningForWorklist
    case connectTimedOut(host: String, port: UInt16, limit: OptionName)
    case nameServersSilent
    case abortedAfterRequest(service: String, calling: String)
    case abortedQuery(service: String, calling: String, called: String, hasKeys: Bool)
    /// Whether the operation can try again by itself, and was not asked to.
    case localLimitExceeded(mayRetry: Bool)
    case noPresentationContext(service: String)
    case noIncomingAssociation(aeTitle: String, host: String?, port: UInt16)
    case receiverPortTaken(port: UInt16, option: OptionName = .portSCP)
    case peerSpeaksAnotherProtocol
    case commitment(Commitment)
    case peerSpeaks(ForeignProtocol, usesTLS: Bool)
    case proxyUnusable(String)
    case proxyOfEnvironment
    case proxyCredentials(String)
    case proxyForbids(host: String, port: UInt16)
    case unreachableThroughProxy(host: String, port: UInt16)
    case closedAtOnce(usesTLS: Bool)
    case noRoute(host: String)
    case associationUnanswered(usesTLS: Bool)
    case silence
    case runTooShort
    case listCutShort
    /// Whether the key is that of the modalities of a study.
    case ignoredKey(isOfModalities: Bool)
    case keyOfLowerLevel(QueryLevel, isModality: Bool)
    /// Whether they were asked for by a key.
    case lostLetters(isOfKey: Bool)
    case keyNotSentWhole
    case modalitiesNotReturned
    /// Whether the matches name a character set, and whether their bytes are UTF-8.
    case undecodable(isNamed: Bool, isUTF8: Bool)
    /// The reasons that are likely; without any all that there may be.
    case noMatch([String])
    case characterSetIsKey
    case mislabelled
    case noUIDsInDataSet
    case oddLength
    case noHeader
    case sopClassNotAccepted(String)
    case syntaxNotAccepted(String, accepted: String)
    case copyConvertsNothing(accepted: String)
    case goOn(storing: Bool, hasJournal: Bool)
    case goOnCopying(hasJournal: Bool)
    case listOnTerminal
    case rejectedWithoutReason(service: String, calling: String, called: String)
    case notAuthorized
    case outOfResources
    case tooManyMatches
    /// Of a list that was asked for in parts, or cannot be.
    case tooManyMatchesOfPart
    case retrievalTooLarge
    case suboperationsImpossible
    case storageContextsRefused(proposed: Int)
    case storageRoleRefused
    case destinationUnreachable(aeTitle: String, syntaxes: [String])
    /// The destination was reached, and what is left did not go there; the names of the compressed transfer syntaxes that the
    /// server lists for it, if it names any.
    case destinationTakesNotAll(aeTitle: String, syntaxes: [String])
    /// The server called our port, which takes everything, and what is left did not come.
    case serverSendsNotAll(syntaxes: [String])
    case otherIdentifier
    case noReasonGiven
    case moveFailedWithoutReason
    case moveFailedAndNeverCalledBack(aeTitle: String, host: String?, port: UInt16)
    case endedByServer
    case notOnServer
    case callerNotAccepted(caller: String)
    case identityUnconfirmed
    case uniqueKeysAbove(names: [String])
    case keysOfOtherLevel(names: [String], level: QueryLevel)
    case certificateRefused
    case certificateOutOfDate
    case certificateForOtherName
    case certificateWithoutKey
    case ourCertificateRefused
    case noCommonTLS
    case builtWithoutTLS
    case noOpenSSL
    /// Who we have said that we are.
    case webCredentials(WebIdentity)
    case webNotAllowed(isAnonymous: Bool)
    /// The URL that is right where the port speaks TLS, or does not.
    case webWantsTLS(url: String)
    case webWithoutTLS(url: String)
    case webBaseURL
    case webNoOrthanc
    case webNoService
    case webTooLarge
    case webBusy
    case webTooLate
    case webMoved
    case webToken
    case webNoHTTP(isSecure: Bool)
    case webIsDICOM(host: String, port: UInt16)
    case webLibrary
    case builtWithoutWeb

    package var text: String {
        switch self {
        case .calledAETitleNotRecognized(let calling, let called):
            "we called \"\(called)\": give the server's own AE title with \(OptionName.call); some servers answer this also when "
                + "ours, \"\(calling)\", is not registered (\(OptionName.aetitle))"
        case .callingAETitleNotRecognized(let calling):
            "our AE title is \"\(calling)\": have it registered at the server, or give a registered one with \(OptionName.aetitle)"
        case .moveDestinationUnknown(let aeTitle, let host, let port):
            "the server's administrator must register the AE title \"\(aeTitle)\" with "
                + (port == nil ? "its" : "this machine's") + " address"
                + (host.map { ", \($0) as seen from here," } ?? "")
                + (port.map { " and port \($0)" } ?? " and port") + " (AE titles are case-sensitive)"
        case .connectionRefused(let host, let port):
            "nothing listens at \(host) port \(port): is the port right, and is the server running?"
        case .nameNotFound(let host):
            "is \"\(host)\" spelled right? an address works too"
        case .nameOfNode(let name):
            "the configuration has a node of this name: @\(name)"
        case .logFileNamedAsLevel(let level):
            "-L is the log file; the level is \(level.option)"
        case .warningForWorklist:
            "-W is \(OptionName.warning) here; a worklist is asked for with \(OptionName.worklist)"
        case .connectTimedOut(let host, let port, let limit):
            "a firewall may drop packets to \(host) port \(port); \(limit) sets the time to wait"
        case .nameServersSilent:
            "do the name servers of this machine answer? an address works too"
        case .abortedAfterRequest(let service, let calling):
            "servers abort like this when the AE title \"\(calling)\" may not use \(service): "
                + "have it allowed there, or give another with \(OptionName.aetitle)"
        case .abortedQuery(let service, let calling, let called, let hasKeys):
            "servers abort like this when "
                + (hasKeys
                    ? "a query has a key that they cannot take: try fewer keys (\(OptionName.key)); or when an AE title "
                    : "an AE title ")
                + "may not be used for \(service): ours is \"\(calling)\" (\(OptionName.aetitle)), and we called \"\(called)\" "
                + "(\(OptionName.call))"
        case .localLimitExceeded(let mayRetry):
            "the server is at its limit of associations: try again later"
                + (mayRetry ? ", or let \(OptionName.retries) N do it" : "")
        case .noPresentationContext(let service):
            "the server does not offer \(service), or not to our AE title"
        case .noIncomingAssociation(let aeTitle, let host, let port):
            "the server never called back: is \"\(aeTitle)\" registered there with this machine's address"
                + (host.map { " (\($0) as seen from here)" } ?? "") + " and port \(port), "
                + "and does a firewall let it in?"
        case .receiverPortTaken(let port, let option):
            "another program uses port \(port); give a free one with \(option)"
        case .uniqueKeysAbove(let names):
            "many servers require the keys of the levels above, too: \(OptionName.key) "
                + names.map { "\($0)=VALUE" }.joined(separator: " \(OptionName.key) ")
        case .keysOfOtherLevel(let names, let level):
            "the server refuses \(names.joined(separator: ", ")) at the \(level.rawValue) level: leave \(names.count == 1 ? "it" : "them") "
                + "out, or ask at the level that has \(names.count == 1 ? "it" : "them"), such as \(OptionName.series)"
        case .identityUnconfirmed:
            "servers without support for user identities ignore them; \(OptionName.userUnconfirmed) accepts such a server"
        case .certificateRefused:
            "give the authority that issued the server's certificate with \(OptionName.tlsCA), its name with \(OptionName.tlsName), "
                + "or its fingerprint with \(OptionName.tlsPin)"
        case .certificateOutOfDate:
            "the server's administrator must renew the certificate; is the clock of this machine right?"
        case .certificateForOtherName:
            "connect to a name that the certificate is for, or give that name with \(OptionName.tlsName)"
        case .certificateWithoutKey:
            "give the private key of the certificate with \(OptionName.tlsKey)"
        case .ourCertificateRefused:
            "the server may require a certificate that it trusts: give ours with \(OptionName.tlsCert) and \(OptionName.tlsKey)"
        case .noCommonTLS:
            "does the server speak TLS at this port? for old equipment try \(OptionName.tlsProfile) aes"
        case .webCredentials(.none):
            "give credentials with \(OptionName.user) and \(OptionName.passcode), or a token with \(OptionName.jwt) or \(OptionName.oauthURL)"
        case .webCredentials(.user(_, hasPasscode: false)):
            "the name was sent without a passcode: give it with \(OptionName.passcode)"
        case .webCredentials(.user(_, hasPasscode: true)):
            "are the name of \(OptionName.user) and the passcode of \(OptionName.passcode) those of this server?"
        case .webCredentials(.token):
            "is the token of \(OptionName.jwt) for this server, and is it still valid?"
        case .webCredentials(.client):
            "do \(OptionName.oauthURL) and \(OptionName.oauthScope) give tokens for this server?"
        case .webCredentials(.header):
            "is the value of \(OptionName.header) right, and is it still valid?"
        case .webNotAllowed(isAnonymous: true):
            "no credentials were given: give them with \(OptionName.user) and \(OptionName.passcode), \(OptionName.jwt) or \(OptionName.header)"
        case .webNotAllowed(isAnonymous: false):
            "the server's administrator must allow this for the user or the token that was given"
        case .webWantsTLS(let url):
            "this port speaks TLS: give \(url)"
        case .webWithoutTLS(let url):
            "this port does not speak TLS: is it the port of \(url)? data go in clear there"
        case .webBaseURL:
            "is the base URL right? that of Orthanc ends in /dicom-web, that of dcm4chee in /dcm4chee-arc/aets/AETITLE/rs"
        case .webNoOrthanc:
            "is this the web port of an Orthanc (8042), without a path? DICOMweb of any server is at http:// or https://"
        case .webNoService:
            "the server does not offer this at the URL"
        case .webTooLarge:
            "a proxy in front of the server may limit the size of requests (client_max_body_size of nginx)"
        case .webBusy:
            "\(OptionName.retries) tries again after a pause"
        case .webTooLate:
            "do the rest in another run, or give a later \(OptionName.until) or a longer \(OptionName.totalTimeout)"
        case .webMoved:
            "give the URL that the server names"
        case .webToken:
            "are \(OptionName.oauthURL), \(OptionName.oauthClient), \(OptionName.oauthSecret) and \(OptionName.oauthScope) as the "
                + "administrator of that server has given them?"
        case .webNoHTTP(let isSecure):
            isSecure
                ? "is this the port of a web server?"
                : "is this the port of a web server, and does it want https? for the DICOM protocol give HOST PORT"
        case .webIsDICOM(let host, let port):
            "for the DICOM protocol give host and port without a scheme: \(host) \(port); the web port of the same server is another "
                + "one, often 80, 443, 8042 or 8080"
        case .webLibrary:
            "install libcurl: libcurl4 of Debian and Ubuntu, libcurl of Fedora and Arch"
        case .builtWithoutWeb:
            "build dcmscu with the package trait DICOMweb, which is on by default"
        case .builtWithoutTLS:
            "build dcmscu with the package trait TLS, which is on by default"
        case .noOpenSSL:
            "TLS needs the system's OpenSSL 3: install it (Debian and Ubuntu: libssl3)"
        case .peerSpeaks(.tls, usesTLS: false):
            "the server requires TLS: give \(OptionName.tls)"
        case .peerSpeaks(.http, _):
            "this is a web port; the DICOM port of the same server is another one, often 104, 4242 or 11112"
        case .peerSpeaks(.hl7, _):
            "this is the port for HL7 messages; the DICOM port of the same server is another one"
        case .peerSpeaks:
            "the DICOM port of this server is another one"
        case .proxyUnusable(let proxy):
            "is \(proxy) the proxy, of that kind, and is it running? It is named by \(OptionName.proxy), or by all_proxy in the "
                + "environment; \(OptionName.proxy) none connects without it"
        case .proxyOfEnvironment:
            "known are socks5h, socks5 and http; \(OptionName.proxy) none connects without a proxy"
        case .proxyCredentials(let proxy):
            "give the user in \(OptionName.proxy) (\(proxy.replacing("://", with: "://USER@"))) and the password with "
                + "\(OptionName.proxyPassword)"
        case .proxyForbids(let host, let port):
            "whoever runs the proxy has to allow connections to \(host) port \(port): many proxies know web servers alone"
        case .unreachableThroughProxy(let host, let port):
            "does the proxy know \(host), does the server run at port \(port), and does a firewall between the two let it through?"
        case .closedAtOnce(let usesTLS):
            "is this machine's address allowed at the server, or does it require "
                + (usesTLS
                    ? "a certificate of ours (\(OptionName.tlsCert) and \(OptionName.tlsKey))?"
                    : "TLS (\(OptionName.tls))?")
        case .noRoute(let host):
            "is this machine's network up, and can it reach \(host), by VPN for example?"
        case .associationUnanswered(let usesTLS):
            "connected, but no answer: is this the server's DICOM port"
                + (usesTLS ? "?" : ", and does it require TLS (\(OptionName.tls))?")
        case .silence:
            "if the server works longer without sending anything, give a longer \(OptionName.timeout)"
        case .runTooShort:
            "give a longer \(OptionName.totalTimeout), or do the rest in another run"
        case .listCutShort:
            "servers limit the number of matches: ask for less at a time, such as a shorter range of dates, or with "
                + "\(OptionName.split) auto"
        case .undecodable(let isNamed, let isUTF8):
            (isNamed ? "the server names a wrong character set" : "the server names no character set")
                + (isUTF8 ? ", and the bytes are UTF-8: " : ": give the right one with ")
                + (isNamed ? "\(OptionName.forceCharset)" : "\(OptionName.assumeCharset)") + (isUTF8 ? " UTF-8" : "")
        case .noMatch(let mistakes):
            mistakes.isEmpty
                ? "values are compared literally, except that * stands for any characters, ? for one; case counts (with some servers "
                    + "in names, too), and each key has its level"
                : mistakes.joined(separator: "; ")
        case .characterSetIsKey: "\(OptionName.charset) \"ISO_IR 6\" leaves it out"
        case .ignoredKey(let isOfModalities):
            "ask by keys that the server supports, such as unique keys"
                + (isOfModalities ? ", or for the series of one modality (\(OptionName.series) and Modality)" : "")
                + "; \(OptionName.trustServer) accepts its matches as they are"
        case .keyOfLowerLevel(let level, let isModality):
            (isModality
                ? "ModalitiesInStudy retrieves the studies that have such a series, \(level.option) these series alone"
                : "\(level.option) retrieves what has this value")
                + "; \(OptionName.trustServer) sends the key as it is"
        case .lostLetters(let isOfKey):
            "the server converts what it returns to a character set of its own, which its administrator can change"
                + (isOfKey ? "; ask by keys without such letters, such as PatientID or StudyDate" : "")
        case .keyNotSentWhole:
            "ask by keys in ASCII, such as PatientID or StudyDate, or over the DICOM protocol"
        case .modalitiesNotReturned:
            "the series tell their modality: \(OptionName.series) with \(OptionName.return) Modality, or \(OptionName.groupBy) Modality"
        case .mislabelled:
            "one of the two is wrong: put the right transfer syntax into (0002,0010) of a copy"
        case .noUIDsInDataSet:
            "\(OptionName.assumeMeta) sends such a file under the UIDs of its file meta information; the server then has an "
                + "instance without them"
        case .oddLength:
            "without \(OptionName.neverRewrite) each such value is sent with a padding byte"
        case .noHeader:
            "if it is a data set without a header, another program can write the file with one, such as dcmconv -f IN OUT"
        case .sopClassNotAccepted(let sopClass):
            "the server's administrator can say whether it takes \(sopClass) at all, and from us"
        case .syntaxNotAccepted(let syntax, let accepted):
            "the server accepts \(accepted): send converted copies (gdcmconv -w IN OUT makes an uncompressed one), or have "
                + "\(syntax) allowed there"
        case .copyConvertsNothing(let accepted):
            "the new archive takes it in \(accepted) alone, and a copy converts nothing: its administrator must allow the "
                + "syntax of the instance"
        case .goOn(_, hasJournal: true):
            "the same command line with \(OptionName.resume) continues where this run ended"
        case .goOn(storing: true, _):
            "\(OptionName.skipExisting) sends only what the server does not list; with \(OptionName.journal) FILE, "
                + "\(OptionName.resume) continues a run"
        case .goOn:
            "with \(OptionName.journal) FILE, \(OptionName.resume) continues a run and fetches nothing twice"
        case .goOnCopying(hasJournal: true):
            "the same command line with \(OptionName.resume) copies what is not confirmed yet"
        case .goOnCopying:
            "the same command line again copies what the new archive does not list"
        case .listOnTerminal:
            "with the standard output in a file they are listed there, as \(OptionName.fromList) takes them"
        case .rejectedWithoutReason(let service, let calling, let called):
            "does the server offer \(service)? \(OptionName.doctor) shows what it offers; and are the AE titles right? ours is \"\(calling)\" (\(OptionName.aetitle)), and we called \"\(called)\" (\(OptionName.call))"
        case .notAuthorized:
            "the server's administrator must allow this for our AE title, or for the user given with \(OptionName.user)"
        case .outOfResources:
            "the server's disk or memory may be full: ask its administrator"
        case .tooManyMatches:
            "servers answer like this when there are too many matches: ask for less, such as a shorter range of dates, or let "
                + "\(OptionName.find) ask in parts (\(OptionName.split) auto)"
        case .tooManyMatchesOfPart:
            "the server limits the number of matches, and no date or modality divides this list: ask for less, such as one series, or "
                + "have the limit of the server raised"
        case .retrievalTooLarge:
            "the server cannot count what was asked for: ask for less at a time, such as one series"
        case .suboperationsImpossible:
            "the server accepted contexts to send in, and could not send all the same: its log may say why; ask for less at a time, try "
                + "later, or by \(OptionName.move)"
        case .storageContextsRefused(let proposed):
            "the server accepted none of the \(proposed) presentation contexts for instances that we proposed, so that it cannot "
                + "send them by C-GET: \(OptionName.move), or \(OptionName.orMove), retrieves by C-MOVE"
        case .storageRoleRefused:
            "the server did not accept that we receive instances (SCP role), so that it cannot send them by C-GET: "
                + "\(OptionName.move), or \(OptionName.orMove), retrieves by C-MOVE"
        case .destinationUnreachable(let aeTitle, let syntaxes):
            "can the server reach \"\(aeTitle)\" at the address that it has for it, and does that one accept its associations"
                + (syntaxes.isEmpty ? "?" : ", and \(syntaxes.joined(separator: ", "))?")
        case .destinationTakesNotAll(let aeTitle, let syntaxes):
            (syntaxes.isEmpty
                ? "does \"\(aeTitle)\" take the SOP class and the transfer syntax of these, which may be compressed? "
                : "the server holds such instances in \(syntaxes.joined(separator: ", ")), and \"\(aeTitle)\" may not take that: ")
                + "have it allowed there, or fetch them with \(OptionName.get)"
        case .serverSendsNotAll(let syntaxes):
            "our port takes what the server proposes, and some servers do not propose "
                + (syntaxes.isEmpty
                    ? "the transfer syntaxes of compressed instances" : syntaxes.joined(separator: ", "))
                + ": \(OptionName.get) proposes each of them itself"
        case .otherIdentifier:
            "the server expects other keys: try the other information model (\(OptionName.patientroot) or \(OptionName.studyroot)), "
                + "or the unique keys of another level"
        case .noReasonGiven:
            "the server gives no reason: its log may have one"
        case .moveFailedWithoutReason:
            "the server gives no reason: does it know the destination (\(OptionName.moveDestination), or our own AE title), can it "
                + "reach it, and does that one take the transfer syntax of what is sent? its log may say more"
        case .moveFailedAndNeverCalledBack(let aeTitle, let host, let port):
            "the server gives no reason, and nothing connected to our port: does it know \"\(aeTitle)\" with this machine's address"
                + (host.map { " (\($0) as seen from here)" } ?? "")
                + " and port \(port), and does a firewall let it in? "
                + "its log may say more"
        case .endedByServer:
            "we did not cancel it: an operator or a limit of the server may have; what is missing can be "
                + "requested again"
        case .notOnServer:
            "are the keys right? \(OptionName.find) with the same ones shows what the server has"
        case .callerNotAccepted(let caller):
            "\"\(caller)\" called back and was rejected, as \(OptionName.acceptFrom) does not name it"
        case .peerSpeaksAnotherProtocol:
            "this port answers in another protocol than DICOM: is it the right one?"
        case .commitment(let hint): hint.text
        }
    }

    /// Returns the remedy of a status, by the service that it came from; nil if the status alone suggests none.
    init?(for status: DIMSEStatus, of service: ServiceKind) {
        switch (service, status) {
        case (_, .notAuthorized): self = .notAuthorized
        case (.find, .outOfResources), (.worklist, .outOfResources): self = .tooManyMatches
        case (.find, .cancel), (.worklist, .cancel): self = .listCutShort
        case (.move, .cancel), (.get, .cancel): self = .endedByServer
        case (.move, .unableToCalculateMatches), (.get, .unableToCalculateMatches): self = .retrievalTooLarge
        case (.get, .unableToPerformSuboperations): self = .suboperationsImpossible
        case (.find, .identifierDoesNotMatchSOPClass), (.move, .identifierDoesNotMatchSOPClass),
            (.get, .identifierDoesNotMatchSOPClass):
            self = .otherIdentifier
        case (.move, .unableToProcess...0xCFFF), (.move, .processingFailure): self = .moveFailedWithoutReason
        case (.get, .unableToProcess...0xCFFF), (.get, .processingFailure): self = .noReasonGiven
        case (.storage, .outOfResources...0xA7FF), (.storageCommitment, .outOfResources...0xA7FF),
            (.move, .outOfResources), (.get, .outOfResources):
            self = .outOfResources
        default: return nil
        }
    }
}

extension Hint {
    /// The remedies where storage commitment gets no report.
    package enum Commitment: Sendable, Equatable {
        /// The server ended the association instead of answering the request.
        case abortedByServer(calling: String, port: UInt16?)
        /// Nothing has connected to our port.
        case neverCalledBack(calling: String, port: UInt16)
        /// Something has connected, and called us by an AE title that is not ours.
        case calledByOtherAETitle(String, ours: String)
        /// We listen at no port, and nothing came on our own association.
        case noReceiver(calling: String)
        /// As above, and the server has ended our own association.
        case releasedWithoutReceiver(calling: String)
        /// A report came for a transaction that this run does not know.
        case otherTransaction(String?)
        /// A report came from a sender that was not asked.
        case notBelieved(CommitmentLedger.Distrust)
        /// A report was believed that came from another address than the server's.
        case otherAddress
        /// Something has connected that may not call.
        case callerNotAccepted(String)
        /// The server calls, and has not reported on everything.
        case slow
        /// Over HTTP the server still works at the request.
        case working

        package var text: String {
            switch self {
            case .abortedByServer(let calling, let port):
                "servers abort like this when they do not know where to send the report: have \"\(calling)\" registered "
                    + "there with this machine's address and "
                    + (port.map { "port \($0)" } ?? "the port of \(OptionName.portSCP)")
            case .neverCalledBack(let calling, let port):
                "nothing connected to our port \(port): is \"\(calling)\" registered at the server with this machine's "
                    + "address and port \(port), and does a firewall let it in?"
            case .calledByOtherAETitle(let aeTitle, let ours):
                "the server called back, but called \"\(aeTitle)\", and our AE title is \"\(ours)\": have this one "
                    + "registered there, or give \(OptionName.aetitle) \(aeTitle)"
            case .noReceiver(let calling):
                "most servers report on an association of their own: give \(OptionName.portSCP) PORT, and have \"\(calling)\" "
                    + "registered at the server with this machine's address and that port"
            case .releasedWithoutReceiver(let calling):
                "the server ended the association, so its report can only come on a new one: give \(OptionName.portSCP) PORT, and "
                    + "have \"\(calling)\" registered at the server with this machine's address and that port"
            case .otherTransaction(let uid):
                "a report came for " + (uid.map { "transaction \($0)" } ?? "no transaction at all")
                    + ", which this run did not request: does another program use the same AE title? "
                    + "the requests of an earlier run are known with its \(OptionName.transaction) FILE"
            case .notBelieved(.otherAETitle(let found, let asked)):
                "a report came from \"\(found)\", and we had called \"\(asked)\": if both are the same server, give "
                    + "\(OptionName.acceptFrom) \(found), or its own AE title with \(OptionName.call)"
            case .notBelieved(.otherAddress(let found, let asked)):
                "a report came from \(found), and the server is at \(asked): if both are the same server, leave out "
                    + "\(OptionName.strict)"
            case .otherAddress:
                "clusters and gateways report from other addresses; \(OptionName.strict) refuses such reports"
            case .callerNotAccepted(let caller): Hint.callerNotAccepted(caller: caller).text
            case .working: "the server may need longer: give a longer \(OptionName.wait)"
            case .slow:
                "the server may need longer: give a longer \(OptionName.wait), or let a later run receive the report with "
                    + "\(OptionName.transaction) FILE"
            }
        }
    }
}
