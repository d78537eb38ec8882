/// The headings under which options stand in help and man page, in this order.
package enum OptionCategory: String, Sendable, CaseIterable {
    case operation = "Operation"
    case peer = "Peer"
    case sending = "Sending"
    case commitment = "Storage commitment"
    case querying = "Querying"
    case output = "Output"
    case receiving = "Receiving"
    case archive = "Practice archive"
    case network = "Network"
    case security = "Security"
    case messages = "Messages"
    case configuration = "Configuration"
    case help = "Help"
}
