import DICOM
import DICOMNode
import DICOMProtocol
import System

extension OptionCategory {
    /// Below this, headers would outweigh what they carry; above, a peer that allocates what we announce may fail.
    private static let announcedLengths = 4_096...16_777_216

    static let networkOptions: [OptionDefinition] = [
        OptionDefinition(
            .count, short: "c", value: .integer(placeholder: "N", 1...1_000_000_000), .network, for: [.echo],
            "send N echoes, and summarize the times",
            details: "Each echo has an association of its own, so that all its parts are measured.",
            default: .integer(EchoOptions().count),
            apply: { (draft, argument) throws(UsageError) in draft.echo.count = try argument.integer() }),
        OptionDefinition(
            .interval, value: .seconds(0...86_400), .network, for: [.echo], "time to wait between two echoes",
            default: .seconds(EchoOptions().interval),
            apply: { (draft, argument) throws(UsageError) in draft.echo.interval = try argument.seconds() }),
        OptionDefinition(
            .connectTimeout, value: .seconds(0...86_400), .network,
            "limit for name look-up and connect; 0: no limit", default: .limit(ConnectionOptions().connectTimeout),
            apply: { (draft, argument) throws(UsageError) in
                draft.connection.connectTimeout = try argument.limit()
            }),
        OptionDefinition(
            .timeout, value: .seconds(0...604_800), .network, "maximum time without data from the peer",
            details: """
                0: no limit. Starts again with everything that arrives, so that a long transfer never passes it.
                """,
            default: .limit(ConnectionOptions().inactivityTimeout), traits: .common,
            apply: { (draft, argument) throws(UsageError) in
                draft.connection.inactivityTimeout = try argument.limit()
            }),
        OptionDefinition(
            .proxy, value: .text(placeholder: "URL"), .network, for: .requesting,
            "connect through a proxy; none: directly",
            details: """
                socks5h://[USER@]HOST[:PORT] is a proxy of SOCKS version 5 that looks names up (socks5://: they are looked up \
                here), http://[USER@]HOST[:PORT] one of HTTP that allows CONNECT to the peer's port. What the peer opens to our port \
                does not go through it. Otherwise all_proxy or ALL_PROXY of the environment counts, except for this machine. \
                no_proxy or NO_PROXY names what is connected to directly: names with all that end in them, addresses, networks \
                such as 10.0.0.0/8, or *. See PROXIES.
                """,
            default: .text("that of the environment"),
            apply: { (draft, argument) throws(UsageError) in
                guard argument.text.lowercased() != "none" else { return draft.connection.proxy = .none }
                guard let proxy = Proxy(argument.text) else {
                    throw UsageError(
                        .invalidValue, option: .proxy, value: Redaction.withoutPassword(argument.text),
                        problem: "\(OptionName.proxy) \(Redaction.withoutPassword(argument.text)): not a proxy",
                        accepted: ProxyOption.accepted)
                }
                draft.connection.proxy = .given(proxy)
            }),
        OptionDefinition(
            .proxyPassword, value: .text(placeholder: "SOURCE"), .network, for: .requesting,
            "source of the proxy's password",
            details: """
                env:NAME reads an environment variable, file:PATH the first line of a file, prompt asks at the terminal. A password \
                in the URL of --proxy can be read by every user of this machine.
                """,
            rules: [.requires(.proxy)],
            apply: { (draft, argument) throws(UsageError) in draft.connection.proxyPassword = try argument.secret() }),
        OptionDefinition(
            .totalTimeout, value: .seconds(0...2_592_000), .network, "limit for the whole run; 0: no limit",
            details: """
                Ends the associations with the server by A-ABORT, even during a transfer.
                """,
            default: .limit(ConnectionOptions().totalTimeout),
            apply: { (draft, argument) throws(UsageError) in
                draft.connection.totalTimeout = try argument.limit()
            }),
        OptionDefinition(
            .until, value: .text(placeholder: "HH:MM"), .network, for: [.store, .move, .get, .copy],
            "begin nothing new after this time of day",
            details: """
                By the local clock, the next time that it shows it; seconds may follow. What is under way is finished: an instance that \
                is sent, a study or series that is retrieved. Nothing is tried again after a pause (--retry-delay) that would end \
                later. If work is left the exit code is 8, and another run goes on, by --resume with a journal or by --skip-existing.
                """,
            apply: { (draft, argument) throws(UsageError) in
                guard let time = TimeOfDay(argument.text) else {
                    throw argument.error("not a time of day", accepted: "HH:MM or HH:MM:SS, such as 06:00")
                }
                draft.connection.endTime = time
            }),
        OptionDefinition(
            .hours, value: .text(placeholder: "HOURS"), .network, for: [.store, .move, .get, .copy],
            "begin studies in these hours only: 19:00-06:00",
            details: """
                By the local clock, over midnight if need be, several with commas between, days before them: 'Mon-Fri 19:00-06:00,Sat-Sun \
                00:00-24:00'. Named days hold until others are named, and are those on which the hours begin. Outside of the hours a study \
                that is under way is finished, nothing is asked of the server, no association is kept, and the run waits; a message says until \
                when, and about when all will be done. If the hours begin again after --until or --total-timeout only, the run ends with 8.
                """,
            apply: { (draft, argument) throws(UsageError) in draft.connection.hours = try argument.hours() }),
        OptionDefinition(
            .perMinute, value: .integer(placeholder: "N", 1...6000), .network, for: [.store, .move, .get, .copy],
            "begin at most N studies a minute",
            details: """
                At even distances, over all associations together; a study that is here from an earlier run does not count. With --series \
                and the like all that is retrieved of a study is one.
                """,
            apply: { (draft, argument) throws(UsageError) in draft.connection.studiesPerMinute = try argument.integer()
            }),
        OptionDefinition(
            .maxRate, value: .text(placeholder: "RATE"), .network, for: [.store, .move, .get, .copy],
            "limit for all that is sent, and for all received, as 20MB/s",
            details: """
                All associations and requests of the run together send so much, and receive so much: a copy takes as long as \
                either. Units are kB/s, MB/s, GB/s, KiB/s, MiB/s, GiB/s, kbit/s, Mbit/s and Gbit/s; kB is 1000 bytes. A peer that waits for us is not taken for a silent one. Over \
                HTTP bodies count.
                """,
            rules: [.only(when: .receivesHere)],
            apply: { (draft, argument) throws(UsageError) in draft.connection.maximumRate = try argument.rate() }),
        OptionDefinition(
            .maxPDU, value: .integer(placeholder: "BYTES", announcedLengths), .network,
            "maximum length of the PDUs that we receive", default: .integer(Int(ConnectionOptions().maximumPDULength)),
            apply: { (draft, argument) throws(UsageError) in
                draft.connection.maximumPDULength = UInt32(truncatingIfNeeded: try argument.integer())
            }),
    ]
}
