"""Encrypted backups: streams in, streams out, and everything that must not be unpacked."""

import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pyrage = pytest.importorskip("pyrage")

from pii_retention.backups import places, sealing  # noqa: E402
from pii_retention.backups.errors import BackupError  # noqa: E402

IDENTITY = pyrage.x25519.Identity.generate()
RECIPIENTS = [IDENTITY.to_public()]


def read(path, identity=IDENTITY):
    with sealing.opened(path, [identity]) as reader:
        return reader.read()


@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=200_000))
def test_what_goes_in_comes_out(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("out") / "x.age"
    sealed = sealing.seal(io.BytesIO(data), path, RECIPIENTS)
    assert read(path) == data
    assert sealed.size == path.stat().st_size and sealed.sha256 == sealing.sha256_of(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(data) < 20 or data not in path.read_bytes()


def test_a_failed_source_leaves_nothing(tmp_path):
    class Broken(io.RawIOBase):
        def readable(self):
            return True

        def read(self, size=-1):
            raise OSError("gone")

    with pytest.raises(Exception, match="gone"):
        sealing.seal(Broken(), tmp_path / "x.age", RECIPIENTS)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path):
    path = tmp_path / "x.age"
    sealing.seal(io.BytesIO(b"first"), path, RECIPIENTS)
    with pytest.raises(BackupError, match="there already"):
        sealing.seal(io.BytesIO(b"second"), path, RECIPIENTS)
    assert read(path) == b"first"


def test_others_and_changed_files_do_not_open(tmp_path):
    path = tmp_path / "x.age"
    sealing.seal(io.BytesIO(os.urandom(300_000)), path, RECIPIENTS)
    with pytest.raises(BackupError, match="does not open"):
        read(path, pyrage.x25519.Identity.generate())
    whole = path.read_bytes()
    tried = 0
    for damaged in (whole[:-1], whole[:-70_000], whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:], b""):
        path.write_bytes(damaged)
        with pytest.raises(BackupError):
            read(path)
        tried += 1
    print("FIGURE backup_damages", tried, "files")


def test_a_folder_comes_back(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "aa").mkdir(parents=True)
    target.mkdir()
    (source / "aa" / "one").write_bytes(b"1" * 100_000)
    (source / "two").write_bytes(b"")
    (source / "link").symlink_to("/etc/passwd")
    with sealing.tar_of(source) as reader:
        sealing.seal(reader, tmp_path / "x.age", RECIPIENTS)
    with sealing.opened(tmp_path / "x.age", [IDENTITY]) as reader:
        assert sealing.untar(reader, target) == 2
    assert (target / "aa" / "one").read_bytes() == b"1" * 100_000
    assert sorted(path.name for path in target.rglob("*") if path.is_file()) == ["one", "two"]


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/../../out"])
def test_paths_that_lead_out_are_refused(name, tmp_path):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    data.seek(0)
    (tmp_path / "in").mkdir()
    with pytest.raises(BackupError, match="no file of ours"):
        sealing.untar(data, tmp_path / "in")
    assert not (tmp_path / "out").exists()


def test_links_and_devices_are_refused(tmp_path):
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            info = tarfile.TarInfo("x")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
        data.seek(0)
        with pytest.raises(BackupError):
            sealing.untar(data, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_recipients_and_identities(tmp_path):
    assert sealing.recipients_of([str(IDENTITY.to_public())])
    for wrong in ([], ["age1nonsense"], ["AGE-SECRET-KEY-1"]):
        with pytest.raises(BackupError):
            sealing.recipients_of(wrong)
    path = tmp_path / "identity"
    path.write_text(f"# created: today\n{IDENTITY}\n")
    path.chmod(0o600)
    assert sealing.identities_of(path)
    path.chmod(0o644)
    with pytest.raises(BackupError, match="chmod 600"):
        sealing.identities_of(path)
    path.chmod(0o600)
    path.write_text("nothing")
    with pytest.raises(BackupError, match="holds no"):
        sealing.identities_of(path)


# === PLACES === #


@pytest.fixture
def folders(tmp_path):
    made = {}
    for name in ("data", "store", "database", "files", "keys"):
        made[name] = tmp_path / name
        made[name].mkdir(mode=0o700)
    return made


def check(folders, same_device=True, **targets):
    wanted = {kind: folders[kind] for kind in ("database", "files", "keys")} | targets
    places.check(wanted, [folders["data"]], folders["store"], same_device=same_device)


def test_three_places_are_fine(folders):
    check(folders)


def test_places_that_are_one(folders):
    (folders["keys"] / "inner").mkdir(mode=0o700)
    (folders["data"] / "inner").mkdir(mode=0o700)
    (folders["store"] / "inner").mkdir(mode=0o700)
    link = folders["data"].parent / "link"
    link.symlink_to(folders["keys"])
    wrong = [
        {"database": folders["keys"]},
        {"database": folders["keys"] / "inner"},
        {"files": link},
        {"database": folders["data"]},
        {"keys": folders["data"] / "inner"},
        {"keys": folders["store"]},
        {"files": folders["store"] / "inner"},
        {"keys": folders["data"].parent},
        {"keys": folders["data"] / "not there"},
    ]
    for targets in wrong:
        with pytest.raises(BackupError):
            check(folders, **targets)
    folders["files"].chmod(0o755)
    with pytest.raises(BackupError, match="chmod 700"):
        check(folders)
    print("FIGURE backup_places_refused", len(wrong) + 1, "places")


def test_keys_on_the_device_of_the_data_need_a_word(folders):
    with pytest.raises(BackupError, match="same device"):
        check(folders, same_device=False)
    shm = Path("/dev/shm")
    if shm.is_dir() and os.stat(shm).st_dev != os.stat(folders["data"]).st_dev:
        other = shm / f"backup-test-{os.getpid()}"
        other.mkdir(mode=0o700)
        try:
            check(folders, same_device=False, keys=other)
        finally:
            other.rmdir()
