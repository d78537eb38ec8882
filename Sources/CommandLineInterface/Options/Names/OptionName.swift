/// The long names of all options. Messages name an option by its case here, never by a literal.
package enum OptionName: String, Sendable, CaseIterable, CustomStringConvertible {
    case aetitle, bind, buffer, call, capture, charset, classes, color, columns, compare, config, copy, count, crit
    case date, debug, destination, doctor, echo, error, find, format
    case fsync, fuzzy, generate, get, grace, help, hostname, hours, image, images, inject, input, interval, jobs
    case header
    case journal, jwt, kerberos, key, limit, listen, metrics, mode, move, name, nodes, only, output, passcode, patient,
        patientroot,
        per
    case port, prefer, priority, probe, proxy, psonly, query, queryhelp, quiet, recursive, relational, report, resume,
        retries,
        `return`, saml, split
    case series, serve, shard, show, sort, station, stgcmt, store, strict, study, studyroot, timeout, timezone, tls, to
    case transaction, transcript, until, user
    case verbose, verify, version, wait, warn, warning, watch, wide, window, worklist
    case acceptFrom = "accept-from"
    case captureBytes = "capture-bytes"
    case assumeCharset = "assume-charset"
    case assumeMeta = "assume-meta"
    case committedOut = "committed-out"
    case connectTimeout = "connect-timeout"
    case datetimeMatching = "datetime-matching"
    case dryRun = "dry-run"
    case failIfNone = "fail-if-none"
    case failOn = "fail-on"
    case failedOut = "failed-out"
    case forceCharset = "force-charset"
    case fromList = "from-list"
    case groupBy = "group-by"
    case httpPort = "http-port"
    case ifExists = "if-exists"
    case keepBroken = "keep-broken"
    case listChecks = "list-checks"
    case listKey = "list-key"
    case logFile = "log-file"
    case logFormat = "log-format"
    case logPHI = "log-phi"
    case logTime = "log-time"
    case maxPDU = "max-pdu"
    case maxRate = "max-rate"
    case maxReferences = "max-references"
    case metricsLabel = "metrics-label"
    case moveDestination = "move-destination"
    case oauthClient = "oauth-client"
    case oauthScope = "oauth-scope"
    case oauthSecret = "oauth-secret"
    case oauthURL = "oauth-url"
    case neverRewrite = "never-rewrite"
    case noCheck = "no-check"
    case orMove = "or-move"
    case perMinute = "per-minute"
    case portSCP = "port-scp"
    case proxyPassword = "proxy-password"
    case qidoURL = "qido-url"
    case retryDelay = "retry-delay"
    case rootUID = "root-uid"
    case selfTest = "self-test"
    case showConfig = "show-config"
    case skipExisting = "skip-existing"
    case stowURL = "stow-url"
    case storeQuery = "store-query"
    case trustServer = "trust-server"
    case tlsCA = "tls-ca"
    case tlsCRL = "tls-crl"
    case tlsCert = "tls-cert"
    case tlsClientCert = "tls-client-cert"
    case tlsInsecure = "tls-insecure"
    case tlsKey = "tls-key"
    case tlsKeyPassword = "tls-key-password"
    case tlsMin = "tls-min"
    case tlsName = "tls-name"
    case tlsPin = "tls-pin"
    case tlsProfile = "tls-profile"
    case tlsShow = "tls-show"
    case totalTimeout = "total-timeout"
    case userUnconfirmed = "user-unconfirmed"
    case userInClear = "user-in-clear"
    case wadoURL = "wado-url"
    case worklistItems = "worklist-items"

    /// The options whose names may also be the first word of a command line, without dashes.
    static let firstWords: [OptionName] = Operation.allCases.map(\.option) + [.help, .version]

    /// Those that say of our own side of a connection what holds for every peer of a run.
    static let ofOurSide: [OptionName] = [
        .aetitle, .connectTimeout, .timeout, .totalTimeout, .maxPDU, .proxy, .proxyPassword, .retries, .retryDelay,
    ]

    /// As a person types it: `--port`.
    package var description: String { "--\(rawValue)" }
}
