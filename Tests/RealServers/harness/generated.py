"""Small instances made by the thousand: where only their number matters."""

import datetime

from . import wire

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
ROOT = "2.25.71"


def write_instances(folder, count, series_size=100):
    """Writes `count` instances of one patient, a study of series with `series_size` each. Gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        path = folder / f"{number:06}.dcm"
        path.write_bytes(instance(number, series=number // series_size))
        paths.append(path)
    return paths


def write_studies(folder, count, first=datetime.date(2016, 1, 1), days=3650):
    """Writes `count` studies of one instance each, spread evenly over so many days. Gives their UIDs with their dates."""
    folder.mkdir(parents=True, exist_ok=True)
    studies = {}
    for number in range(count):
        date = (first + datetime.timedelta(days=number * days // count)).strftime("%Y%m%d")
        uid = f"{ROOT}.4.{number}"
        (folder / f"{number:06}.dcm").write_bytes(instance(number, series=number, study=uid, date=date))
        studies[uid] = date
    return studies


def sop_instance(number):
    return f"{ROOT}.3.{number}"


def instance(number, series=0, study=f"{ROOT}.1", date=None):
    """A Part 10 file in Implicit VR Little Endian, without pixels."""
    body = wire.element(0x0008, 0x0016, wire.uid(SECONDARY_CAPTURE))
    body += wire.element(0x0008, 0x0018, wire.uid(sop_instance(number)))
    if date:
        body += wire.element(0x0008, 0x0020, date.encode())
        body += wire.element(0x0008, 0x0030, b"%02d0000" % (number % 24))
    body += wire.element(0x0008, 0x0060, b"OT")
    body += wire.element(0x0010, 0x0010, b"GENERATED ")
    body += wire.element(0x0010, 0x0020, b"G1")
    body += wire.element(0x0020, 0x000D, wire.uid(study))
    body += wire.element(0x0020, 0x000E, wire.uid(f"{ROOT}.2.{series}"))
    body += wire.element(0x0020, 0x0013, str(number).ljust(len(str(number)) + len(str(number)) % 2).encode())
    return _header(number) + body


def _header(number):
    """Preamble and group 0002, which is always Explicit VR."""

    def explicit(element, vr, value):
        head = (2).to_bytes(2, "little") + element.to_bytes(2, "little") + vr
        return head + len(value).to_bytes(2, "little") + value

    group = (
        b"\x02\0\x01\0OB\0\0\x02\0\0\0\0\x01"
        + explicit(0x0002, b"UI", wire.uid(SECONDARY_CAPTURE))
        + explicit(0x0003, b"UI", wire.uid(sop_instance(number)))
        + explicit(0x0010, b"UI", wire.uid(wire.IMPLICIT_LITTLE))
        + explicit(0x0012, b"UI", wire.uid(f"{ROOT}.9"))
    )
    return bytes(128) + b"DICM" + explicit(0x0000, b"UL", len(group).to_bytes(4, "little")) + group
