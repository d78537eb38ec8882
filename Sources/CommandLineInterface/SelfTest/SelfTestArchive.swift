import DICOM
import DICOMNode
import DICOMProtocol
import DICOMweb
import PracticeArchive
import System

/// The practice archives of a self-test, on free ports of the loopback interface.
enum SelfTestArchive {
    static let address = "127.0.0.1"

    /// The security of an archive and its clients: one certificate, made for this run and trusted by both sides.
    struct Security {
        let listening: TLSContext
        let connector: Connector
        /// As a person would give it to a client.
        let options: [String]

        init(below folder: FilePath) throws(SelfTestSteps.Failure) {
            let path = folder.appending("certificate.pem")
            var configuration = TLSConfiguration()
            configuration.trust = .path(path)
            configuration.certificate = path
            configuration.clientCertificate = .required
            do throws(TransportError) {
                try SelfSignedCertificate.write(to: path, address: SelfTestArchive.address)
                listening = try TLSContext(configuration, role: .server)
                connector = Connector(tls: try TLSContext(configuration, role: .client))
            } catch {
                throw SelfTestSteps.Failure(error.description)
            }
            options = [
                "\(OptionName.tls)", "\(OptionName.tlsCA)", path.argument, "\(OptionName.tlsCert)", path.argument,
                "\(OptionName.tlsKey)", path.argument,
            ]
        }
    }

    /// A port that is free now.
    static func freePort() throws(SelfTestSteps.Failure) -> UInt16 { try listener().port }

    /// Starts an archive that knows our receiver as SELFTEST.
    static func start(
        over path: FilePath, receiverPort: UInt16, security: Security? = nil
    ) throws(SelfTestSteps.Failure) -> PracticeArchive {
        let title = AETitle(wire: "SELFTEST".utf8)
        var options = PracticeArchive.Options(
            title: AETitle(wire: "PRACTICE".utf8),
            destinations: Destinations(
                [title: Endpoint(host: address, port: receiverPort)], connector: security?.connector ?? Connector(),
                limits: AssociationLimits()))
        options.tls = security?.listening
        options.worklist = GeneratedWorklist.items
        let folder: OutputFolder
        do throws(FileProblem) {
            folder = try OutputFolder(path, syncing: .none)
        } catch {
            throw SelfTestSteps.Failure(error.description)
        }
        let listener = try listener()
        do throws(SystemError) {
            let archive = try PracticeArchive(folder: folder, listener: listener, options: options, report: { _ in })
            try archive.start()
            return archive
        } catch {
            throw SelfTestSteps.Failure(error.description)
        }
    }

    /// Starts a server of DICOMweb over an archive.
    static func startHTTP(over archive: PracticeArchive) throws(SelfTestSteps.Failure) -> HTTPServer {
        let listener = try listener()
        do throws(SystemError) {
            let server = try HTTPServer(
                over: ArchiveOverHTTP(archive.access), listener: listener, tls: nil, limits: AssociationLimits())
            try server.start()
            return server
        } catch {
            throw SelfTestSteps.Failure(error.description)
        }
    }

    private static func listener() throws(SelfTestSteps.Failure) -> TCPListener {
        do throws(TransportError) {
            return try TCPListener(port: 0, bind: address)
        } catch {
            throw SelfTestSteps.Failure(error.description)
        }
    }
}
