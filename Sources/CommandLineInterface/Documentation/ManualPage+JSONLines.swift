// What `--format jsonl` prints, made from the schema that it is held to.
extension ManualPage {
    static var jsonLines: String {
        ".SH JSON LINES\n" + introduction
            + RunEvent.Name.allCases.map { name in
                let members = name.members.map { Roff.italic($0.rawValue) }.joined(separator: ", ")
                return Roff.tagged(Roff.bold(name.rawValue), Roff.text(name.meaning) + ":\n" + members + ".")
            }.joined()
            + ".PP\nThe " + Roff.italic("outcome") + " of an object:\n"
            + RunEvent.Outcome.allCases.map { Roff.tagged(Roff.bold($0.rawValue), Roff.text($0.meaning) + ".") }
            .joined()
    }

    private static let introduction = paragraphs([
        """
        With --format jsonl --find and --worklist print each answer as one object in the DICOM JSON Model (PS3.18 F), on a line \
        of its own, and nothing else. All other operations print objects of the program's own, one a line as things happen. \
        The first member, event, tells what an object is about; a member that does not apply is left out. UIDs are \
        strings, statuses too, as the standard writes them (A700H); times are seconds, lengths bytes. New members may be \
        added; those that are here keep their meaning.
        """
    ])
}
