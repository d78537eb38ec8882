"""A server of storage commitment that does what a test tells it, message by message."""

import socket
import threading

from . import cases, images, programs, servers, wire

TITLE = "DCMSCU"
CLASS = "1.2.840.10008.1.20.1"
INSTANCE = "1.2.840.10008.1.20.1.1"


class Request:
    """An N-ACTION-RQ that has arrived, and the ways to answer it."""

    def __init__(self, server, association, command, data_set):
        self.server, self.association, self.command = server, association, command
        found = wire.elements(data_set)
        self.transaction = wire.text(found[(0x0008, 0x1195)])
        self.references = [
            (wire.text(item[(0x0008, 0x1150)]), wire.text(item[(0x0008, 0x1155)]))
            for item in wire.items(found[(0x0008, 0x1199)])
        ]

    def respond(self, status=0):
        self.association.send(
            {
                "field": wire.N_ACTION | wire.RESPONSE,
                "affected_class": CLASS,
                "affected_instance": INSTANCE,
                "answers": self.command["message_id"],
                "status": status,
            }
        )

    def result(self, committed=None, failed=(), transaction=None, padding=b"\0"):
        """The data set of a report; everything asked for is committed unless told otherwise."""
        committed = self.references if committed is None else committed
        data = wire.element(0x0008, 0x1195, wire.uid(transaction or self.transaction, padding))
        if failed:
            data += wire.sequence(0x0008, 0x1198, [_item(reference, padding, reason) for reference, reason in failed])
        if committed:
            data += wire.sequence(0x0008, 0x1199, [_item(reference, padding) for reference in committed])
        return data

    def report(self, data=None, message_id=1, association=None, event_type=None):
        """Sends a report and takes the answer to it; by default on the association of the request. Gives the status."""
        data = self.result() if data is None else data
        if event_type is None:
            event_type = 2 if (0x0008, 0x1198) in wire.elements(data) else 1
        association = association or self.association
        association.send(
            {
                "field": wire.N_EVENT_REPORT,
                "affected_class": CLASS,
                "affected_instance": INSTANCE,
                "message_id": message_id,
                "event_type": event_type,
            },
            data,
        )
        answer, data_set = association.receive()
        while not answer["field"] & wire.RESPONSE:
            # The next request of the client, which need not wait for us.
            self.server.early.append((answer, data_set))
            answer, data_set = association.receive()
        assert answer["field"] == wire.N_EVENT_REPORT | wire.RESPONSE, answer
        assert answer["answers"] == message_id, answer
        assert answer.get("affected_class") == CLASS and answer.get("affected_instance") == INSTANCE, answer
        self.server.statuses.append(answer["status"])
        return answer["status"]

    def report_on_new_association(self, *results, called=None, calling=None):
        """As most servers do it: we open the association as the SCP of the class, and say so."""
        association = wire.Association.request(
            self.server.port_of_client, called or self.association.calling, calling or self.association.called, CLASS,
            (0, 1),
        )
        assert association.roles.get(CLASS) == (0, 1), f"role selection answered with {association.roles}"
        assert association.contexts, "the class was not accepted"
        for data in results or (self.result(),):
            self.report(data, association=association)
        association.release()


class CommitmentServer:
    """Listens on loopback and gives each N-ACTION to `script`, a function of a Request. Use as a context manager.

    The associations stay open until the other side ends them, unless the script does.
    """

    def __init__(self, script, port_of_client=None, refuse=()):
        self.script, self.port_of_client, self.refuse = script, port_of_client, refuse
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        # The responses of the program to each report, and its requests.
        self.statuses, self.requests, self.stored = [], [], []
        # The statuses of the responses to C-STORE.
        self.store_status = 0
        # How associations ended, and the errors of our own threads.
        self.ends, self.problems = [], []
        self.threads = []
        # Requests that came while a script waited for an answer.
        self.early = []

    def __enter__(self):
        self.start(self._accept)
        return self

    def __exit__(self, *_):
        # Wakes the thread that waits in accept(), which close() alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(wire.LIMIT)

    def start(self, body, *arguments):
        thread = threading.Thread(target=self._guarded, args=(body, *arguments), daemon=True)
        self.threads.append(thread)
        thread.start()

    def _guarded(self, body, *arguments):
        try:
            body(*arguments)
        except wire.Ended as end:
            self.ends.append(end.how)
        except Exception as problem:  # noqa: BLE001: shown by the test
            self.problems.append(repr(problem))

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.start(self._serve, connection)

    def _serve(self, connection):
        association = wire.Association.accept(connection, self.refuse)
        while association.is_open:
            command, data_set = self.early.pop(0) if self.early else association.receive()
            if command["field"] == wire.STORE:
                self.stored.append(command["affected_instance"])
                association.send(
                    {
                        "field": wire.STORE | wire.RESPONSE,
                        "affected_class": command["affected_class"],
                        "affected_instance": command["affected_instance"],
                        "answers": command["message_id"],
                        "status": self.store_status,
                    },
                    context=next(
                        number for number, name in association.contexts.items() if name == command["affected_class"]
                    ),
                )
                continue
            assert command["field"] == wire.N_ACTION, command
            assert command["requested_class"] == CLASS and command["requested_instance"] == INSTANCE, command
            assert command["action_type"] == 1, command
            request = Request(self, association, command, data_set)
            self.requests.append(request)
            self.script(request)


def _item(reference, padding, reason=None):
    sop_class, instance = reference
    data = wire.element(0x0008, 0x1150, wire.uid(sop_class, padding))
    data += wire.element(0x0008, 0x1155, wire.uid(instance, padding))
    if reason is not None:
        data += wire.element(0x0008, 0x1197, reason.to_bytes(2, "little"))
    return data


class CommitmentTest(cases.RealServerTest):
    """Runs the program against a script."""

    def setUp(self):
        super().setUp()
        self.port_scp = servers.free_port()
        self.batch = [images.image("CT_small.dcm"), images.image("MR_small.dcm")]

    def commit(self, script, *options, expect, listens=True, wait="5", refuse=(), count=2):
        """Runs --stgcmt against the script. Gives (run, server)."""
        with CommitmentServer(script, self.port_scp, refuse) as server:
            receiver = ["--port-scp", self.port_scp] if listens else []
            run = programs.dcmscu(
                "--stgcmt", "--aetitle", TITLE, "--call", "SERVER", "--wait", wait, *receiver, *options,
                servers.LOOPBACK, server.port, *(image.path for image in self.batch[:count]), expect=expect,
            )  # fmt: skip
        self.assertEqual(server.problems, [], run)
        return run, server

    def assert_lines(self, run, *starts):
        lines = run.stdout.splitlines()
        self.assertEqual(len(lines), len(starts), run)
        for line, start, image in zip(lines, starts, self.batch):
            self.assertEqual(" ".join(line.split()[: len(start.split())]), start, run)
            self.assertIn(image.sop_instance, line, run)
