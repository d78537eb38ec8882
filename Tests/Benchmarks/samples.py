"""Makes the files that are sent and fetched: of real size and structure, with pixels that do not matter."""

import datetime
import os
import pathlib
import random
import struct
import warnings

import pydicom
import pydicom.uid

warnings.filterwarnings("ignore", module="pydicom")

ROOT = "1.2.826.0.1.3680043.10.999"
STUDY = f"{ROOT}.1"
TEMPLATE = pathlib.Path(pydicom.__file__).parent / "data" / "test_files" / "CT_small.dcm"


def ct(folder, count):
    """CT slices of 512 x 512, 0.53 MB each."""
    return _series(folder, count, 512, 512, series=1)


def small(folder, count):
    """Files of 16 KB, five to a study: associations that send at once have a study each."""
    return _series(folder, count, 64, 112, series=2, of_study=5)


def one_study(folder, count):
    """Files of 16 KB of one series: there is nothing larger to share."""
    return _series(folder, count, 64, 112, series=5)


def few_studies(folder, count, of_study):
    """Files of 8 KB of a few large studies: more of one than several associations have waiting."""
    return _series(folder, count, 32, 32, series=6, of_study=of_study)


def tiny(folder):
    """One file of 8 KB in the study."""
    return _series(folder, 1, 32, 32, series=4)


def _image(rows, columns):
    """The template with pixels of its own."""
    dataset = pydicom.dcmread(TEMPLATE)
    dataset.Rows, dataset.Columns = rows, columns
    dataset.PixelData = os.urandom(rows * columns * 2)
    return dataset


def studies(folder, count):
    """Studies of one file of 16 KB, each with a series and a day of its own."""
    if folder.is_dir():
        return sorted(folder.iterdir())
    folder.mkdir()
    dataset = _image(64, 112)
    for number in range(100000, 100000 + count):
        dataset.StudyInstanceUID = f"{STUDY}.{number}"
        dataset.SeriesInstanceUID = f"{STUDY}.7.{number}"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{STUDY}.8.{number}"
        day = datetime.date(2024, 1, 1) + datetime.timedelta(days=number - 100000)
        dataset.StudyDate = day.strftime("%Y%m%d")
        dataset.save_as(folder / f"{number}.dcm")
    return sorted(folder.iterdir())


def series(folder, count, of_series):
    """Files of 16 KB of series of one study."""
    if folder.is_dir():
        return sorted(folder.iterdir())
    folder.mkdir()
    dataset = _image(64, 112)
    dataset.StudyInstanceUID = STUDY
    for number in range(100000, 100000 + count):
        dataset.SeriesInstanceUID = f"{STUDY}.9.{100000 + (number - 100000) // of_series}"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{STUDY}.10.{number}"
        dataset.save_as(folder / f"{number}.dcm")
    return sorted(folder.iterdir())


def _series(folder, count, rows, columns, series, of_study=None):
    if folder.is_dir():
        return sorted(folder.iterdir())
    folder.mkdir()
    dataset = _image(rows, columns)
    # As long as every other UID: a different length would move the bytes after it.
    study = f"{STUDY}.100000" if of_study else STUDY
    dataset.StudyInstanceUID = study
    dataset.SeriesInstanceUID = f"{STUDY}.{series}"
    first = f"{STUDY}.{series}.{100000}"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = first
    path = folder / "100000.dcm"
    dataset.save_as(path)
    # The others differ in their number only: replacing it in the bytes is faster than writing each anew.
    data = path.read_bytes()
    for number in range(100001, 100000 + count):
        copy = data.replace(first.encode(), f"{STUDY}.{series}.{number}".encode())
        if of_study:
            other = f"{STUDY}.{100000 + (number - 100000) // of_study}"
            copy = copy.replace(f"{study}\0".encode(), f"{other}\0".encode())
        (folder / f"{number}.dcm").write_bytes(copy)
    return sorted(folder.iterdir())


def large(folder, size=1 << 30):
    """One multi-frame file of 1 GiB."""
    path = folder / "large.dcm"
    if path.exists():
        return path
    folder.mkdir()
    dataset = pydicom.dcmread(TEMPLATE)
    for tag in [element.tag for element in dataset if element.tag > 0x00280010 or element.tag.is_private]:
        del dataset[tag]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7.3"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{STUDY}.3.1"
    dataset.StudyInstanceUID = STUDY
    dataset.SeriesInstanceUID = f"{STUDY}.3"
    dataset.NumberOfFrames = size // (1024 * 1024 * 2)
    dataset.Rows = dataset.Columns = 1024
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 0
    dataset.save_as(path)
    chunk = os.urandom(1 << 20)
    with open(path, "ab") as file:
        file.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, size))
        for _ in range(size // len(chunk)):
            file.write(chunk)
    return path


def many(folder, source, count):
    """`count` names in nested folders, links to a few files of 16 KB: what matters is the number of names."""
    if folder.is_dir():
        return folder
    files = small(source, 2000)
    for number in range(count):
        below = folder / f"{number // 10000}" / f"{number // 100 % 100}"
        below.mkdir(parents=True, exist_ok=True)
        os.link(files[number % len(files)], below / f"{number}.dcm")
    return folder


def archive(folder, count, of_study=100, of_series=25):
    """What an archive holds: `count` CT of 4 KB, a folder for each study, two studies of each patient, several series of each
    study. Every instance has its own UID, number and position."""
    if folder.is_dir():
        return folder
    folder.mkdir()
    dataset = _image(8, 8)
    # As long as what will stand in their places: a different length would move the bytes after it.
    patient, study, series, one = b"71717", b"727272", b"737373", b"747474"
    dataset.PatientID, dataset.PatientName = "PID71717", "NAME71717^FIRST"
    dataset.StudyDate = dataset.SeriesDate = "20240229"
    dataset.AccessionNumber, dataset.StudyDescription = "A727272", "STUDY 727272"
    dataset.StudyInstanceUID = f"{STUDY}.1796056230.727272"
    dataset.SeriesNumber, dataset.SeriesInstanceUID = 737373, f"{dataset.StudyInstanceUID}.737373"
    dataset.SliceLocation, dataset.ImagePositionPatient = -747474, ["-158.135803", "-179.035797", "-747474"]
    dataset.InstanceNumber, dataset.SOPInstanceUID = 747474, f"{dataset.SeriesInstanceUID}.747474"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    path = folder / "template"
    dataset.save_as(path)
    template = path.read_bytes()
    path.unlink()
    for number in range(count):
        if number % of_study == 0:
            place = number // of_study
            day = datetime.date(2024, 1, 1) + datetime.timedelta(days=place % 366)
            of_this = template.replace(patient, b"%05d" % (place // 2)).replace(study, b"%d" % (100000 + place))
            of_this = of_this.replace(b"20240229", day.strftime("%Y%m%d").encode())
            below = folder / f"{place:05}"
            below.mkdir()
        if number % of_series == 0:
            part = of_this.replace(series, b"%d" % (100001 + number % of_study // of_series))
        (below / f"{number % of_study:04}.dcm").write_bytes(part.replace(one, b"%d" % (100001 + number % of_study)))
    return folder


def store_journal(path, peer, count):
    """The journal of a run that has sent so many instances."""
    with open(path, "w", encoding="ascii") as file:
        file.write(f'{{"journal":"dcmscu","version":1,"operation":"store","peer":"{peer}"}}\n')
        for number in range(count):
            file.write(
                f'{{"time":"2026-11-30T16:30:44.013Z","path":"/archive/incoming/{number:07}.dcm",'
                f'"sopClassUID":"1.2.840.10008.5.1.4.1.1.2","sopInstanceUID":"{STUDY}.2.{number:07}",'
                f'"studyInstanceUID":"{STUDY}.100000","seriesInstanceUID":"{STUDY}.2",'
                '"transferSyntaxUID":"1.2.840.10008.1.2.1","bytes":20730,"modified":1796056230309093541,'
                '"outcome":"done","status":"0000H","attempts":1}\n'
            )


def shuffled_list(path, count):
    """A list of instances of which fifty are of a series, in no order."""
    numbers = list(range(count))
    random.Random(7).shuffle(numbers)
    with open(path, "w", encoding="ascii") as file:
        file.write("StudyInstanceUID,SeriesInstanceUID,SOPInstanceUID\n")
        for number in numbers:
            series = f"{STUDY}.8.{number // 100},{STUDY}.8.{number // 100}.{number // 50 % 2}"
            file.write(f"{series},{STUDY}.8.{number // 100}.{number // 50 % 2}.{number}\n")


def retrieval_list(path, count):
    """A list of studies as another system gives it."""
    with open(path, "w", encoding="ascii") as file:
        file.write("PatientID,AccessionNumber,StudyInstanceUID,StudyDate\n")
        for number in range(count):
            file.write(f"P{number:08}, A{number:08} ,{STUDY}.7.{number},20240517\n")
