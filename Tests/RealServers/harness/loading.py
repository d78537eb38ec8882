"""Fills servers without our own program, so that a test of one operation does not lean on another."""

from . import images, servers

# DCMTK's options for the one compressed syntax that dcmqrscp is to prefer, and storescu to propose.
DCMTK_SYNTAX_OPTIONS = {
    "1.2.840.10008.1.2.4.50": "xy",
    "1.2.840.10008.1.2.4.51": "xx",
    "1.2.840.10008.1.2.4.70": "xs",
    "1.2.840.10008.1.2.4.80": "xt",
    "1.2.840.10008.1.2.4.90": "xv",
    "1.2.840.10008.1.2.4.91": "xw",
    "1.2.840.10008.1.2.5": "xr",
    "1.2.840.10008.1.2.1.99": "xd",
    "1.2.840.10008.1.2.2": "xb",
    "1.2.840.10008.1.2.1": "xe",
    "1.2.840.10008.1.2": "xi",
}


def load_orthanc(server, batch):
    """By REST: Orthanc then has the files as they are on disk."""
    for image in batch:
        server.rest("/instances", "POST", image.path.read_bytes())


def load_dcmqrscp(server, batch):
    """By DCMTK's storescu, proposing for every file its own syntax."""
    by_syntax = {}
    for image in batch:
        by_syntax.setdefault(image.syntax, []).append(image.path)
    for syntax, paths in by_syntax.items():
        servers.run_dcmtk(
            "storescu", f"-{DCMTK_SYNTAX_OPTIONS[syntax]}", "-aec", server.ae_title, "-R",
            servers.LOOPBACK, server.port, *paths, expect=0,
        )  # fmt: skip


def images_by_syntax():
    """Transfer syntax -> images of it, each SOP Instance UID once, that storescu can read."""
    found = {}
    for image in images.whole_images():
        if image.has_meta and image.study and image.name not in images.UNKNOWN_REPRESENTATIONS:
            found.setdefault(image.syntax, []).append(image)
    return {syntax: images.batches(batch)[0] for syntax, batch in found.items()}
