"""Real DICOM files, and the comparison of data sets."""

import collections
import functools
import pathlib
import struct
import warnings
import zlib

import pydicom
import pydicom.config
import pydicom.filereader

# pydicom is the referee for equality, not for conformance: values of real files break rules.
warnings.filterwarnings("ignore", module="pydicom")

DATA = pathlib.Path(pydicom.__file__).parent / "data"

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
NATIVE = {IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG}

# Cut off in the middle of a value: a sender that sends them loses data silently, or pads them with lies.
TRUNCATED = {"MR_truncated.dcm", "rtplan_truncated.dcm"}

# Says JPEG Baseline, which is explicit VR, and is written in implicit VR: no reader that believes the header can read it.
MISLABELLED = {"SC_rgb_jpeg.dcm"}

# Written with the VR UN throughout: servers that believe it find no SOP Instance UID in the data set.
UNKNOWN_REPRESENTATIONS = {"rtdose_rle.dcm", "rtdose_rle_1frame.dcm"}


class Image:
    """A real file that has a SOP Class UID and a SOP Instance UID."""

    def __init__(self, path, dataset):
        self.path = path
        self.sop_class = str(dataset.SOPClassUID)
        self.sop_instance = str(dataset.SOPInstanceUID)
        self.patient = _text(dataset, "PatientID")
        self.patient_name = _text(dataset, "PatientName")
        self.study = _text(dataset, "StudyInstanceUID")
        self.series = _text(dataset, "SeriesInstanceUID")
        self.has_meta = "TransferSyntaxUID" in getattr(dataset, "file_meta", {})
        self.syntax = str(dataset.file_meta.TransferSyntaxUID) if self.has_meta else _guessed_syntax(dataset)

    @property
    def name(self):
        return self.path.name

    def __repr__(self):
        return self.name


def _text(dataset, keyword):
    value = dataset.get(keyword)
    return "" if value is None else str(value)


def _guessed_syntax(dataset):
    if not dataset.is_little_endian:
        return EXPLICIT_BIG
    return IMPLICIT_LITTLE if dataset.is_implicit_VR else EXPLICIT_LITTLE


@functools.cache
def real_images():
    """All of python3-pydicom's files, in a stable order, that can be stored at all."""
    found = []
    for path in sorted(DATA.rglob("*")):
        if not path.is_file() or path.suffix in (".py", ".pyc", ".json", ".txt", ".gz", ".dump"):
            continue
        dataset = read(path)
        if dataset.get("SOPClassUID") and dataset.get("SOPInstanceUID"):
            found.append(Image(path, dataset))
    assert len(found) >= 94, f"only {len(found)} files in {DATA}: is python3-pydicom whole?"
    return found


def whole_images():
    return [image for image in real_images() if image.name not in TRUNCATED | MISLABELLED]


def image(name):
    (found,) = [image for image in real_images() if image.name == name]
    return found


def archive_images():
    """Uncompressed instances of several patients, studies and series, each SOP Instance UID once: a small archive."""
    return [image for image in batches(whole_images())[0] if "dicomdirtests" in image.path.parts]


def batches(images):
    """Splits into lists in which no SOP Instance UID occurs twice: several real files are variants of one instance."""
    rounds = []
    count = collections.Counter()
    for image in images:
        number = count[image.sop_instance]
        count[image.sop_instance] += 1
        while len(rounds) <= number:
            rounds.append([])
        rounds[number].append(image)
    return rounds


def read(source):
    """Reads a file (path or bytes) whole; the values are converted when they are compared."""
    if isinstance(source, bytes):
        source = pydicom.filebase.DicomBytesIO(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(source, force=True)


def data_set_bytes(path):
    """The bytes after the File Meta Information; the whole file where there is none.

    Written by hand on purpose: independent of our code, and of pydicom's idea of what may be changed.
    """
    data = pathlib.Path(path).read_bytes()
    if data[128:132] != b"DICM":
        offset = 0
    else:
        offset = 132
    while data[offset : offset + 2] == b"\x02\x00":
        vr = data[offset + 4 : offset + 6]
        if vr in (b"OB", b"UN", b"OW", b"SQ", b"UT"):
            (length,) = struct.unpack_from("<I", data, offset + 8)
            offset += 12 + length
        else:
            (length,) = struct.unpack_from("<H", data, offset + 6)
            offset += 8 + length
    return data[offset:]


def meta(path):
    """The File Meta Information of a file that must have one."""
    data = pathlib.Path(path).read_bytes()
    assert data[:132] == bytes(128) + b"DICM", f"{path}: not a zero preamble and DICM"
    return read(data).file_meta


def differences(left, right, where=""):
    """How two data sets differ, element by element, as lines; empty if they are equal.

    Compared are tags, VRs where both sides know them, and values as bytes: numbers in little endian, text without its padding,
    pixels as they are. Group lengths are retired and recomputed by servers, so they are passed over; so is trailing padding.
    """
    found = []
    left_tags = {tag for tag in left.keys() if _counts(tag)}
    right_tags = {tag for tag in right.keys() if _counts(tag)}
    for tag in sorted(left_tags ^ right_tags):
        found.append(f"{where}{tag}: only {'sent' if tag in left_tags else 'received'}")
    for tag in sorted(left_tags & right_tags):
        one, two = _element(left, tag), _element(right, tag)
        if one.VR == "SQ" and two.VR == "SQ":
            if len(one.value) != len(two.value):
                found.append(f"{where}{tag}: {len(one.value)} items, {len(two.value)} received")
                continue
            for number, (item, other) in enumerate(zip(one.value, two.value)):
                found += differences(item, other, f"{where}{tag}[{number}].")
            continue
        a, b = _plain(_little(left, one)), _plain(_little(right, two))
        if a != b:
            found.append(f"{where}{tag} {one.VR}/{two.VR}: {_short(a)} != {_short(b)}")
    return found


def _counts(tag):
    return tag.element != 0 and tag != 0xFFFCFFFC


def _element(dataset, tag):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dataset[tag]


# Words of these representations stay in the file's byte order when pydicom reads them.
_WORD_SIZES = {"OW": 2, "OL": 4, "OF": 4, "OD": 8, "OV": 8}


def _little(dataset, element):
    """The value of an element with its words in little endian."""
    size = _WORD_SIZES.get(element.VR)
    value = element.value
    if size is None or dataset.is_little_endian is not False or not isinstance(value, bytes) or len(value) % size:
        return value
    swapped = bytearray(len(value))
    for place in range(size):
        swapped[place::size] = value[size - 1 - place :: size]
    return bytes(swapped)


def _plain(value):
    """A value in a form that does not depend on padding, VR classes of pydicom or on how numbers were written."""
    if value is None or value == "":
        return ""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).rstrip(b"\0 ") if len(value) < 4096 else bytes(value)
    if isinstance(value, (list, tuple, pydicom.multival.MultiValue)):
        return [_plain(part) for part in value] if len(value) else ""
    return str(value).strip(" \0")


def _short(value):
    text = repr(value)
    return text if len(text) < 120 else text[:117] + "..."


def inflated(data):
    """A deflated data set's bytes."""
    return zlib.decompress(data, -zlib.MAX_WBITS)
