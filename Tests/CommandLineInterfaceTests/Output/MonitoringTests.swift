import DICOM
import DICOMNode
import System
import TestSupport
import Testing

@testable import CommandLineInterface

/// The forms in which monitors read a run: thresholds, the line of a plugin, metrics.
struct MonitoringTests {
    // The Monitoring Plugins' guidelines, section on threshold ranges.
    @Test(arguments: [
        ("10", [-1.0, 10.5], [0.0, 10]), ("10:", [9.9], [10, 1e9]), ("~:10", [10.1], [-1e9, 10]),
        ("10:20", [9, 21], [10, 20]), ("@10:20", [10, 15, 20], [9, 21]), ("-5:-1", [0, -6], [-5, -1]),
        ("0.25", [0.3], [0.2]), (":5", [-1, 6], [0, 5]),
    ])
    func `a range raises an alert outside of itself`(text: String, alerts: [Double], calm: [Double]) throws {
        let range = try #require(ThresholdRange(text))
        for value in alerts { #expect(range.alerts(value), "\(value) in \(text)") }
        for value in calm { #expect(!range.alerts(value), "\(value) in \(text)") }
    }

    @Test(arguments: ["", "@", "x", "10:5", "1:2:3", "1e3", "~", "5s", "nan", "inf"])
    func `what is no range is refused`(text: String) { #expect(ThresholdRange(text) == nil) }

    @Test func `a plugin's line keeps its form whatever the words are`() {
        let line = PluginLine(
            state: .critical, words: "no|way\nout",
            measurements: [PluginLine.Measurement(name: "time", value: "0.5", unit: "s", warning: ThresholdRange("1"))])
        #expect(line.text == "DICOM CRITICAL - no/way␊out | time=0.5s;1;;0;\n")
    }

    @Test func `values of labels are escaped, and names are checked`() {
        var metrics = MetricsText()
        metrics.add("a", "Help.", [MetricLabel(name: "x", value: "q\"\\\nz")], 2)
        metrics.add("b", "Other.", [], 0.25)
        metrics.add("a", "Help.", [MetricLabel(name: "x", value: "y")], 1)
        // The later value of a series that is there.
        metrics.add("a", "Help.", [MetricLabel(name: "x", value: "y")], 3)
        #expect(
            metrics.text == """
                # HELP a Help.
                # TYPE a gauge
                a{x="q\\"\\\\\\nz"} 2
                a{x="y"} 3
                # HELP b Other.
                # TYPE b gauge
                b{} 0.250000

                """)
        #expect(MetricLabel("site=north=1") == MetricLabel(name: "site", value: "north=1"))
        for text in ["", "site", "=x", "1a=x", "a-b=x", "__a=x", "ä=x"] { #expect(MetricLabel(text) == nil, "\(text)") }
    }

    @Test(arguments: ExitCode.allCases)
    func `a run that failed is never OK`(code: ExitCode) {
        #expect((PluginState(code) == .ok) == (code == .success))
        #expect((PluginState(code) == .unknown) == [.usage, .localFiles, .interrupted].contains(code))
    }

    @Test(arguments: [
        (
            ["-H", "h", "-p", "104", "-w", "1", "-c5", "-t", "3"],
            ["--echo", "--format=nagios", "-H", "h", "-p", "104", "--warn", "1", "--crit=5", "--total-timeout", "3"]
        ),
        (["find", "h", "-k", "PatientID=1"], ["--format=nagios", "find", "h", "-k", "PatientID=1"]),
        (["h", "--find"], ["--format=nagios", "h", "--find"]),
        (["--help"], ["--format=nagios", "--help"]),
        (["h", "--", "-w"], ["--echo", "--format=nagios", "h", "--", "-w"]),
    ])
    func `the link check_dicom takes the options of plugins`(given: [String], own: [String]) {
        #expect(PluginCommandLine.translated(given, program: "check_dicom") == own)
        #expect(PluginCommandLine.translated(given, program: "dcmscu") == given)
    }
}

/// Whole runs as monitors see them.
struct MonitoredRunTests {
    private static func plugin(_ arguments: [String]) -> CommandResult {
        CommandResult(arguments + ["--format", "nagios"])
    }

    @Test func `an echo is OK, with the times of its parts`() throws {
        let archive = try TestArchive()
        let run = Self.plugin(["--echo"] + archive.peer)
        #expect(run.pluginState == .ok, "\(run.output)")
        #expect(run.output.hasPrefix("DICOM OK - "), "\(run.output)")
        #expect(run.output.contains(" | time=0."), "\(run.output)")
        for part in ["connect=", "associate=", "echo=", "release="] { #expect(run.output.contains(part)) }
        #expect(run.output.split(separator: "\n").count == 1)
        #expect(run.messages.isEmpty)
    }

    @Test func `the thresholds of a query are numbers of matches, and the worse one counts`() throws {
        let archive = try TestArchive()
        let query = ["--find"] + archive.peer + ["-k", "PatientID=NOBODY"]
        #expect(Self.plugin(query).pluginState == .ok)
        #expect(Self.plugin(query + ["--warn", "1:"]).pluginState == .warning)
        let run = Self.plugin(query + ["--warn", "1:", "--crit", "1:"])
        #expect(run.pluginState == .critical)
        #expect(run.output.contains("no|") == false && run.output.contains("0 matches"), "\(run.output)")
        #expect(run.output.contains("matches=0;1:;1:;0;"), "\(run.output)")
    }

    @Test func `what failed is told on the standard output, with its remedy`() throws {
        let archive = try TestArchive(faults: ["reject=1"])
        let run = Self.plugin(["--echo"] + archive.peer)
        #expect(run.pluginState == .critical)
        #expect(run.output.hasPrefix("DICOM CRITICAL - "), "\(run.output)")
        #expect(run.output.contains("\nhint: "), "\(run.output)")
        #expect(run.messages.isEmpty, "\(run.messages)")
    }

    @Test(arguments: [["--echo"], ["--echo", "h", "--warn", "x"], ["--echo", "h", "i"], ["--doctor", "h"]])
    func `a mistake in the command line is UNKNOWN`(arguments: [String]) {
        let run = Self.plugin(arguments)
        #expect(run.pluginState == .unknown, "\(run.output)")
        #expect(run.output.hasPrefix("DICOM UNKNOWN - "), "\(run.output)")
    }

    @Test func `an unreadable certificate is UNKNOWN, and is in the metrics`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path.appending("run.prom")
        let run = CommandResult(
            [
                "--echo", "127.0.0.1", "104", "--tls", "--tls-ca", "/nowhere", "--format", "nagios", "--metrics",
                path.text,
            ])
        #expect(run.pluginState == .unknown, "\(run.output)")
        let metrics = try String(decoding: folder.read(path), as: UTF8.self)
        #expect(
            metrics.contains("dcmscu_run_exit_code{operation=\"echo\",peer=\"ANY-SCP@127.0.0.1:104\"} 2\n"),
            "\(metrics)")
    }

    @Test func `metrics keep the time of the last success`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path.appending("run.prom")
        let archive = try TestArchive()
        let line = ["--echo"] + archive.peer + ["--metrics", path.text, "--metrics-label", "site=north"]
        #expect(CommandResult(line).exitCode == .success)
        let first = try Self.samples(folder.read(path))
        let success = try #require(first.first { $0.hasPrefix("dcmscu_run_last_success_timestamp_seconds{") })
        #expect(success.contains("site=\"north\""))
        #expect(first.contains { $0.hasPrefix("dcmscu_run_exit_code{") && $0.hasSuffix("} 0") })
        let failing = line + ["--tls"]
        #expect(CommandResult(failing).exitCode != .success)
        let second = try Self.samples(folder.read(path))
        #expect(second.contains(success), "\(second)")
        #expect(second.contains { $0.hasPrefix("dcmscu_run_exit_code{") && !$0.hasSuffix("} 0") })
    }

    private static func samples(_ bytes: [UInt8]) -> [String] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }.map { String($0) }
    }

    @Test func `a file of another kind is not replaced by metrics`() throws {
        let folder = try TemporaryFolder()
        try folder.write(Array("an image".utf8), to: "image.dcm")
        let run = CommandResult(["--echo", "127.0.0.1", "1", "--metrics", folder.path.appending("image.dcm").text])
        #expect(run.exitCode == .localFiles, "\(run.messages)")
        #expect(try folder.read(folder.path.appending("image.dcm")) == Array("an image".utf8))
    }

    @Test func `a plugin whose metrics cannot be written is UNKNOWN, and says so`() throws {
        let folder = try TemporaryFolder()
        try folder.write(Array("an image".utf8), to: "image.dcm")
        let archive = try TestArchive()
        let path = folder.path.appending("image.dcm").text
        let run = Self.plugin(["--echo"] + archive.peer + ["--metrics", path])
        #expect(run.pluginState == .unknown, "\(run.output)")
        #expect(run.output.hasPrefix("DICOM UNKNOWN - ") && run.output.contains("image.dcm"), "\(run.output)")
        // The run is well, and its metrics find no room at its end.
        let full = Self.plugin(["--echo"] + archive.peer + ["--metrics", "/dev/full"])
        #expect(full.pluginState == .unknown && full.exitCode == .localFiles, "\(full.output)")
        #expect(full.output.hasPrefix("DICOM UNKNOWN - ") && full.output.contains("/dev/full"), "\(full.output)")
    }

    @Test func `several peers are metrics of one answer`() throws {
        let archive = try TestArchive()
        let listener = try TCPListener(port: 0, bind: "127.0.0.1")
        let run = CommandResult(
            [
                "--echo", archive.peer[0] + ":" + archive.peer[1], "127.0.0.1:\(listener.port)", "--timeout", "0.2",
                "--format", "prometheus",
            ])
        #expect(run.exitCode == .timeLimit)
        let success = run.output.split(separator: "\n").filter { $0.hasPrefix("probe_success{") }
        #expect(success.map { $0.last } == ["1", "0"], "\(run.output)")
        #expect(run.output.split(separator: "\n").count { $0 == "# TYPE probe_success gauge" } == 1)
    }
}
