package import DICOM

/// A query, or a part of it: its matches within a span of days, of times of one day, or of one modality.
///
/// Servers cut long lists of matches short. Parts that together match what the query does are found by range matching (PS3.4
/// C.2.2.2.5), and by the modality (C.2.2.2.1) where one second of a day still has too many.
package struct QueryPart: Sendable, Equatable {
    /// The query as it was made.
    private let whole: DataSet
    /// The attributes that it can be divided by, at its level; nil where it has a key that forbids it.
    private let date: Tag?
    private let time: Tag?
    private let modality: Tag?

    /// The days, both included; nil is open.
    private var first: CalendarDate?
    private var last: CalendarDate?
    /// The seconds of the day, both included; nil for the whole day.
    private var seconds: ClosedRange<Int>?
    private var modalityValue: String?
    /// True for the matches without a date.
    private var isOfNoDate = false

    private static let secondsOfDay = 0...86_399

    /// The whole of a query.
    ///
    /// - Parameter combinesDateAndTime: True if a range of dates and one of times are one range.
    package init(_ identifier: DataSet, level: QueryLevel, combinesDateAndTime: Bool) {
        whole = identifier
        var keys: (date: Tag?, time: Tag?, modality: Tag?)
        switch level {
        case .study: keys = (.studyDate, .studyTime, .modalitiesInStudy)
        case .series: keys = (nil, nil, .modality)
        case .patient, .image: keys = (nil, nil, nil)
        }
        if keys.modality.map({ !(identifier.string($0) ?? "").isEmpty }) ?? false { keys.modality = nil }
        if keys.time.map({ !(identifier.string($0) ?? "").isEmpty }) ?? false {
            keys.time = nil
            if combinesDateAndTime { keys.date = nil }
        }
        if let tag = keys.date {
            if let range = Self.range(identifier.strings(tag).joined(separator: "\\")) {
                (first, last) = range
            } else {
                (keys.date, keys.time) = (nil, nil)
            }
        }
        (date, time, modality) = keys
    }

    /// The bounds of a value of DA, both nil for an empty one; nil if it is neither a date nor a range.
    private static func range(_ text: String) -> (CalendarDate?, CalendarDate?)? {
        guard !text.isEmpty, text != "*" else { return (nil, nil) }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { day($0) }
        if ends.count == 1, let day = ends[0], let day { return (day, day) }
        guard ends.count == 2, let first = ends[0], let last = ends[1] else { return nil }
        return (first, last)
    }

    /// A day of eight digits; the inner nil is the open end, the outer one is no date.
    private static func day(_ text: Substring) -> CalendarDate?? {
        if text.isEmpty { return .some(nil) }
        guard text.utf8.count == 8, DecimalDigits.areAll(String(text)), let number = Int(text),
            let day = CalendarDate(year: number / 10_000, month: number / 100 % 100, day: number % 100)
        else { return nil }
        return .some(day)
    }

    /// The query of this part.
    package var identifier: DataSet {
        var identifier = whole
        if isOfNoDate, let date {
            identifier.set(date, .DA, "\"\"")
            return identifier
        }
        if let date, first != nil || last != nil {
            let (from, to) = (first?.dicomText ?? "", last?.dicomText ?? "")
            identifier.set(date, .DA, first == last ? from : "\(from)-\(to)")
        }
        if let time, let seconds {
            identifier.set(time, .TM, "\(Self.text(seconds.lowerBound))-\(Self.text(seconds.upperBound)).999999")
        }
        if let modality, let modalityValue { identifier.set(modality, .CS, modalityValue) }
        return identifier
    }

    /// The part in words, without values of patients.
    package var name: String {
        var words: [String] = []
        if isOfNoDate { words.append("without a date") }
        switch (first, last) {
        case (let first?, let last?):
            words.append(first == last ? Self.text(first) : "\(Self.text(first)) to \(Self.text(last))")
        case (let first?, nil): words.append("from \(Self.text(first)) on")
        case (nil, let last?): words.append("until \(Self.text(last))")
        case (nil, nil): break
        }
        if let seconds {
            words.append("\(Self.clock(seconds.lowerBound)) to \(Self.clock(seconds.upperBound))")
        }
        if let modalityValue { words.append(modalityValue) }
        return words.isEmpty ? "the whole query" : words.joined(separator: ", ")
    }

    private static func text(_ day: CalendarDate) -> String {
        let (year, month) = (DecimalDigits.text(day.year, count: 4), DecimalDigits.text(day.month, count: 2))
        return "\(year)-\(month)-\(DecimalDigits.text(day.day, count: 2))"
    }

    /// The value of TM for a second of a day.
    private static func text(_ second: Int) -> String {
        [second / 3600, second / 60 % 60, second % 60].map { DecimalDigits.text($0, count: 2) }.joined()
    }

    private static func clock(_ second: Int) -> String {
        [second / 3600, second / 60 % 60, second % 60].map { DecimalDigits.text($0, count: 2) }.joined(separator: ":")
    }

    /// True if matches without a date belong to this part, and to none of those that it is divided into.
    package var holdsUndated: Bool { date != nil && first == nil && last == nil && !isOfNoDate }

    /// True if the part is of one day, so that matches without a time are in none of those that it is divided into by time.
    package var holdsUntimed: Bool { time != nil && first != nil && first == last && seconds == nil }

    /// The matches without a date, for servers that match empty values (PS3.4 C.2.2.2.7); nil if no part has them for itself.
    package var undated: QueryPart? {
        guard holdsUndated else { return nil }
        var part = self
        part.isOfNoDate = true
        return part
    }

    /// True if the part is limited to one modality.
    package var isOfOneModality: Bool { modalityValue != nil }

    // MARK: Division

    /// The smaller parts that together match the same, but for matches without a date or time: two by date, two by time of day, or
    /// one for each modality. Empty if it cannot be divided.
    ///
    /// - Parameters:
    ///   - today: open spans reach until then at first.
    ///   - modalities: those that matches may have.
    ///   - wanted: The last day of the earlier part, if it lies within; otherwise the middle is.
    package func divided(
        today: CalendarDate, modalities: [String], after wanted: CalendarDate? = nil
    ) -> [QueryPart] {
        guard !isOfNoDate, modalityValue == nil else { return [] }
        if seconds == nil, let middle = wanted.flatMap({ holds($0) ? $0 : nil }) ?? middle(today) {
            var (early, late) = (self, self)
            early.last = middle
            late.first = middle.adding(days: 1)
            return [early, late]
        }
        if time != nil, let first, first == last {
            let span = seconds ?? Self.secondsOfDay
            if span.count > 1 {
                var (early, late) = (self, self)
                let middle = span.lowerBound + (span.count - 1) / 2
                early.seconds = span.lowerBound...middle
                late.seconds = (middle + 1)...span.upperBound
                return [early, late]
            }
        }
        guard modality != nil else { return [] }
        return modalities.map { value in
            var part = self
            part.modalityValue = value
            return part
        }
    }

    /// True if the part has the day, and later ones.
    private func holds(_ day: CalendarDate) -> Bool {
        date != nil && (first.map { $0 <= day } ?? true) && (last.map { day < $0 } ?? true)
    }

    /// The day of a value of DA; nil if it is none.
    package static func day(of value: String) -> CalendarDate? { day(value[...]) ?? nil }

    /// The last day of the earlier half; nil if there are not two days, or the span is open at an end where nothing is expected.
    private func middle(_ today: CalendarDate) -> CalendarDate? {
        guard date != nil else { return nil }
        switch (first, last) {
        case (let first?, let last?):
            let days = last.days(since: first)
            return days > 0 ? first.adding(days: (days - 1) / 2) : nil
        case (let first?, nil):
            if first <= today { return today }
            return first.year < 2100 ? CalendarDate(year: 2100, month: 12, day: 31) : nil
        case (nil, let last):
            // Back in longer and longer steps: most is recent.
            let steps = [12, 60, 120, 300, 600, 1_500].compactMap { today.adding(months: -$0) }
            let earlier = steps.filter { step in last.map { step < $0 } ?? true }
            return last == nil ? earlier.dropFirst().first : earlier.first
        }
    }

    /// Parts of so many days each, the last one maybe shorter; only this part where it is open or has no date to divide by.
    package func steps(days: Int) -> [QueryPart] {
        guard date != nil, var start = first, let last, days > 0 else { return [self] }
        var parts: [QueryPart] = []
        while start <= last {
            var part = self
            part.first = start
            part.last = start.adding(days: days - 1).map { min($0, last) } ?? last
            parts.append(part)
            guard let next = start.adding(days: days) else { break }
            start = next
        }
        return parts
    }

    /// True if the days have no bound at one end, or at both.
    package var isOpen: Bool { date != nil && !isOfNoDate && (first == nil || last == nil) }

    /// The parts before and after another one with bounds, as far as this one has none there.
    package func outside(of closed: QueryPart) -> [QueryPart] {
        guard date != nil, let low = closed.first, let high = closed.last else { return [] }
        var parts: [QueryPart] = []
        if first == nil, let end = low.adding(days: -1) {
            var early = self
            early.last = end
            parts.append(early)
        }
        if last == nil, let start = high.adding(days: 1) {
            var late = self
            late.first = start
            parts.append(late)
        }
        return parts
    }

    /// The hours of the day; only this part where it is of more than one day or has no time to divide by.
    package var hours: [QueryPart] {
        guard time != nil, first != nil, first == last, seconds == nil else { return [self] }
        return (0..<24).map { hour in
            var part = self
            part.seconds = hour * 3600...(hour * 3600 + 3599)
            return part
        }
    }

    /// The span of days that has matches: this part with both ends closed. The part itself if there is no date to divide by; nil if
    /// it has no match with a date.
    ///
    /// - Parameter hasMatches: asks whether a part has matches.
    /// - Throws: what `hasMatches` throws.
    package func closed<Failure>(
        today: CalendarDate, hasMatches: (QueryPart) throws(Failure) -> Bool
    ) throws(Failure) -> QueryPart? {
        guard date != nil, first == nil || last == nil else { return self }
        let bounds = (
            low: first ?? Self.earliest, high: last ?? today.adding(months: 12 * 20) ?? today
        )
        var part = self
        (part.first, part.last) = bounds
        guard bounds.low <= bounds.high, try hasMatches(part) else { return nil }
        if first == nil {
            part.first = try Self.search(bounds.low, bounds.high) { (day) throws(Failure) in
                var early = part
                (early.first, early.last) = (bounds.low, day)
                return try hasMatches(early)
            }
        }
        if last == nil, let low = part.first {
            // The last day that has matches: the first one behind which there are none.
            part.last = try Self.search(low, bounds.high) { (day) throws(Failure) in
                guard let next = day.adding(days: 1), next <= bounds.high else { return true }
                var late = part
                (late.first, late.last) = (next, bounds.high)
                return try !hasMatches(late)
            }
        }
        return part
    }

    private static let earliest = CalendarDate.epoch.adding(months: -12 * 70) ?? .epoch

    /// The first day for which it holds; it does for the last one.
    private static func search<Failure>(
        _ low: CalendarDate, _ high: CalendarDate, _ holds: (CalendarDate) throws(Failure) -> Bool
    ) throws(Failure) -> CalendarDate {
        var (low, high) = (low, high)
        while low < high, let middle = low.adding(days: high.days(since: low) / 2) {
            if try holds(middle) {
                high = middle
            } else {
                low = middle.adding(days: 1) ?? high
            }
        }
        return low
    }
}
