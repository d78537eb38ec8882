import DICOM
import DICOMNode
import DICOMProtocol
import System

/// `--compare`: lists both sides in the order of the UIDs, and goes through the lists together. What one side lacks it is asked
/// for alone, so that neither a list that was cut short nor a key that one server ignores passes for a difference.
final class CompareCommand {
    /// A side with its options, network and outcome.
    struct Target {
        let options: CompareOptions
        let network: Network
        let outcome: RunOutcome
    }

    private let targets: [Target]
    private let environment: Environment
    private var options: CompareOptions { targets[0].options }
    private var outcome: RunOutcome { targets[0].outcome }

    init(_ first: Target, _ second: Target, _ environment: Environment) {
        // What is compared is one thing, whatever the configuration says of the second peer.
        var options = second.options
        let asked = first.options.query
        (options.query.keys, options.query.level) = (asked.keys, asked.level)
        (options.query.scope, options.query.informationModel) = (asked.scope, asked.informationModel)
        options.columns = first.options.columns
        targets = [first, Target(options: options, network: second.network, outcome: second.outcome)]
        self.environment = environment
    }

    func perform() {
        do throws(RunFailure) {
            let first = try side(targets[0], isFirst: true)
            let second = try side(targets[1], isFirst: false)
            let output = ComparisonOutput(
                options, options.query.level, to: environment.standardOutput, events: outcome.events)
            let comparison = Comparison(
                first, second, output, options, cancellation: targets[0].network.cancellation,
                progress: environment.progress)
            do throws(ComparisonFailure) {
                for side in [first, second] { try side.list() }
                try comparison.run()
                environment.progress?.clear()
            } catch {
                environment.progress?.clear()
                error.report()
                output.flush()
                noteFolders()
                outcome.diagnostics.note(Message("the comparison ended early", "what it found until then was printed"))
            }
            output.finish()
            if let failure = output.failure { outcome.failOutput(failure) }
            comparison.finish(outcome)
        } catch {
            outcome.fail(error)
        }
    }

    /// A first word without a slash is a host, whatever is in the working folder.
    private func noteFolders() {
        for target in targets where target.options.folder == nil && target.outcome.exitCode == .unreachable {
            let host = target.network.connection.peer.host
            guard target.network.connection.web == nil, FilePath(argument: host).isFolder else { continue }
            let name = DisplayText.line(host)
            target.outcome.diagnostics.note(
                Message("\(name) is taken for a host", "a folder of this name is here: write \(name)/"))
        }
    }

    private func side(_ target: Target, isFirst: Bool) throws(RunFailure) -> any ComparedSide {
        let query = try query(target, isFirst: isFirst)
        if let folder = target.options.folder { return FolderSide(target, folder, query, environment) }
        return ServerSide(target, query, environment)
    }

    /// The keys and the compared attributes; what is wrong with them is told once.
    private func query(_ target: Target, isFirst: Bool) throws(RunFailure) -> Query {
        var options = target.options.query
        options.furtherAttributes = target.options.columns.map(\.tags)
        for column in target.options.columns { try check(column, options) }
        let preparation = QueryPreparation(options, target.network, environment)
        guard !isFirst else { return try preparation.query(for: options.informationModel.findSOPClass) }
        do throws(UsageError) {
            let query = try preparation.assembly.query(from: .keys([]))
            target.network.diagnostics.redaction.learn(query.identifier)
            return query
        } catch {
            throw RunFailure(error)
        }
    }

    /// An attribute of another level is not in the matches that are compared.
    private func check(_ column: QueryKey, _ options: QueryOptions) throws(RunFailure) {
        let placement = options.informationModel.placement(of: column.tags[0], at: options.level)
        let other: QueryLevel
        switch placement {
        case .above(let level), .below(let level): other = level
        default: return
        }
        throw RunFailure(
            UsageError(
                .conflictingOptions, option: .columns, value: column.argument,
                problem: "\(OptionName.columns) \(column.argument): an attribute of the \(other.rawValue) level, "
                    + "and the \(options.level.rawValue) level is compared",
                accepted: "\(other.option), or attributes of the \(options.level.rawValue) level"))
    }
}

/// The walk through both lists.
final class Comparison {
    private let sides: (first: any ComparedSide, second: any ComparedSide)
    private let output: ComparisonOutput
    private let options: CompareOptions
    private let cancellation: Cancellation
    private let progress: ProgressLine?
    /// The level of what is compared.
    private let depth: Int
    private var compared = 0
    private var unconfirmed = 0
    /// Those that a side has and did not list.
    private var unlisted: (first: Int, second: Int) = (0, 0)
    private var uncounted = 0
    /// Those of which both sides have shown their attributes.
    private var beside = 0
    private var isComplete = false
    private var countedByQuery = false
    /// The attributes that a side does not return.
    private var absent: [(name: String, side: String)] = []

    init(
        _ first: any ComparedSide, _ second: any ComparedSide, _ output: ComparisonOutput, _ options: CompareOptions,
        cancellation: Cancellation, progress: ProgressLine? = nil
    ) {
        self.progress = progress
        sides = (first, second)
        self.output = output
        self.options = options
        self.cancellation = cancellation
        depth = InformationModel.studyRoot.levels.count { $0 <= options.query.level }
    }

    /// - Throws: the reason why the comparison ends early.
    func run() throws(ComparisonFailure) {
        var first = try sides.first.next()
        var second = try sides.second.next()
        while first != nil || second != nil {
            guard output.failure == nil else { return }
            guard !cancellation.isRaised else {
                throw .of(
                    sides.first.outcome, .interrupted,
                    Message("interrupted after \(Quantity.count(compared, noun))"))
            }
            switch order(first, second) {
            case .orderedBefore:
                try compare(first, nil)
                first = try sides.first.next()
            case .orderedAfter:
                try compare(nil, second)
                second = try sides.second.next()
            case .equal:
                try compare(first, second)
                first = try sides.first.next()
                second = try sides.second.next()
            }
        }
        isComplete = true
    }

    private enum Order { case orderedBefore, orderedAfter, equal }

    private func order(_ first: ComparedEntity?, _ second: ComparedEntity?) -> Order {
        guard let first else { return .orderedAfter }
        guard let second else { return .orderedBefore }
        if first.uid == second.uid { return .equal }
        return ServerSide.precedes(first.uid, second.uid) ? .orderedBefore : .orderedAfter
    }

    /// Compares what at least one side has listed.
    private func compare(_ first: ComparedEntity?, _ second: ComparedEntity?) throws(ComparisonFailure) {
        switch (first, second) {
        case (let first?, let second?): try compareBoth(first, second)
        case (let entity?, nil): try compareOne(entity, isFirst: true)
        case (nil, let entity?): try compareOne(entity, isFirst: false)
        case (nil, nil): break
        }
    }

    private func side(isFirst: Bool) -> any ComparedSide { isFirst ? sides.first : sides.second }

    // MARK: What both have listed

    private func compareBoth(_ first: ComparedEntity, _ second: ComparedEntity) throws(ComparisonFailure) {
        // One that fits the keys is enough: what the other one has is compared with it.
        var verdicts = (first: known(first), second: known(second))
        if verdicts.first != .selected, verdicts.second != .selected {
            if verdicts.first == nil { verdicts.first = try sides.first.verdict(of: first) }
            if verdicts.first != .selected, verdicts.second == nil {
                verdicts.second = try sides.second.verdict(of: second)
            }
        }
        guard verdicts.first == .selected || verdicts.second == .selected else {
            if case .unknown(let keys) = verdicts.first, case .unknown = verdicts.second {
                unconfirmed += 1
                sides.first.noteUnconfirmed(keys)
            }
            return
        }
        if first.uids.count == depth, let tag = first.contradicted ?? second.contradicted {
            return write(
                .different, first, second,
                [keyDifference(tag, isFirst: first.contradicted != nil)])
        }
        try compareContent(first, second)
    }

    /// What is known without a question.
    private func known(_ entity: ComparedEntity) -> ComparedVerdict? {
        if let tag = entity.contradicted { return .rejected(tag) }
        return entity.open.isEmpty ? .selected : nil
    }

    private func verdict(
        of entity: ComparedEntity, _ side: any ComparedSide
    ) throws(ComparisonFailure) -> ComparedVerdict {
        if let known = known(entity) { return known }
        return try side.verdict(of: entity)
    }

    private func compareContent(_ first: ComparedEntity, _ second: ComparedEntity) throws(ComparisonFailure) {
        guard first.uids.count == depth else {
            guard let one = try sides.first.children(of: first), let other = try sides.second.children(of: second)
            else {
                return write(.doubtful, first, second)
            }
            // Nothing shows that they are alike, unless it is a key that leaves nothing.
            guard !one.isEmpty || !other.isEmpty || sides.first.plan.hasKeys(below: first.uids) else {
                return write(.doubtful, first, second)
            }
            return try compareChildren(one, other)
        }
        beside += 1
        var differences: [ComparedDifference] = []
        if let tag = ComparisonPlan.count(at: options.query.level) {
            let counts = try instanceCounts(first, second)
            if let one = counts.first, let other = counts.second {
                if one != other {
                    differences.append(
                        ComparedDifference(
                            attribute: DataDictionary.keyword(of: tag), first: "\(one)", second: "\(other)"))
                }
            } else {
                uncounted += 1
            }
        }
        for (index, name) in output.names.enumerated() {
            let one = first.values[index] ?? (sides.first.hasReturned(index) ? "" : nil)
            let other = second.values[index] ?? (sides.second.hasReturned(index) ? "" : nil)
            noteAbsence(of: name, one, other, sides.first)
            noteAbsence(of: name, other, one, sides.second)
            guard let one, let other else { continue }
            if one != other { differences.append(ComparedDifference(attribute: name, first: one, second: other)) }
        }
        write(differences.isEmpty ? .equal : .different, first, second, differences)
    }

    /// Where an attribute without a value may be left out, and the other side has none, nothing differs.
    private func noteAbsence(of name: String, _ value: String?, _ other: String?, _ side: any ComparedSide) {
        guard value == nil, !side.leavesOutEmpty || other?.isEmpty == false,
            !absent.contains(where: { $0.name == name && $0.side == side.name })
        else { return }
        absent.append((name, side.name))
    }

    private func instanceCounts(
        _ first: ComparedEntity, _ second: ComparedEntity
    ) throws(ComparisonFailure) -> (first: Int?, second: Int?) {
        if first.instances == nil || second.instances == nil, !countedByQuery {
            countedByQuery = true
            let side = first.instances == nil ? sides.first : sides.second
            side.outcome.diagnostics.note(
                Message(
                    "\(side.name): the server does not return the number of instances",
                    "they are counted by a query for each \(noun)"))
        }
        var counts = (first: first.instances, second: second.instances)
        if counts.first == nil { counts.first = try sides.first.countInstances(of: first) }
        if counts.second == nil { counts.second = try sides.second.countInstances(of: second) }
        return counts
    }

    private func compareChildren(
        _ first: [ComparedEntity], _ second: [ComparedEntity]
    ) throws(ComparisonFailure) {
        var (first, second) = (first[...], second[...])
        while !first.isEmpty || !second.isEmpty {
            switch order(first.first, second.first) {
            case .orderedBefore: try compare(first.popFirst(), nil)
            case .orderedAfter: try compare(nil, second.popFirst())
            case .equal: try compare(first.popFirst(), second.popFirst())
            }
        }
    }

    // MARK: What one has listed

    private func compareOne(_ entity: ComparedEntity, isFirst: Bool) throws(ComparisonFailure) {
        let (own, other) = (side(isFirst: isFirst), side(isFirst: !isFirst))
        switch try verdict(of: entity, own) {
        case .selected: break
        case .rejected: return
        case .unknown(let keys):
            // The other side may know the key.
            switch try other.ask(for: entity.uids) {
            case .rejected: break
            case .present(let found) where found.open.isEmpty:
                try isFirst ? compareContent(entity, found) : compareContent(found, entity)
            case .present, .absent, .refused, .unreadable:
                unconfirmed += 1
                own.noteUnconfirmed(keys)
            }
            return
        }
        let answer = try other.ask(for: entity.uids)
        switch answer {
        case .absent: try writeAll(isFirst ? .missing : .extra, entity, isFirst: isFirst)
        case .refused(let message):
            other.outcome.fail(.failureStatus, message)
            try writeAll(.doubtful, entity, isFirst: isFirst)
        case .unreadable: try writeAll(.doubtful, entity, isFirst: isFirst)
        case .present(let found):
            if isFirst { unlisted.second += 1 } else { unlisted.first += 1 }
            try isFirst ? compareContent(entity, found) : compareContent(found, entity)
        case .rejected(let found, let tag, let value):
            // Below an entity its own keys make no difference.
            guard entity.uids.count == depth else {
                return try isFirst ? compareContent(entity, found) : compareContent(found, entity)
            }
            let difference = keyDifference(tag, isFirst: !isFirst, value)
            if isFirst {
                write(.different, entity, found, [difference])
            } else {
                write(.different, found, entity, [difference])
            }
        }
    }

    /// - Parameters:
    ///   - isFirst: True if the first side has another value than the key asks for.
    ///   - other: that value.
    private func keyDifference(_ tag: Tag, isFirst: Bool, _ other: String = "another value") -> ComparedDifference {
        let name = DataDictionary.keyword(of: tag)
        let asked = "as asked for"
        return ComparedDifference(attribute: name, first: isFirst ? other : asked, second: isFirst ? asked : other)
    }

    /// Writes an entity that one side alone has, or all that is compared below it.
    private func writeAll(
        _ difference: Difference, _ entity: ComparedEntity, isFirst: Bool
    ) throws(ComparisonFailure) {
        func write(_ difference: Difference) {
            isFirst ? self.write(difference, entity, nil) : self.write(difference, nil, entity)
        }
        guard entity.uids.count < depth else { return write(difference) }
        let own = side(isFirst: isFirst)
        guard let children = try own.children(of: entity) else { return write(.doubtful) }
        guard !children.isEmpty || own.plan.hasKeys(below: entity.uids) else { return write(difference) }
        for child in children {
            switch try verdict(of: child, own) {
            case .selected: try writeAll(difference, child, isFirst: isFirst)
            case .rejected: break
            case .unknown(let keys):
                unconfirmed += 1
                own.noteUnconfirmed(keys)
            }
        }
    }

    private func write(
        _ difference: Difference, _ first: ComparedEntity?, _ second: ComparedEntity?,
        _ differences: [ComparedDifference] = []
    ) {
        compared += 1
        if compared % ProgressLine.itemsBetweenTexts == 0 {
            progress?.show("\(Quantity.count(compared, noun)) compared")
        }
        output.write(
            ComparisonResult(
                difference: difference, uids: first?.uids ?? second?.uids ?? [], differences: differences,
                first: first?.values, second: second?.values))
    }

    // MARK: The end

    private var noun: String {
        switch options.query.level {
        case .series: "series"
        case .image: "instance"
        case .study, .patient: "study"
        }
    }

    /// Tells what was found, and sets the exit code.
    func finish(_ outcome: RunOutcome) {
        for side in [sides.first, sides.second] { side.finish(isNothingCompared: compared == 0 && unconfirmed > 0) }
        for (count, side) in [(unlisted.first, sides.first), (unlisted.second, sides.second)] where count > 0 {
            side.outcome.diagnostics.note(
                Message(
                    "\(side.name): \(Quantity.count(count, noun)) not listed for the keys",
                    "each is there: it was asked for alone, and compared"))
        }
        noteUnreturned(outcome)
        for (name, side) in absent {
            outcome.fail(.incomplete, Message("\(side): \(name) is not compared", "the server does not return it"))
        }
        if uncounted > 0 {
            outcome.fail(
                .incomplete,
                Message(
                    "the instances of \(Quantity.count(uncounted, noun)) are not compared",
                    "their number is not returned, and they could not be counted"))
        }
        let found = Difference.allCases.filter { output.count($0) > 0 }
        outcome.summary.set(.count, compared)
        for difference in Difference.allCases {
            outcome.summary.set(RunEvent.Key(difference), output.count(difference))
        }
        outcome.diagnostics.note(
            Message(
                "\(Quantity.count(compared, noun)) compared",
                found.isEmpty ? nil : found.map { words($0, output.count($0)) }.joined(separator: ", ")))
        if found.contains(where: { $0 != .equal }) { outcome.record(.incomplete) }
        if isComplete, compared == 0, unconfirmed == 0 { reportNothing(outcome) }
    }

    /// An attribute that may be left out where it has no value, and that neither side ever returned, is as good as not asked for.
    private func noteUnreturned(_ outcome: RunOutcome) {
        guard beside > 0 else { return }
        for (index, name) in output.names.enumerated()
        where !sides.first.hasReturned(index) && !sides.second.hasReturned(index) {
            guard !absent.contains(where: { $0.name == name }) else { continue }
            outcome.fail(
                .incomplete,
                Message(
                    "\(name) is not compared", "neither \(sides.first.name) nor \(sides.second.name) has returned it"))
        }
    }

    /// A comparison of nothing proves nothing: a slip in a key would pass for a migration that is complete.
    private func reportNothing(_ outcome: RunOutcome) {
        let hasOwnRemedy = options.query.keys.isEmpty || sides.first.hasLeftOut || sides.second.hasLeftOut
        let message = Message(
            "nothing was compared", "neither \(sides.first.name) nor \(sides.second.name) has a match",
            hint: hasOwnRemedy ? nil : .noMatch(options.query.likelyMistakes(isRetrieval: true)))
        if options.query.failsIfNone { return outcome.fail(.incomplete, message) }
        outcome.diagnostics.warning(message)
    }

    private func words(_ difference: Difference, _ count: Int) -> String {
        switch difference {
        case .missing: "\(count) not at \(sides.second.name) (-)"
        case .extra: "\(count) not at \(sides.first.name) (+)"
        case .different: "\(count) different (*)"
        case .doubtful: "\(count) not known (?)"
        case .equal where options.query.level == .image: "\(count) equal"
        case .equal:
            "\(count) equal in number of instances\(options.columns.isEmpty ? "" : " and in \(OptionName.columns)") "
                + "(\(OptionName.image) compares each)"
        }
    }
}

extension RunEvent.Key {
    init(_ difference: Difference) {
        self =
            switch difference {
            case .missing: .missing
            case .extra: .extra
            case .different: .different
            case .doubtful: .doubtful
            case .equal: .equal
            }
    }
}
