"""Where keys lie: modes, whole files, and one process at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from glorieta.control.acme import storage as module
from glorieta.control.acme.records import Account, IssuerRecord, Record
from glorieta.control.acme.storage import (
    Storage,
    StorageBusy,
    StorageUnsafe,
    record_of,
    save_certificate,
    save_record,
)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    made = Storage(tmp_path / "storage" / "issuer")
    made.prepare()
    return made


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_everything_is_for_its_owner_alone_whatever_the_umask(storage: Storage) -> None:
    before = os.umask(0)
    try:
        storage.save_account_key(b"key")
        storage.save_account(Account("https://issuer.example/1"))
        storage.save_issuer(IssuerRecord())
        file = storage.certificates / "shop.example.pem"
        save_certificate(file, b"KEY\n", b"\nCHAIN\n")
        save_record(file, Record(["shop.example"]))
        with storage.locked(0.0):
            pass
        Storage(storage.folder.parent / "second").prepare()
    finally:
        os.umask(before)
    root = storage.folder.parent
    modes = {path.relative_to(root).as_posix(): mode(path) for path in root.rglob("*")}
    assert set(modes.values()) == {0o600, 0o700}
    assert mode(root) == 0o700
    assert file.read_bytes() == b"KEY\nCHAIN\n"


@pytest.mark.parametrize("which", ["storage", "issuer", "certificates", "account.key", "shop.example.pem"])
def test_what_others_may_look_into_is_refused_with_the_way_out(storage: Storage, which: str) -> None:
    storage.save_account_key(b"key")
    save_certificate(storage.certificates / "shop.example.pem", b"key", b"chain")
    path = next(each for each in (storage.folder.parent, *storage.folder.parent.rglob("*")) if each.name == which)
    path.chmod(path.stat().st_mode | 0o040)
    with pytest.raises(StorageUnsafe) as refused:
        storage.prepare()
    assert str(path) in str(refused.value)
    assert f"chmod {'700' if path.is_dir() else '600'} {path}" in str(refused.value)


def test_a_folder_of_another_user_is_refused(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(StorageUnsafe, match="another user"):
        storage.prepare()


def test_a_write_that_fails_leaves_what_was_there(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    file = storage.certificates / "shop.example.pem"
    save_certificate(file, b"old", b"chain")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_certificate(file, b"new", b"chain")
    assert file.read_bytes().startswith(b"old")
    assert [each.name for each in storage.certificates.iterdir()] == ["shop.example.pem"]


def test_what_is_remembered_comes_back_and_what_is_broken_is_forgotten(storage: Storage) -> None:
    file = storage.certificates / "shop.example.pem"
    record = Record(["shop.example"], "ab", 12.5, [1.0, 2.0], failures=3, error="no")
    save_record(file, record)
    assert record_of(file) == record
    for broken in ("", "{", "[]", "null"):
        file.with_suffix(".json").write_text(broken)
        assert record_of(file) == Record()
    # Another version may know more.
    file.with_suffix(".json").write_text('{"failures": 2, "more": 1}')
    assert record_of(file) == Record(failures=2)


def test_another_certificate_makes_what_was_known_of_the_one_before_worthless() -> None:
    record = Record(["a"], "one", 1.0, [1.0, 2.0], "why", 5.0, failures=2)
    record.about("one")
    assert record.renew_at == 1.0
    record.about("two")
    assert (record.renew_at, record.window, record.explanation, record.ask_at) == (None, None, "", 0.0)
    assert record.failures == 2


def test_one_process_at_a_time(storage: Storage) -> None:
    code = (
        "import sys; from pathlib import Path; from glorieta.control.acme.storage import Storage\n"
        "with Storage(Path(sys.argv[1])).locked(0.0):\n    print('held', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(storage.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdin is not None
    assert other.stdout is not None
    try:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StorageBusy), storage.locked(0.0):
            pass
        other.stdin.close()
        with storage.locked(20.0):
            pass
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
