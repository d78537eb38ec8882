"""C-ECHO: is the peer there, and does it speak DICOM."""

from harness import cases, servers
from harness.programs import dcmscu


class Echo(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.orthanc = cls.serve_all(servers.Orthanc())
        cls.storescp = cls.serve_all(servers.StoreSCP())
        cls.dcmqrscp = cls.serve_all(servers.DcmQRSCP())

    def test_every_server_answers_and_the_exit_code_is_0(self):
        for server in (self.orthanc, self.storescp, self.dcmqrscp):
            dcmscu("--echo", servers.LOOPBACK, server.port, "--call", server.ae_title, expect=0)

    def test_echo_is_what_happens_when_no_operation_is_named(self):
        dcmscu(servers.LOOPBACK, self.orthanc.port, expect=0)

    def test_host_and_port_may_be_options(self):
        dcmscu("--echo", "-H", servers.LOOPBACK, "-p", self.orthanc.port, expect=0)
        dcmscu("--echo", f"--hostname={servers.LOOPBACK}", f"--port={self.orthanc.port}", expect=0)

    def test_a_host_name_is_looked_up(self):
        dcmscu("--echo", "localhost", self.orthanc.port, expect=0)

    def test_verbose_echo_still_ends_in_0(self):
        dcmscu("--echo", "-V", servers.LOOPBACK, self.storescp.port, expect=0)
        dcmscu("--echo", "-D", servers.LOOPBACK, self.storescp.port, expect=0)

    def test_a_closed_port_is_exit_code_4_and_the_message_names_it(self):
        port = servers.free_port()
        run = dcmscu("--echo", servers.LOOPBACK, port, expect=4)
        self.assert_names(run, servers.LOOPBACK, port, "refused")

    def test_a_name_that_does_not_exist_is_exit_code_4(self):
        run = dcmscu("--echo", "no-such-host.invalid", 104, expect=4)
        self.assert_names(run, "no-such-host.invalid")

    def test_a_refused_association_is_exit_code_5(self):
        server = self.serve(servers.StoreSCP("--refuse"))
        dcmscu("--echo", servers.LOOPBACK, server.port, expect=5)

    def test_a_server_that_checks_its_title_rejects_another_title_in_words(self):
        server = self.serve(servers.Orthanc(DicomCheckCalledAet=True))
        dcmscu("--echo", servers.LOOPBACK, server.port, "--call", "ORTHANC", expect=0)
        run = dcmscu("--echo", servers.LOOPBACK, server.port, "--call", "SOMEBODYELSE", expect=5)
        self.assert_names(run, "called AE title")
