import DICOMProtocol

/// The content of a configuration file: defaults of options, for all operations or one of them, and named peers.
///
///     {
///       "defaults": { "aetitle": "STATION", "timeout": 60, "find": { "format": "jsonl" } },
///       "nodes": {
///         "pacs1": { "host": "pacs.example.org", "port": 11112, "called": "ARCHIVE", "connect-timeout": 5 }
///       }
///     }
///
/// Every key is the long name of an option; a switch is `true` or `false`, an option that may be given several times
/// takes an array too. It never holds secrets: the options that need one take `env:NAME` and `file:PATH`.
package struct Configuration: Sendable {
    /// One option with its value, and the line it stands on.
    struct Setting: Sendable {
        let definition: OptionDefinition
        /// As they would be typed, one for each time the option is given; a switch that is on has one empty text, one
        /// that is off has none.
        let texts: [String]
        let line: Int
    }

    struct Node: Sendable {
        let name: String
        let settings: [Setting]
        let line: Int
    }

    /// The settings of one operation, whoever its peer is.
    struct OperationDefaults: Sendable {
        let operation: Operation
        let settings: [Setting]
    }

    /// The file, as messages name it; nil if there is none.
    let path: String?
    let defaults: [Setting]
    let operationDefaults: [OperationDefaults]
    let nodes: [Node]

    package static let empty = Configuration(path: nil, defaults: [], operationDefaults: [], nodes: [])

    init(path: String?, defaults: [Setting], operationDefaults: [OperationDefaults], nodes: [Node]) {
        self.path = path
        self.defaults = defaults
        self.operationDefaults = operationDefaults
        self.nodes = nodes
    }

    /// The node of a name, or an error that names those there are.
    func node(named name: String, option: String) throws(UsageError) -> Node {
        if let node = nodes.first(where: { $0.name == name }) { return node }
        let names = nodes.map { "@\($0.name)" }
        let why = path.map { "no such node in \($0)" } ?? "no configuration file"
        throw UsageError(
            .unknownNode, option: option, value: "@\(name)", problem: "\(option) @\(name): \(why)",
            accepted: names.isEmpty ? nil : names.joined(separator: ", "),
            suggestion: EditDistance.nearest(to: name, in: nodes.map(\.name)).map { "@\($0)" })
    }

    /// The AE title of a node.
    ///
    /// - Throws: `UsageError` if there is no such node, or the configuration does not say its AE title.
    func aeTitle(ofNode name: String, option: OptionName) throws(UsageError) -> AETitle {
        let node = try node(named: name, option: option.description)
        guard let text = node.settings.first(where: { $0.definition.name == .call })?.texts.first,
            let title = AETitle(text)
        else {
            throw UsageError(
                .configuration, option: option, value: "@\(name)",
                problem: "\(option) @\(name): the node has no AE title in \(path ?? "the configuration")",
                accepted: "a node with \"called\"")
        }
        return title
    }

    /// True if a node has the name, and another AE title.
    func isNode(_ title: AETitle) -> Bool {
        guard let node = nodes.first(where: { $0.name == title.string }) else { return false }
        return node.settings.first { $0.definition.name == .call }?.texts.first != title.string
    }

    /// The layers that hold for an operation with a peer, the strongest first.
    func layers(for operation: Operation, node: Node?) -> [Layer] {
        var layers: [Layer] = []
        if let node { layers.append(Layer(origin: .node(node.name), settings: node.settings)) }
        for defaults in operationDefaults where defaults.operation == operation {
            layers.append(Layer(origin: .operationDefaults(operation), settings: defaults.settings))
        }
        layers.append(Layer(origin: .defaults, settings: defaults))
        return layers
    }

    struct Layer: Sendable {
        let origin: Origin
        let settings: [Setting]
    }

    /// The part of the file that a setting is in.
    enum Origin: Sendable, Equatable {
        case node(String)
        case operationDefaults(Operation)
        case defaults

        var description: String {
            switch self {
            case .node(let name): "node \(name)"
            case .operationDefaults(let operation): "defaults of \(operation.rawValue)"
            case .defaults: "defaults"
            }
        }
    }
}
