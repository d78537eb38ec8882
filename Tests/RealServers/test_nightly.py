"""scripts/nightly-retrieve and the files in scripts/nightly: each is read by the program that it is for, and run."""

import configparser
import datetime
import json
import os
import re
import shlex

from harness import cases, images, loading, programs, servers, slurm
from harness.documents import cron_entry
from harness.practice import PYTHON, PracticeArchive, data_set, made_up_images
from harness.programs import dcmscu, run

NIGHTLY = programs.REPOSITORY / "scripts" / "nightly"
SERVER = "ARCHIVE@pacs.example.org:104"
DAY = "20260102"  # of the made-up images


class Nightly(cases.RealServerTest):
    def test_a_day_comes_into_its_folder_and_a_second_run_has_nothing_to_do(self):
        server = self.serve(servers.Orthanc())
        loaded = [image for image in images.batches(images.whole_images())[0] if image.study]
        loading.load_orthanc(server, loaded)
        dates = {}
        for image in loaded:
            date = str(images.read(image.path).get("StudyDate", "") or "")
            if date and images.read(image.path).get("Modality") == "CT":
                dates.setdefault(date, set()).add(image.study)
        day, studies = max(dates.items(), key=lambda entry: len(entry[1]))
        wanted = {image.sop_instance for image in loaded if image.study in studies}
        environment = {
            "PACS": f"{server.ae_title}@{servers.LOOPBACK}:{server.port}", "ROOT": self.folder, "MODALITY": "CT",
            "DCMSCU": programs.dcmscu_path(),
        }  # fmt: skip
        script = programs.REPOSITORY / "scripts" / "nightly-retrieve"
        first = programs.run(script, day, environment=environment, expect=0)
        came = {str(images.meta(path).MediaStorageSOPInstanceUID) for path in (self.folder / day).rglob("*.dcm")}
        self.assertEqual(came, wanted)
        summary = json.loads(first.stdout)
        self.assertEqual((summary["event"], summary["exitCode"], summary["done"]), ("summary", 0, len(wanted)))
        self.assertEqual(first.stderr, "")
        again = json.loads(programs.run(script, day, environment=environment, expect=0).stdout)
        self.assertEqual((again["done"], again["skipped"], again.get("serverCompleted")), (0, len(wanted), None))

    def test_a_setting_that_is_missing_or_wrong_is_a_usage_error(self):
        script = programs.REPOSITORY / "scripts" / "nightly-retrieve"
        good = {"PACS": SERVER, "ROOT": self.folder, "DCMSCU": programs.dcmscu_path()}
        for arguments, settings, named in (
            ((), {"PACS": ""}, "PACS"), (("yesterday",), {}, "YYYYMMDD"), ((DAY,), {"DCMSCU": "/nowhere/dcmscu"}, "/nowhere"),
            ((DAY,), {"ROOT": "/proc/nightly"}, "ROOT is /proc/nightly"), ((DAY,), {"MODALITY": "Mr"}, "MODALITY is Mr"),
            ((DAY,), {"SHARD": "9/8"}, "SHARD is 9/8"), ((DAY,), {"SHARD": "1"}, "SHARD is 1"),
        ):  # fmt: skip
            with self.subTest(named):
                run = programs.run(script, *arguments, environment={**good, **settings}, expect=2)
                self.assertIn(named, run.stderr)
                self.assertEqual(len(run.stderr.splitlines()), 1, run)
        self.assertEqual(list(self.folder.iterdir()), [])
        # One that only dcmscu can judge has its message, and no log to look into.
        run = programs.run(script, DAY, environment={**good, "JOBS": "many"}, expect=2)
        self.assertIn("--jobs", run.stderr)
        self.assertNotIn("cannot open", run.stderr)
        self.assertNotIn("log.messages", run.stderr)

    def test_a_day_without_studies_is_a_failure_if_asked_for_and_the_standard_error_says_why(self):
        server = self.serve(servers.Orthanc())
        environment = {
            "PACS": f"{server.ae_title}@{servers.LOOPBACK}:{server.port}", "ROOT": self.folder,
            "DCMSCU": programs.dcmscu_path(),
        }  # fmt: skip
        script = programs.REPOSITORY / "scripts" / "nightly-retrieve"
        self.assertEqual(programs.run(script, DAY, environment=environment, expect=0).stderr, "")
        run = programs.run(script, DAY, environment={**environment, "FAIL_IF_NONE": "1"}, expect=1)
        self.assertIn("exit code 1", run.stderr)
        self.assertIn("nothing matches", run.stderr)

    def test_the_line_of_cron_mails_nothing_of_a_good_night(self):
        """dcmqrscp does not know ModalitiesInStudy: what is left out by its series is no news."""
        server = self.serve(servers.DcmQRSCP())
        files = made_up_images(self.folder / "images")
        peer = ["--call", server.ae_title, servers.LOOPBACK, server.port]
        # Without compressed ones, which it does not take.
        dcmscu("--store", *peer, *files, expect=(0, 1))
        keys = ["-k", f"StudyDate={DAY}", "-k", "ModalitiesInStudy=MR"]
        run = dcmscu("--get", *peer, *keys, "--quiet", "-o", self.folder / "out", expect=0)
        self.assertEqual((run.stdout, run.stderr), ("", ""))
        self.assertEqual(len(list((self.folder / "out").iterdir())), sum(data_set(path).Modality == "MR" for path in files))
        run = dcmscu("--get", *peer, *keys, "-o", self.folder / "out", expect=0)
        self.assert_names(run, "note: ", "left out", "the series tell")
        # The list of a find is right, too: nothing to warn of.
        self.assert_names(dcmscu("--find", *peer, *keys, expect=0), "note: ", "left out", "the series tell")
        self.assertEqual(dcmscu("--find", *peer, *keys, "--quiet", expect=0).stderr, "")

    def test_a_server_that_fails_for_a_moment_is_tried_again_and_the_folder_holds_what_belongs_there(self):
        server = self.serve(PracticeArchive(options=["--inject", "reject=2"]))
        files = made_up_images(self.folder / "images")
        dcmscu("--store", "--retries", 5, "--retry-delay", 0.1, servers.LOOPBACK, server.port, *files, expect=0)
        root = self.folder / "root"
        environment = {
            "PACS": f"PRACTICE@{servers.LOOPBACK}:{server.port}", "ROOT": root, "DCMSCU": programs.dcmscu_path(), "JOBS": "1",
        }  # fmt: skip
        script = programs.REPOSITORY / "scripts" / "nightly-retrieve"
        failed = programs.run(script, DAY, environment={**environment, "RETRIES": "0"}, expect=5)
        self.assertIn("rejected", failed.stderr)
        for _ in range(2):
            run = programs.run(script, DAY, environment=environment, expect=0)
            self.assertEqual(run.stderr, "")
        # The journal and the other files of the script are beside what came, and no part of it.
        found = {path.name for path in (root / DAY).iterdir() if path.is_file()}
        self.assertEqual(found, {"log.journal", "log.jsonl", "log.lock", "log.messages"})
        came = list((root / DAY).rglob("*.dcm"))
        self.assertEqual(len(came), len(files))
        # As "{PatientID}: there is no journal yet" would be.
        self.assertNotIn("{PatientID}:", (root / DAY / "log.messages").read_text())
        for path in came:
            self.assertNotIn("{", str(path.relative_to(root)))

    def test_a_night_that_must_end_leaves_the_rest_to_the_next_run(self):
        server = self.serve(PracticeArchive(options=["--inject", "delay=1"]))
        files = made_up_images(self.folder / "images")
        dcmscu("--store", "--jobs", 8, servers.LOOPBACK, server.port, *files, expect=0)
        environment = {
            "PACS": f"PRACTICE@{servers.LOOPBACK}:{server.port}", "ROOT": self.folder, "DCMSCU": programs.dcmscu_path(), "JOBS": "1",
        }  # fmt: skip
        script = programs.REPOSITORY / "scripts" / "nightly-retrieve"
        end = datetime.datetime.now() + datetime.timedelta(seconds=3)
        run = programs.run(script, DAY, environment={**environment, "UNTIL": end.strftime("%H:%M:%S")}, expect=8)
        self.assert_names(run, "it is past", "requests not made")
        programs.run(script, DAY, environment=environment, expect=0)
        self.assertEqual(len(list((self.folder / DAY).rglob("*.dcm"))), len(files))
        wrong = programs.run(script, DAY, environment={**environment, "UNTIL": "morning"}, expect=2)
        self.assertIn("--until", wrong.stderr)


class NightlyFiles(cases.RealServerTest):
    """An archive with the made-up images, and a PATH on which dcmscu and nightly-retrieve are found."""

    def setUp(self):
        super().setUp()
        self.our_port = servers.free_port()
        self.archive = self.serve(PracticeArchive([("DCMSCU", self.our_port)]))
        self.files = made_up_images(self.folder / "images")
        dcmscu("--store", servers.LOOPBACK, self.archive.port, *self.files, expect=0)
        self.programs = self.folder / "bin"
        self.programs.mkdir()
        (self.programs / "dcmscu").symlink_to(programs.dcmscu_path())
        (self.programs / "nightly-retrieve").symlink_to(programs.REPOSITORY / "scripts" / "nightly-retrieve")

    def replaced(self, text):
        """The file's text, for this archive, this folder and our port."""
        self.assertIn(SERVER, text)
        text = text.replace(SERVER, f"ARCHIVE@{servers.LOOPBACK}:{self.archive.port}")
        return re.sub(r"(?<=ROOT=)/[\w/]+", str(self.folder / "root"), text).replace("PORT=11112", f"PORT={self.our_port}")

    def run_it(self, *command, **settings):
        """As cron, systemd and the others start it: from an environment that holds little."""
        environment = {"PATH": f"{self.programs}:{os.environ['PATH']}", "DCMSCU_CONFIG": "/dev/null", **settings}
        return run(*command, environment=environment, directory=self.folder, expect=0)

    def came(self):
        return sorted(path.name for path in (self.folder / "root" / DAY).rglob("*.dcm"))

    def expected(self, modality=None):
        return sorted(
            f"{entry.SOPInstanceUID}.dcm" for entry in map(data_set, self.files) if modality in (None, entry.Modality)
        )

    def test_every_file_is_tried_here(self):
        tried = {"crontab", "dcmscu-nightly.service", "dcmscu-nightly.timer", "kubernetes-job.yaml", "slurm-array.sbatch"}
        self.assertEqual({path.name for path in NIGHTLY.iterdir()}, tried)

    def test_crontab(self):
        settings, entries = {}, []
        for line in self.replaced((NIGHTLY / "crontab").read_text()).splitlines():
            if match := re.fullmatch(r"([A-Z_]+)=(.*)", line):
                settings[match.group(1)] = match.group(2)
            elif line and not line.startswith("#"):
                entries.append(cron_entry(line))
        self.assertEqual([when for when, _ in entries], [["0", "2,5", "*", "*", "*"]])
        settings.pop("MAILTO")
        ((_, command),) = entries
        # Cron mails what comes out: nothing of a good night.
        command, _, rest = command.partition(" >")
        self.assertEqual(rest, "/dev/null")
        script = self.installed(command)
        # Yesterday's studies: there are none.
        self.assertEqual(self.run_it(*script, **settings).stderr, "")
        self.assertEqual(self.run_it(*script, DAY, **settings).stderr, "")
        self.assertEqual(self.came(), self.expected("MR"))

    def installed(self, command):
        """The words of a command whose program stands in /usr/local/bin, as our own stands there once installed."""
        program, *arguments = shlex.split(command)
        self.assertEqual(os.path.dirname(program), "/usr/local/bin", command)
        return [self.programs / os.path.basename(program), *arguments]

    def test_systemd_units(self):
        service = self.unit("dcmscu-nightly.service", self.replaced)
        settings = dict(word.split("=", 1) for word in service["Service"]["Environment"].split())
        self.run_it(*self.installed(service["Service"]["ExecStart"]), DAY, **settings)
        self.assertEqual(self.came(), self.expected("MR"))
        self.assertEqual(service["Service"]["Type"], "oneshot")
        timer = self.unit("dcmscu-nightly.timer")
        self.assertRegex(timer["Timer"]["OnCalendar"], r"^\*-\*-\* \d\d:\d\d$")
        # A timer starts the service of its own name, and is enabled as its comment says.
        self.assertIn("Install", timer)
        for checker in (path for path in ("/usr/bin/systemd-analyze", "/bin/systemd-analyze") if os.access(path, os.X_OK)):
            self.verify(checker)
            break

    def unit(self, name, change=lambda text: text):
        parser = configparser.ConfigParser(delimiters=("=",), comment_prefixes=("#",), interpolation=None, strict=True)
        parser.optionxform = str
        parser.read_string(change((NIGHTLY / name).read_text()))
        return parser

    def verify(self, checker):
        """systemd's own opinion of the files, where it is installed."""
        for name in ("dcmscu-nightly.service", "dcmscu-nightly.timer"):
            text = (NIGHTLY / name).read_text().replace("/usr/local/bin/nightly-retrieve", str(self.programs / "nightly-retrieve"))
            (self.folder / name).write_text(text)
        for name in ("dcmscu-nightly.service", "dcmscu-nightly.timer"):
            said = run(checker, "verify", "--man=no", self.folder / name).said
            # It reports on other units of the machine, too.
            self.assertEqual([line for line in said.splitlines() if "dcmscu-nightly" in line], [], said)

    def test_slurm_array(self):
        """Every task with its number: together they fetch all, each study once."""
        script = self.folder / "array.sbatch"
        script.write_text(self.replaced((NIGHTLY / "slurm-array.sbatch").read_text()))
        run("/bin/bash", "-n", script, expect=0)
        options = re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", script.read_text(), re.M)
        self.assertEqual(len(options), script.read_text().count("#SBATCH"))
        first, last = map(int, dict(options)["array"].split("-"))
        self.assertIn(f"SHARD=$SLURM_ARRAY_TASK_ID/{last}\n", script.read_text())
        for task in range(first, last + 1):
            self.run_it("/bin/bash", script, DAY, SLURM_ARRAY_TASK_ID=str(task), SLURM_ARRAY_TASK_COUNT=str(last))
        self.assertEqual(self.came(), self.expected())

    def test_four_shares_by_a_real_slurm_of_which_one_is_killed_and_repeated(self):
        slow = self.serve(PracticeArchive(options=["--inject", "delay=1"]))
        dcmscu("--store", "--jobs", 8, servers.LOOPBACK, slow.port, *self.files, expect=0)
        node = self.serve(slurm.Node(self.serve(slurm.Controller(self.serve(slurm.Munge())))))
        script = self.folder / "array.sbatch"
        text = self.replaced((NIGHTLY / "slurm-array.sbatch").read_text()).replace("=1-8", "=1-4").replace("TASK_ID/8", "TASK_ID/4")
        self.assertEqual((text.count("1-4"), text.count("/4\n")), (1, 1))
        script.write_text(text.replace(f":{self.archive.port}", f":{slow.port}"))
        by_share = {}
        for number in range(1, 5):
            listed = dcmscu("--get", servers.LOOPBACK, self.archive.port, "-k", f"StudyDate={DAY}", "--shard", f"{number}/4", "--dry-run", expect=0)
            by_share[number] = len(listed.stdout.splitlines()) - 1
        # The share with most studies is killed when it has begun.
        killed = max(by_share, key=by_share.get)
        self.assertGreater(by_share[killed], 0)
        environment = {
            "PATH": f"{self.programs}:{os.environ['PATH']}", "DCMSCU_CONFIG": "/dev/null", **node.environment,
        }  # fmt: skip

        def submit(*options):
            output = f"--output={self.folder}/slurm-%a.txt"
            return run("sbatch", "--parsable", output, *options, script, DAY, environment=environment, expect=0).stdout.strip()

        def states(job):
            """The state of each task."""
            said = run("scontrol", "--oneliner", "show", "job", job, environment=environment, expect=0).stdout
            return {int(number): state for number, state in re.findall(r"ArrayTaskId=(\d+) .*? JobState=(\S+)", said)}

        job = submit()
        log = self.folder / "root" / DAY / f"log.{killed}.messages"
        self.wait_for(log.exists)
        run("scancel", "--signal=KILL", "--full", f"{job}_{killed}", environment=environment, expect=0)
        ended = {"COMPLETED", "FAILED", "CANCELLED"}
        self.wait_for(lambda: len(states(job)) == 4 and set(states(job).values()) <= ended)
        self.assertEqual([number for number, state in states(job).items() if state != "COMPLETED"], [killed])
        before = self.came()
        self.assertLess(len(before), len(self.expected()))
        again = submit(f"--array={killed}")
        self.wait_for(lambda: states(again) and set(states(again).values()) <= ended)
        self.assertEqual(set(states(again).values()), {"COMPLETED"})
        # The union is whole, and nothing is there twice.
        self.assertEqual(self.came(), self.expected())
        self.assertFalse([path for path in (self.folder / "root").rglob("*") if path.name.startswith(".")])

    def test_kubernetes_job(self):
        """The command of the container for each index, with what the Job gives it."""
        import yaml

        self.assert_of_schema(NIGHTLY / "kubernetes-job.yaml")
        job = yaml.safe_load(self.replaced((NIGHTLY / "kubernetes-job.yaml").read_text()))
        self.assertEqual((job["apiVersion"], job["kind"]), ("batch/v1", "Job"))
        spec = job["spec"]
        self.assertEqual(spec["completionMode"], "Indexed")
        # backoffLimitPerIndex and a failure policy go with this alone.
        self.assertEqual(spec["template"]["spec"]["restartPolicy"], "Never")
        (container,) = spec["template"]["spec"]["containers"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        self.assertEqual(set(mounts), {volume["name"] for volume in spec["template"]["spec"]["volumes"]})
        settings = {entry["name"]: entry["value"] for entry in container["env"]}
        self.assertEqual(settings["ROOT"], mounts["data"])
        settings["ROOT"] = self.folder / "root"
        shell, option, line = container["command"]
        for index in range(spec["completions"]):
            # A day of ours in place of yesterday.
            self.run_it(shell, option, f"{line} {DAY}", JOB_COMPLETION_INDEX=str(index), **settings)
        self.assertEqual(self.came(), self.expected())
        self.assertIn(f"/{spec['completions']} ", line, "the shares are as many as the pods")

    def assert_of_schema(self, path):
        """Kubernetes' own schema has every member of the manifest, and would refuse one that it has not."""
        check = "import sys, yaml, kubernetes_validate as k; k.validate(yaml.safe_load(sys.stdin), k.latest_version(), strict=True)"
        run(PYTHON, "-c", check, stdin=path.read_bytes(), expect=0)
        wrong = path.read_bytes().replace(b"completionMode:", b"completionMood:")
        self.assertIn("completionMood", run(PYTHON, "-c", check, stdin=wrong, expect=1).stderr)
