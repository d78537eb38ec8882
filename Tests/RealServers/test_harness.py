"""The harness itself, with DCMTK's own clients: if these fail, the servers are to blame and not our program."""

from harness import cases, images, loading, servers


class HarnessWithOtherClients(cases.RealServerTest):
    def test_every_server_answers_echoscu(self):
        for server in (servers.Orthanc(), servers.StoreSCP(), servers.DcmQRSCP()):
            self.serve(server)
            servers.run_dcmtk("echoscu", "-aec", server.ae_title, servers.LOOPBACK, server.port, expect=0)

    def test_a_stopped_server_is_gone(self):
        server = servers.DcmQRSCP()
        with server:
            self.assertTrue(servers.accepts_connections(server.port))
        self.assertFalse(servers.accepts_connections(server.port))
        self.assertFalse(server.folder.exists())

    def test_getscu_and_movescu_bring_what_storescu_sent(self):
        port = servers.free_port()
        server = self.serve(servers.DcmQRSCP([("MOVESCU", port)]))
        batch = [i for i in images.archive_images() if i.study == images.archive_images()[0].study]
        loading.load_dcmqrscp(server, batch)
        for name, *more in (("getscu",), ("movescu", "-aet", "MOVESCU", "--port", port)):
            out = self.folder / name
            out.mkdir()
            # movescu +B writes into its working folder, whatever -od says.
            servers.run_dcmtk(
                name, *more, "-S", "+B", "-aec", server.ae_title, "-k", "8,52=STUDY", "-k", f"20,d={batch[0].study}",
                "-od", out, servers.LOOPBACK, server.port, expect=0, directory=out,
            )  # fmt: skip
            came = {str(images.read(path).SOPInstanceUID): path for path in out.iterdir()}
            self.assertEqual(set(came), {image.sop_instance for image in batch})
            self.assert_equal_data_sets(
                (image.name, images.read(image.path), images.read(came[image.sop_instance])) for image in batch
            )

    def test_the_comparison_sees_a_changed_value_a_missing_and_an_added_element(self):
        one, two = images.read(images.image("CT_small.dcm").path), images.read(images.image("CT_small.dcm").path)
        self.assertEqual(images.differences(one, two), [])
        two.PatientName = "Somebody^Else"
        del two[0x0008, 0x0060]
        two.PatientComments = "new"
        self.assertEqual(len(images.differences(one, two)), 3)

    def test_the_comparison_knows_byte_orders_and_representations(self):
        one = images.read(images.image("MR_small.dcm").path)
        for other in ("MR_small_implicit.dcm", "MR_small_bigendian.dcm"):
            found = [d for d in images.differences(one, images.read(images.image(other).path)) if "(7fe0" not in d]
            self.assertLess(len(found), 5, found)
