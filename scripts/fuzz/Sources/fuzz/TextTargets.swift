import DICOM

@testable import CommandLineInterface

/// Query keys and all other arguments: one a line.
///
/// Invariant: whatever is typed, it is a request or a usage error, whose text is one line.
enum KeysTarget: FuzzTarget {
    static func run(_ bytes: [UInt8]) {
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        // Few: for each unknown word the whole dictionary is searched for the one that was meant.
        for line in lines.prefix(2) {
            do throws(UsageError) { _ = try QueryKeyParser.parse(line) } catch { check(error) }
        }
        let keys = lines.prefix(4).flatMap { ["-k", $0] }
        do throws(UsageError) {
            _ = try CommandLineParser().parse(["--find", "-H", "h"] + keys + lines.dropFirst(4).prefix(12))
        } catch {
            check(error)
        }
    }

    private static func check(_ error: UsageError) {
        precondition(!Message(error).line.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "a message of more than one line")
    }

    static var seeds: [[UInt8]] {
        [
            "0010,0010=A*\nPatientID=1\nStudyDate=20200101-20201231\n(0008,0061)=CT\\MR\n--study\n--limit\n3",
            "10,20\n0008|0050=x\nReferencedSOPSequence[0].SOPInstanceUID=1.2\nStudyDate=today-7d\n--format\njson",
            "PatientName=Müller\n0040,0100[0].0040,0002=20200101\n0,0=\n=\n--timeout=0.5\n-Vq",
        ].map { Array($0.utf8) }
    }
}

/// DICOM JSON and configuration files.
///
/// Invariant: whatever the text, data sets or an error; what was read can be written, and what was written reads as the same
/// number of data sets.
enum JSONTarget: FuzzTarget {
    static func run(_ bytes: [UInt8]) {
        do throws(UsageError) { _ = try ConfigurationReader.read(bytes, path: "file") } catch {
            precondition(
                !Message(error).line.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "a message of more than one line")
        }
        let dataSets: [DataSet]
        do throws(DICOMJSONError) { dataSets = try DICOMJSON.parse(bytes) } catch { return }
        for dataSet in dataSets { DataSetTarget.show(dataSet) }
    }

    static func seeds(from file: [UInt8]) -> [[UInt8]] {
        guard let (syntax, dataSet) = DataSetTarget.content(of: file) else { return [] }
        do throws(DataSetError) {
            var json: [UInt8] = []
            DICOMJSON.append(try DataSetDecoder(DataSetTarget.syntaxes[syntax]).decode(dataSet), to: &json)
            return [json]
        } catch {
            return []
        }
    }

    static var seeds: [[UInt8]] {
        var json: [UInt8] = []
        DICOMJSON.append(Recorded.dataSet, to: &json)
        return [
            json, [0x5B] + json + [0x2C] + json + [0x5D],
            Array(
                #"{"defaults":{"timeout":5,"verbose":true},"nodes":{"pacs":{"host":"h","port":104,"called":"A"}}}"#.utf8
            ),
            Array(
                #"{"00100010":{"vr":"PN","Value":[{"Alphabetic":"A^B","Ideographic":"C"}]},"00280010":{"vr":"US","Value":[1,2]}}"#
                    .utf8),
            Array(
                #"{"7FE00010":{"vr":"OW","InlineBinary":"AAEC"},"00081199":{"vr":"SQ","Value":[{"00080018":{"vr":"UI"}}]}}"#
                    .utf8),
        ]
    }
}
