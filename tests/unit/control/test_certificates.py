"""The authority for local development, what it signs, how it is written, and how a machine comes to believe it."""

from __future__ import annotations

import os
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from glorieta.config.errors import Wrong
from glorieta.control.certificates import trust
from glorieta.control.certificates.authority import folder, the_authority
from glorieta.control.certificates.making import file_name, make
from glorieta.control.certificates.trust import Store, trusting
from glorieta.control.certificates.writing import write_new
from glorieta.plan.certificates.checks import Files, check_pair


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_authority_is_made_once_and_its_key_is_its_owners(tmp_path: Path) -> None:
    first, second = the_authority(), the_authority()
    assert (first.is_new, second.is_new) == (True, False)
    assert first.certificate == second.certificate
    assert folder() == tmp_path / "data" / "glorieta" / "authority"
    assert mode(folder()) == 0o700
    assert mode(folder() / "ca.key") == 0o600
    assert mode(folder() / "ca.crt") == 0o644


def test_the_authority_signs_no_authorities() -> None:
    found = the_authority().certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (found.critical, found.value.ca, found.value.path_length) == (True, True, 0)


@pytest.mark.parametrize("lost", ["ca.key", "ca.crt"])
def test_half_an_authority_is_not_replaced_in_silence(lost: str) -> None:
    the_authority()
    (folder() / lost).unlink()
    with pytest.raises(Wrong, match="make and trust a new one"):
        the_authority()


def test_a_key_that_is_not_the_authoritys_is_refused(tmp_path: Path) -> None:
    made = make(the_authority(), ["localhost"], tmp_path)
    (folder() / "ca.key").write_bytes(made.key.read_bytes())
    with pytest.raises(Wrong, match="holds a key that is not its certificate's"):
        the_authority()


def test_a_certificate_passes_every_check(tmp_path: Path) -> None:
    made = make(the_authority(), ["shop.example", "*.shop.example", "127.0.0.1", "[::1]"], tmp_path / "new")
    assert made.facts.names == ("shop.example", "*.shop.example", "127.0.0.1", "::1")
    assert (made.certificate.name, made.key.name) == ("shop.example.crt", "shop.example.key")
    assert (mode(made.certificate), mode(made.key)) == (0o644, 0o600)
    assert check_pair(Files(), str(made.certificate), str(made.key), "servers")[0] == []
    assert made.facts.ends - made.facts.begins <= timedelta(days=397)


def test_a_clients_certificate_is_for_clients(tmp_path: Path) -> None:
    made = make(the_authority(), ["alice@shop.example", "spiffe://shop/alice"], tmp_path, client=True)
    assert check_pair(Files(), str(made.certificate), str(made.key), "clients")[0] == []
    assert not made.facts.is_for_servers


def test_a_certificate_is_verified_by_its_authority(tmp_path: Path) -> None:
    authority = the_authority()
    made = make(authority, ["localhost"], tmp_path)
    signed = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    signed.verify_directly_issued_by(authority.certificate)


@pytest.mark.parametrize("there", ["localhost.crt", "localhost.key"])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(Wrong, match=f"{there} is there, and nothing is overwritten"):
        make(the_authority(), ["localhost"], tmp_path)
    assert (tmp_path / there).read_text() == "mine"
    assert len(list(tmp_path.glob("localhost*"))) == 1


def test_a_link_to_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "localhost.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Wrong, match="is there"):
        make(the_authority(), ["localhost"], tmp_path)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["*", "a b", "a:80", "*.*.a", "", "https://a"])
def test_what_is_no_name_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(Wrong):
        make(the_authority(), [name], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("*.shop.example", "_wildcard.shop.example"),
        ("[::1]", "__1"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("spiffe://a/b", "spiffe___a_b"),
        ("..", "_"),
    ],
)
def test_names_of_files_stay_in_their_folder(name: str, expected: str) -> None:
    assert file_name(name) == expected


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    os.umask(0)
    try:
        write_new(tmp_path / "a", b"one", 0o600)
        with pytest.raises(FileExistsError):
            write_new(tmp_path / "a", b"two", 0o600)
    finally:
        os.umask(0o022)
    assert (tmp_path / "a").read_bytes() == b"one"
    assert mode(tmp_path / "a") == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_the_systems_store_and_browsers_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(tmp_path), ".crt", ("update-ca-certificates",))
    monkeypatch.setattr(trust, "STORES", (store,))
    monkeypatch.setattr(trust.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(trust.os, "geteuid", lambda: 1000)
    for profile in (".pki/nssdb", ".mozilla/firefox/a.default"):
        (tmp_path / profile).mkdir(parents=True)
        (tmp_path / profile / "cert9.db").touch()
    steps = [step.text for step in trusting(Path("/a/ca.crt")).steps]
    assert steps == [
        f"sudo install -m 644 /a/ca.crt {tmp_path}/glorieta-local.crt",
        "sudo update-ca-certificates",
        f"certutil -d sql:{tmp_path}/.pki/nssdb -A -t C,, -n 'glorieta local' -i /a/ca.crt",
        f"certutil -d sql:{tmp_path}/.mozilla/firefox/a.default -A -t C,, -n 'glorieta local' -i /a/ca.crt",
    ]
    undone = [step.text for step in trusting(Path("/a/ca.crt"), remove=True).steps]
    assert undone[0] == f"sudo rm -f {tmp_path}/glorieta-local.crt"
    assert undone[2] == f"certutil -d sql:{tmp_path}/.pki/nssdb -D -n 'glorieta local'"


def test_what_cannot_be_done_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust.shutil, "which", lambda name: None)
    (tmp_path / ".pki/nssdb").mkdir(parents=True)
    (tmp_path / ".pki/nssdb/cert9.db").touch()
    found = trusting(Path("/a/ca.crt"))
    assert found.steps == ()
    assert [each.partition(":")[0] for each in found.missing] == ["the system's store", "browsers' stores"]


def test_keys_are_of_the_kind_that_is_fastest() -> None:
    assert isinstance(the_authority().private_key.curve, ec.SECP256R1)
