/// A command line that help and man page show. Tests parse every one of them.
struct CommandExample: Sendable {
    let purpose: String
    /// As a person types it, without the program's name; quotes as in a shell.
    let arguments: String

    var command: String { "dcmscu \(arguments)" }

    init(_ purpose: String, _ arguments: String) {
        self.purpose = purpose
        self.arguments = arguments
    }

    static let all: [CommandExample] = [
        CommandExample("Is the server there, and does it answer?", "--echo pacs.example.org 11112"),
        CommandExample(
            "Send all files below a directory:", "--store --call ARCHIVE pacs.example.org 11112 -r study/"),
        CommandExample(
            "List the studies of the last week:",
            "--find pacs.example.org 11112 --key StudyDate=today-7d..today --return study"),
        CommandExample(
            "Look for patients by name, as gdcmscu has it:",
            "--find --patient --patientroot pacs.example.org 11112 --key '10,10=A*' --key 10,20"),
        CommandExample(
            "Today's worklist of the MR scanner:",
            "--worklist pacs.example.org 11112 "
                + "-k 'ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate=today' "
                + "-k 'ScheduledProcedureStepSequence[0].Modality=MR' --return PatientName,PatientID"),
        CommandExample(
            "Fetch a study by C-MOVE; the server knows STATION as this machine, port 11113:",
            "--move --aetitle STATION ARCHIVE@pacs.example.org:11112 "
                + "-k StudyInstanceUID=1.2.3 --port-scp 11113 -o study/"),
        CommandExample(
            "Fetch a series by C-GET, with names that say what it is:",
            "--get --series pacs.example.org 11112 -k SeriesInstanceUID=1.2.3.4 "
                + "-o images/ --name '{PatientID}/{Modality}-{SeriesNumber}/{SOPInstanceUID}.dcm'"),
        CommandExample(
            "Send a study from one archive to another:",
            "--move pacs.example.org 11112 -k StudyInstanceUID=1.2.3 --move-destination OTHER"),
        CommandExample(
            "Will the server keep what it was sent?",
            "--stgcmt --port-scp 11113 pacs.example.org 11112 -r study/"),
        CommandExample(
            "Ask now, and let a later run take the report:",
            "--stgcmt --aetitle STATION --port-scp 11113 --transaction open.jsonl --wait 30 pacs.example.org 11112 -r study/"
        ),
        CommandExample(
            "The later run, which calls nobody:",
            "--stgcmt --listen --aetitle STATION --transaction open.jsonl --port-scp 11113 --wait 3600"),
        CommandExample(
            "Send, and learn which files the server has committed to keep:",
            "--store --verify commit --aetitle STATION --port-scp 11113 --journal night.jsonl pacs.example.org 11112 "
                + "-r study/"),
        CommandExample(
            "An archive to try with, on this machine; it finds STATION at port 11113:",
            "--serve archive/ --port-scp 11112 --destination STATION=127.0.0.1:11113"),
        CommandExample(
            "Does all of this work here?", "--self-test"),
        CommandExample(
            "Rehearse what a script does when every fifth image is refused:",
            "--serve archive/ --port-scp 11112 --inject store-status=A700/5"),
    ]
}
