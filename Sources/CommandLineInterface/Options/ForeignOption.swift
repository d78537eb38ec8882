import DICOMProtocol

/// Options of other tools for the DICOM network, and what does the same here: for the hint at a mistake in a command
/// line that was written for one of them.
///
/// Names are those of DCMTK (echoscu, findscu, movescu, getscu, storescu, dcmsend), dcm4che and pynetdicom.
enum ForeignOption {
    private enum Remedy {
        case option(OptionName, String = "")
        /// Words, where no single option does the same.
        case words(String)

        var text: String {
            switch self {
            case .option(let name, let value): "did you mean \(name)\(value.isEmpty ? "" : " \(value)")?"
            case .words(let words): words
            }
        }
    }

    /// Returns the hint for an argument that is an option of another tool; otherwise nil.
    static func hint(for argument: String) -> String? {
        let name = argument.prefix { $0 != "=" }
        guard name.count > 1, let sign = name.first, sign == "-" || sign == "+" else { return nil }
        func remedy(_ option: some StringProtocol) -> Remedy? {
            remedies.first { $0.names.split(separator: " ").contains { $0 == option } }?.remedy
        }
        // DCMTK has names that end in "=".
        if let remedy = remedy(argument) ?? remedy(name) { return remedy.text }
        let word = String(name.dropFirst(2))
        // One of ours that sounds like an operation of others is none of theirs.
        guard name.hasPrefix("--"), !OptionTable.longNames.contains(word) else { return nil }
        return operation(word).map { Remedy.option($0).text }
    }

    /// Returns the hint for a mistake in a command line that has options of another tool; otherwise nil.
    ///
    /// What our parser makes of them can be wrong elsewhere: `-pdu 16384` is the port `du`, and a file.
    static func hint(for error: UsageError, in arguments: [String]) -> String? {
        if error.code == .optionNotApplicable, error.option == "\(OptionName.recursive)",
            OperationSet.querying.operationOptions.contains(error.value ?? "")
        {
            return Remedy.option(.return).text
        }
        if error.code == .optionNotApplicable, error.option == "\(OptionName.date)" {
            return "the date of studies is a key: \(OptionName.key) StudyDate=VALUE"
        }
        if error.code == .optionNotApplicable, error.option == "\(OptionName.destination)",
            error.value == "\(OptionName.move)"
        {
            return "did you mean \(OptionName.to) @NODE, or \(OptionName.moveDestination) AETITLE?"
        }
        if let hint = hintForSeparateValue(error, arguments) { return hint }
        if error.option == "\(OptionName.count)", let peer = error.value, peer.contains("@") || peer.contains(":") {
            return peerHint
        }
        let options = arguments.prefix { $0 != "--" }
        for (argument, next) in zip(options, options.dropFirst() + [""]) {
            if argument == "-c", next.contains("@") || next.contains(":") { return peerHint }
            if let hint = hint(for: argument) { return hint }
        }
        return nil
    }

    /// Our option that does the same as one of another tool; nil if there is none.
    static func option(for argument: String) -> OptionName? {
        for (names, remedy) in remedies where names.split(separator: " ").contains(where: { $0 == argument }) {
            if case .option(let name, _) = remedy { return name }
        }
        return nil
    }

    /// The operation that a word of other programs means; nil if it is none.
    static func operation(_ word: String) -> OptionName? {
        let word = word.lowercased()
        return operations.first { $0.words.split(separator: " ").contains { $0 == word } }?.operation
    }

    private static let operations: [(words: String, operation: OptionName)] = [
        ("ping verify cecho c-echo echoscu", .echo),
        ("send push put upload cstore c-store storescu dcmsend", .store),
        ("query search list ls cfind c-find findscu qr query-retrieve", .find),
        ("transfer route cmove c-move movescu", .move),
        ("retrieve fetch download pull cget c-get getscu", .get),
        ("mwl schedule", .worklist),
        ("commit commitment stgcmtscu", .stgcmt),
        ("listen server receive storescp", .serve),
        ("diff comparison", .compare),
    ]

    /// The level that dcm4che's `-L` would mean; nil if the value is not the name of one.
    static func level(_ name: String) -> QueryLevel? { QueryLevel(rawValue: name.uppercased()) }

    /// The value of a key that stands behind it as a word of its own, and was read as a peer or a file.
    private static func hintForSeparateValue(_ error: UsageError, _ arguments: [String]) -> String? {
        guard [.unexpectedArgument, .invalidValue, .outOfRange].contains(error.code), !error.option.hasPrefix("-")
        else {
            return nil
        }
        let options = arguments.prefix { $0 != "--" }
        for (option, (key, value)) in zip(options, zip(options.dropFirst(), options.dropFirst(2))) {
            guard ["-k", "\(OptionName.key)"].contains(option), !key.contains("="), !value.hasPrefix("-"),
                value == error.value || options.dropFirst(3).contains(error.value ?? "")
            else { continue }
            return "the value of a key follows an equals sign: \(option) \(key)=VALUE"
        }
        return nil
    }

    private static let peerHint = "the peer needs no option: TITLE@HOST:PORT"
    private static let asTheyAre = "files are sent as they are, in the transfer syntaxes that they have"
    private static let notNeeded = "leave it out: it is not needed here"
    private static let byUID = "\(OptionName.prefer) takes the UIDs of other transfer syntaxes, too"
    private static let asReceived = "instances are written as they are received, as DICOM files"

    private static let remedies: [(names: String, remedy: Remedy)] = [
        // Bandwidth, archives.
        ("--bandwidth --bwlimit --bw-limit --limit-rate --rate --throttle", .option(.maxRate)),
        ("--diff", .option(.compare)),
        // The peer and ourselves.
        ("-aec --called --aec --called-aet", .option(.call)),
        ("-aet -b --calling --aet --calling-aet", .option(.aetitle)),
        ("-aem --dest", .option(.moveDestination)),
        ("-c --connect", .words(peerHint)),
        ("+P --store-port", .option(.portSCP)),
        // Limits.
        ("-to", .option(.connectTimeout)),
        (
            "-ta --acse-timeout -td --dimse-timeout -tn --network-timeout -ts --socket-timeout --accept-timeout "
                + "--idle-timeout --release-timeout --response-timeout --retrieve-timeout --send-timeout --store-timeout",
            .option(.timeout)
        ),
        ("--retrieve-timeout-total", .option(.totalTimeout)),
        ("-pdu --max-pdulen-rcv", .option(.maxPDU)),
        ("--max-send-pdu --max-pdulen-snd", .words("PDUs are as long as the peer accepts them; no option is needed")),
        ("--max-ops-invoked", .option(.window)),
        ("--max-ops-performed --not-async", .words("operations are synchronous unless \(OptionName.window) is given")),
        ("--repeat", .option(.count)),
        // Queries.
        ("-m", .option(.key)),
        (
            "--level",
            .words(
                "the level is an option of its own: \(OptionName.patient), \(OptionName.study), \(OptionName.series) or \(OptionName.image)"
            )
        ),
        ("-S", .option(.studyroot)),
        ("-P", .option(.patientroot)),
        ("-O", .option(.psonly)),
        (
            "-M",
            .words(
                "the model is \(OptionName.studyroot) or \(OptionName.patientroot), and a worklist is \(OptionName.worklist)"
            )
        ),
        ("--cancel -Xlo --limit-output", .option(.limit)),
        ("-X --extract --out-dir --out-file --out-cat", .option(.format, ResultFormat.dcm.rawValue)),
        (
            "-Xx --extract-xml -Xs --extract-xml-single -x --xml -I --indent -K --no-keyword",
            .option(.format, ResultFormat.json.rawValue)
        ),
        ("+sr --show-responses -sr --hide-responses", .option(.format)),
        // Files.
        ("-od --output-directory --directory", .option(.output)),
        (
            "+sd --scan-directories +r --recurse",
            .words("a directory is a FILE like others; \(OptionName.recursive) descends into it")
        ),
        ("--no-recurse", .words("directories are read one level deep unless \(OptionName.recursive) is given")),
        (
            "+sp --scan-pattern",
            .words("files by a pattern come from the shell, or from find with \(OptionName.input) -")
        ),
        ("-nh --no-halt", .words("the others are still sent, unless \(OptionName.strict) is given")),
        ("+crf --create-report-file", .option(.journal)),
        ("+rn --rename", .option(.failedOut)),
        ("-rn --no-rename", .words("files are never renamed")),
        ("+f --read-file +fo --read-file-only", .words(notNeeded)),
        ("-f --read-dataset", .words("files must have their file meta information (PS3.10)")),
        (
            "+rd --read-from-dicomdir --dicomdir",
            .words("the files of a medium are given as FILEs, or its folder with \(OptionName.recursive)")
        ),
        (
            "-dn --decompress-never +dls --decompress-lossless +dly --decompress-lossy",
            .words("\(asTheyAre): pixels are never decoded")
        ),
        ("+ma --multi-associations -ma --single-association", .option(.jobs)),
        ("-nip --no-illegal-proposal -nuc --no-uid-checks", .words(asTheyAre)),
        ("-R --required +C --combine -xf --config-file", .words("only what the files need is proposed, by itself")),
        ("-xe --propose-little -xb --propose-big -xi --propose-implicit -xd --propose-deflated", .words(asTheyAre)),
        ("-x= --propose-uncompr -xs --propose-lossless -xr --propose-rle --explicit-vr", .words(asTheyAre)),
        ("-xy --propose-jpeg8 -xx --propose-jpeg12 -xv --propose-j2k-lossless --big-endian", .words(asTheyAre)),
        ("-xw --propose-j2k-lossy -xt --propose-jls-lossless -xu --propose-jls-lossy --implicit-vr", .words(asTheyAre)),
        (
            "--anonymize --anonymise --anon --deidentify --de-identify --pseudonymize",
            .words("identities are not edited here: send copies that another program has anonymized")
        ),
        (
            "--set --modify --edit --insert --erase",
            .words("\(asTheyAre): send copies that another program has changed")
        ),
        ("--pcap --tcpdump --pdu-dump", .option(.capture)),
        ("-s +II --invent-instance --uid-suffix", .words("\(asTheyAre): nothing in them is changed")),
        (
            "+IR --invent-series +IS --invent-study +IP --invent-patient",
            .words("\(asTheyAre): nothing in them is changed")
        ),
        ("+B --bit-preserving -B --normal +F --write-file -F --write-dataset", .words(asReceived)),
        (
            "-x2 --propose-mpeg4-2-2d -x3 --propose-mpeg4-2-3d -xo --propose-mpeg4-2-st -x4 --propose-hevc",
            .words(asTheyAre)
        ),
        ("-xm --propose-mpeg2 -xh --propose-mpeg2-high -xn --propose-mpeg4 -xl --propose-mpeg4-bd", .words(asTheyAre)),
        ("-x5 --propose-hevc10", .words(asTheyAre)),
        (
            "+t= --write-xfer-same +te --write-xfer-little +tb --write-xfer-big +ti --write-xfer-implicit",
            .words(asReceived)
        ),
        ("+td --write-xfer-deflated +g= --group-length-recalc +g --group-length-create", .words(asReceived)),
        ("-g --group-length-remove +e --length-explicit -e --length-undefined", .words(asReceived)),
        ("+p --padding-create --padding-off --ignore", .words(asReceived)),
        ("+xm --prefer-mpeg2 +xh --prefer-mpeg2-high +xn --prefer-mpeg4 +xl --prefer-mpeg4-bd", .words(byUID)),
        ("+x2 --prefer-mpeg4-2-2d +x3 --prefer-mpeg4-2-3d +xo --prefer-mpeg4-2-st", .words(byUID)),
        ("+x4 --prefer-hevc +x5 --prefer-hevc10", .words(byUID)),
        ("-ac --access-full +ac --access-control", .option(.acceptFrom)),
        ("--no-port", .words("without \(OptionName.portSCP) nothing listens")),
        (
            "--abort --arguments -up --uid-padding -dhl --disable-host-lookup +cl --compression-level +u --enable-new-vr "
                + "-u --disable-new-vr +dc --enable-correction -dc --disable-correction --pending-ignore --pending-read "
                + "--propose-ts --propose-pc --list-decoders --list-ciphers +cc +rs --seed +ws --write-seed +wf "
                + "--write-seed-file --tcp-delay --soclose-delay --sorcv-buffer --sosnd-buffer --not-pack-pdv --proxy "
                + "--rel-ext-neg --rel-sop-classes --tmp-file-dir --tmp-file-prefix --tmp-file-suffix",
            .words(notNeeded)
        ),
        ("+x= --prefer-uncompr +xe --prefer-little", .option(.prefer, "explicit")),
        ("+xb --prefer-big", .option(.prefer, "big-endian")),
        ("+xi --implicit", .option(.prefer, "implicit")),
        ("+xd --prefer-deflated", .option(.prefer, "deflated")),
        ("+xs --prefer-lossless", .option(.prefer, "jpeg-lossless")),
        ("+xy --prefer-jpeg8", .option(.prefer, "jpeg")),
        ("+xx --prefer-jpeg12", .option(.prefer, "jpeg-extended")),
        ("+xv --prefer-j2k-lossless", .option(.prefer, "jpeg2000-lossless")),
        ("+xw --prefer-j2k-lossy", .option(.prefer, "jpeg2000")),
        ("+xt --prefer-jls-lossless", .option(.prefer, "jpeg-ls")),
        ("+xu --prefer-jls-lossy", .option(.prefer, "jpeg-ls-lossy")),
        ("+xr --prefer-rle", .option(.prefer, "rle")),
        (
            "+xa --accept-all --store-tc --store-tcs",
            .words("every transfer syntax is accepted; \(OptionName.prefer) chooses")
        ),
        ("--prior-high", .option(.priority, "high")),
        ("--prior-low", .option(.priority, "low")),
        ("--one-per-study", .option(.per, "study")),
        ("--one-per-series", .option(.per, "series")),
        // Security.
        ("+tls --enable-tls +tla --anonymous-tls --tls-cipher --tls-null --tls-3des", .option(.tls)),
        ("+cf --add-cert-file +cd --add-cert-dir --trust-store", .option(.tlsCA)),
        ("--key-store", .option(.tlsCert)),
        ("+crl --add-crl-file +crv --enable-crl-vfy +cra --enable-crl-all", .option(.tlsCRL)),
        ("-tls --disable-tls", .words("connections are plain unless \(OptionName.tls) is given")),
        (
            "-pem --pem-keys -der --der-keys --key-store-type --trust-store-type --trust-store-pass",
            .words("keys and certificates are PEM files")
        ),
        ("-rc --require-peer-cert", .words("the certificate is verified unless \(OptionName.tlsInsecure) is given")),
        ("+vc --verify-cert +rc --is-root-cert", .option(.tlsCA)),
        ("+cs --cipher +pn --profile-null --ssl3 --ssl2Hello", .option(.tlsProfile)),
        ("--tls-noauth", .option(.tlsClientCert)),
        ("--null-passwd --empty-password -epw", .words("without a source no password is used")),
        ("+pw --use-passwd +ps --std-passwd --key-pass --key-store-pass", .option(.tlsKeyPassword)),
        ("-ic --ignore-peer-cert", .option(.tlsInsecure)),
        ("+px --profile-bcp195 +py --profile-bcp195-nd +pz --profile-bcp195-ex", .option(.tlsProfile)),
        ("+pa --profile-aes --tls-aes", .option(.tlsProfile, "aes")),
        ("--tls-protocol --tls1 --tls11 --tls12 --tls13", .option(.tlsMin)),
        ("-usr", .option(.user)),
        ("-pwd --password --user-pass", .option(.passcode)),
        ("-kt", .option(.kerberos)),
        (
            "-rsp --pos-response --user-rsp",
            .words("the server must confirm the user, unless \(OptionName.userUnconfirmed) is given")
        ),
        // Messages.
        ("-d", .option(.debug)),
        ("-ll --log-level +v --verbose-pc", .option(.verbose)),
        ("-lc --log-config", .option(.logFile)),
    ]
}

extension OperationSet {
    /// The operations as options.
    var operationOptions: [String] { operations.map(\.option.description) }
}
