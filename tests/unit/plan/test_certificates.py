"""What `check` says of certificates, keys, authorities and revocations: each rule with the file that breaks it."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec

from glorieta.config import ConfigError, load_text
from glorieta.plan.certificates.checks import Files, check_pair
from glorieta.plan.certificates.names import covers
from glorieta.plan.compile import inspect
from glorieta.plan.compiling import Surroundings
from harness.certificates import DAY, Authority, Certificate, rsa_key

AUTHORITY = Authority()
GOOD = AUTHORITY.leaf("shop.example", "*.shop.example", "127.0.0.1")
LISTENER = """\
version: 1
listeners: {{web: {{bind: ":8443", to: a, tls: {tls}}}}}
upstreams: {{a: {{endpoints: [localhost:1]{upstream}}}}}
"""
PAIR = "{certificate: a.crt, key: a.key}"


def told(folder: Path, tls: str = PAIR, upstream: str = "", *, secrets: bool = True) -> list[str]:
    """What is said, without its place and its path; and the severity before it."""
    edge = load_text(LISTENER.format(tls=tls, upstream=upstream), "glorieta.yaml", folder).edge
    problems = inspect(edge, Surroundings(secrets=secrets), valid=True)[1]
    return [f"{each.severity} {'.'.join(map(str, each.path))}: {each.text()}" for each in problems]


def said(folder: Path, tls: str = PAIR, upstream: str = "") -> str:
    """The one thing that is said, with files without their folder."""
    found = told(folder, tls, upstream)
    assert len(found) == 1, found
    return found[0].replace(f"{folder}/", "")


def test_a_good_pair_is_no_problem(tmp_path: Path) -> None:
    GOOD.write(tmp_path, "a")
    assert told(tmp_path) == []


def test_files_that_are_not_there_are_named_with_the_path_that_was_looked_at(tmp_path: Path) -> None:
    assert told(tmp_path) == [
        f"error listeners.web.tls.certificate: there is no file {tmp_path}/a.crt",
        f"error listeners.web.tls.key: there is no file {tmp_path}/a.key",
    ]
    assert told(tmp_path, secrets=False) == []


def test_what_is_there_is_looked_into_also_without_secrets(tmp_path: Path) -> None:
    AUTHORITY.expired("a").write(tmp_path, "a")
    (tmp_path / "a.key").unlink()
    (found,) = told(tmp_path, secrets=False)
    assert "a.crt expired 3 days ago" in found


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_key_that_may_not_be_read(tmp_path: Path) -> None:
    _, key = GOOD.write(tmp_path, "a")
    key.chmod(0)
    assert "a.key cannot be read: Permission denied; let its group read it" in said(tmp_path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    GOOD.write(tmp_path, "a")
    (tmp_path / "a.key").unlink()
    (tmp_path / "a.key").mkdir()
    assert said(tmp_path) == "error listeners.web.tls.key: a.key is no file; write the path of a PEM file"


def test_a_pipe_that_nobody_writes_is_not_waited_for(tmp_path: Path) -> None:
    GOOD.write(tmp_path, "a")
    (tmp_path / "a.key").unlink()
    os.mkfifo(tmp_path / "a.key")
    assert "a.key is no file" in said(tmp_path)


DER = GOOD.certificate.public_bytes(serialization.Encoding.DER)
LOCKED = GOOD.private_key.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.BestAvailableEncryption(b"secret"),
)


@pytest.mark.parametrize(
    ("which", "content", "expected"),
    [
        ("crt", b"", "a.crt is empty"),
        ("crt", b"hello\n", "a.crt is not PEM: nothing in it begins with -----BEGIN; write the path of a PEM file"),
        ("crt", DER, "a.crt is binary (DER or PKCS #12), not PEM; convert it: openssl x509 -inform der -in a.crt"),
        (
            "crt",
            GOOD.key,
            "a.crt holds a private key, and no certificate; name the certificate's file; are certificate",
        ),
        ("crt", GOOD.pem.replace(b"\nM", b"\nA", 1), "a.crt holds a certificate that is broken: "),
        ("crt", b"x" * (5 * 1024 * 1024), "a.crt is larger than 4 MiB"),
        (
            "key",
            GOOD.pem,
            "a.key holds a certificate, and no private key; name the key's file; are certificate and key",
        ),
        (
            "key",
            LOCKED,
            "the private key in a.key has a passphrase, and nobody is there to type it; take it off: openssl",
        ),
        ("key", GOOD.key.replace(b"\nM", b"\nA", 1), "a.key holds a private key that is broken: "),
        ("key", AUTHORITY.leaf("b").key, "a.key is not the private key of a.crt (shop.example); name the key with"),
    ],
    ids=["empty", "text", "der", "swapped", "broken", "large", "swapped-key", "passphrase", "broken-key", "other-key"],
)
def test_content_that_is_wrong(tmp_path: Path, which: str, content: bytes, expected: str) -> None:
    GOOD.write(tmp_path, "a")
    (tmp_path / f"a.{which}").write_bytes(content)
    found = said(tmp_path)
    assert found.partition(": ")[2].startswith(expected)
    assert found.startswith("error listeners.web.tls.")


@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        (-30 * DAY, -3 * DAY, "error listeners.web.tls.certificate: a.crt expired 3 days ago, on "),
        (-30 * DAY, -DAY / 4, "error listeners.web.tls.certificate: a.crt expired less than a day ago, on "),
        (4 * DAY + DAY / 2, 90 * DAY, "error listeners.web.tls.certificate: a.crt is not valid before "),
        (
            -60 * DAY,
            5 * DAY + DAY / 2,
            "warning listeners.web.tls.certificate: a.crt expires soon: 5 days left, until ",
        ),
        (-60 * DAY, 13 * DAY + DAY / 2, "warning listeners.web.tls.certificate: a.crt expires soon: 13 days left"),
        (-4 * DAY, DAY + DAY / 2, "warning listeners.web.tls.certificate: a.crt expires soon: 1 day left, until "),
    ],
)
def test_dates_that_are_wrong(tmp_path: Path, begins: timedelta, ends: timedelta, expected: str) -> None:
    AUTHORITY.leaf("shop.example", begins=begins, ends=ends).write(tmp_path, "a")
    assert said(tmp_path).startswith(expected)


@pytest.mark.parametrize(("begins", "ends"), [(-60 * DAY, 14 * DAY + DAY / 2), (-1 * DAY, 5 * DAY)])
def test_a_certificate_that_lives_short_is_told_in_its_last_third(
    tmp_path: Path, begins: timedelta, ends: timedelta
) -> None:
    AUTHORITY.leaf("shop.example", begins=begins, ends=ends).write(tmp_path, "a")
    assert told(tmp_path) == []


def test_weak_keys(tmp_path: Path) -> None:
    AUTHORITY.leaf("shop.example", key=rsa_key(1024)).write(tmp_path, "a")
    assert "a.crt is for a key that is too short (RSA 1024); make one of at least 2048 bits" in said(tmp_path)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (ec.generate_private_key(ec.SECP256K1()), "a.crt is for a key that cannot be used (ECDSA secp256k1)"),
        (dsa.generate_private_key(2048), "a.crt is for a key that cannot be used (DSA)"),
    ],
    ids=["curve", "dsa"],
)
def test_keys_that_cannot_be_used(tmp_path: Path, key: Any, expected: str) -> None:
    AUTHORITY.leaf("shop.example", key=key).write(tmp_path, "a")
    assert expected in said(tmp_path)


@pytest.mark.tool("openssl", "openssl")
def test_a_signature_with_sha_1(tmp_path: Path) -> None:
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-sha1",
            "-days",
            "90",
            "-subj",
            "/CN=a",
            "-addext",
            "subjectAltName=DNS:a",
            "-keyout",
            "a.key",
            "-out",
            "a.crt",
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    assert any("is signed with SHA1, which nobody believes any more" in each for each in told(tmp_path))


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (0o600, None),
        (0o640, None),
        (0o400, None),
        (0o644, "can be read by everybody (mode 0644); chmod 600 a.key"),
        (0o660, "can be changed by its group (mode 0660); chmod 600 a.key"),
        (0o604, "can be read by everybody (mode 0604); chmod 600 a.key"),
        (0o666, "can be read by everybody (mode 0666); chmod 600 a.key"),
    ],
)
def test_who_may_read_a_key(tmp_path: Path, mode: int, expected: str | None) -> None:
    _, key = GOOD.write(tmp_path, "a")
    key.chmod(mode)
    if expected is None:
        assert told(tmp_path) == []
    else:
        assert said(tmp_path) == f"warning listeners.web.tls.key: the private key a.key {expected}"


def test_a_chain_is_in_order() -> None:
    above = Authority("Between", above=AUTHORITY)
    leaf = above.leaf("shop.example")
    assert leaf.between == (above.certificate,)


def test_a_chain_that_is_out_of_order(tmp_path: Path) -> None:
    above = Authority("Between", above=AUTHORITY)
    leaf = above.leaf("shop.example")
    Certificate(leaf.certificate, leaf.private_key, (AUTHORITY.certificate, above.certificate)).write(tmp_path, "a")
    assert said(tmp_path) == (
        "warning listeners.web.tls.certificate: in a.crt certificate 1 is signed by Between, and 2 is Test CA; "
        "put them in order: each is followed by the one that signed it"
    )


def test_a_chain_that_begins_with_an_authority(tmp_path: Path) -> None:
    above = Authority("Between", above=AUTHORITY)
    leaf = above.leaf("shop.example")
    leaf.write(tmp_path, "a")
    (tmp_path / "a.crt").write_bytes(above.pem + leaf.pem)
    found = told(tmp_path)
    assert "a.crt begins with a certificate of Between, and " in found[0]
    assert "is that of number 2; put the server's own certificate first" in found[0]


def test_a_certificate_that_covers_no_name(tmp_path: Path) -> None:
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "90",
            "-subj",
            "/CN=shop.example",
            "-keyout",
            "a.key",
            "-out",
            "a.crt",
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    assert "a.crt covers no name: it has no subject alternative names, and common names do not count" in said(tmp_path)


def test_a_clients_certificate_is_not_for_servers(tmp_path: Path) -> None:
    AUTHORITY.client("alice.example").write(tmp_path, "a")
    assert "warning listeners.web.tls.certificate: a.crt is not made for servers (extended key usage)" in said(tmp_path)


def test_one_of_several_that_is_never_chosen(tmp_path: Path) -> None:
    GOOD.write(tmp_path, "a")
    AUTHORITY.leaf("shop.example").write(tmp_path, "b")
    certificates = "{certificates: [{certificate: a.crt, key: a.key}, {certificate: b.crt, key: b.key}]}"
    assert said(tmp_path, certificates) == (
        "warning listeners.web.tls.certificates.1: is never chosen: earlier ones cover all its names (shop.example); "
        "take it out, or put it before them"
    )


def test_authorities_that_are_none(tmp_path: Path) -> None:
    GOOD.write(tmp_path, "a")
    found = said(tmp_path, "{certificate: a.crt, key: a.key, clients: {authorities: a.crt}}")
    assert "warning listeners.web.tls.clients.authorities: a.crt holds shop.example, which is no authority's" in found


def test_revocations_of_somebody_else_and_of_yesterday(tmp_path: Path) -> None:
    GOOD.write(tmp_path, "a")
    AUTHORITY.write(tmp_path)
    tls = "{certificate: a.crt, key: a.key, clients: {authorities: ca.pem, revoked: crl.pem}}"
    (tmp_path / "crl.pem").write_bytes(AUTHORITY.revocations(GOOD))
    assert told(tmp_path, tls) == []
    (tmp_path / "crl.pem").write_bytes(AUTHORITY.revocations(begins=-9 * DAY, ends=-2 * DAY))
    assert "crl.pem holds a revocation list of CN=Test CA that is outdated since" in said(tmp_path, tls)
    (tmp_path / "crl.pem").write_bytes(Authority("Other").revocations())
    assert "crl.pem holds a revocation list of CN=Other, which is none of the authorities" in said(tmp_path, tls)
    (tmp_path / "crl.pem").write_bytes(AUTHORITY.pem)
    assert "crl.pem holds a certificate, and no revocation list" in said(tmp_path, tls)


def test_revocations_of_some_authorities_only(tmp_path: Path) -> None:
    GOOD.write(tmp_path, "a")
    other = Authority("Other")
    (tmp_path / "ca.pem").write_bytes(AUTHORITY.pem + other.pem)
    tls = "{certificate: a.crt, key: a.key, clients: {authorities: ca.pem, revoked: crl.pem}}"
    (tmp_path / "crl.pem").write_bytes(AUTHORITY.revocations())
    assert "crl.pem has no revocation list of CN=Other: whom it has signed is refused" in said(tmp_path, tls)
    (tmp_path / "crl.pem").write_bytes(AUTHORITY.revocations() + other.revocations())
    assert told(tmp_path, tls) == []


def test_what_an_upstream_is_shown_is_looked_into_as_well(tmp_path: Path) -> None:
    GOOD.write(tmp_path, "a")
    AUTHORITY.client("me").write(tmp_path, "me")
    assert told(tmp_path, upstream=", tls: {certificate: me.crt, key: me.key}") == []
    wrong = [each.replace(f"{tmp_path}/", "") for each in told(tmp_path, upstream=", tls: {authorities: none.pem}")]
    assert wrong == ["error upstreams.a.tls.authorities: there is no file none.pem"]
    found = said(tmp_path, upstream=", tls: {certificate: a.crt, key: a.key}")
    assert found.startswith("warning upstreams.a.tls.certificate: a.crt is not made for clients (extended key usage)")


def test_a_file_that_is_wrong_is_watched_until_it_is_right(tmp_path: Path) -> None:
    from glorieta.plan import build

    AUTHORITY.expired("a").write(tmp_path, "a")
    (tmp_path / "glorieta.yaml").write_text(LISTENER.format(tls=PAIR, upstream=""))
    with pytest.raises(ConfigError) as refused:
        build(str(tmp_path / "glorieta.yaml"))
    assert tmp_path / "a.crt" in refused.value.files
    assert tmp_path / "a.key" not in refused.value.files


def test_each_file_is_read_once(tmp_path: Path) -> None:
    certificate, key = GOOD.write(tmp_path, "a")
    files = Files()
    assert check_pair(files, str(certificate), str(key), "servers")[0] == []
    certificate.unlink()
    assert check_pair(files, str(certificate), str(key), "servers")[0] == []


def test_days_count_from_the_moment_that_is_given(tmp_path: Path) -> None:
    certificate, key = GOOD.write(tmp_path, "a")
    later = Files(now=datetime.now(UTC) + 400 * DAY)
    findings = check_pair(later, str(certificate), str(key), "servers")[0]
    assert [each.severity for each in findings] == ["error"]


@pytest.mark.parametrize(
    ("name", "host", "expected"),
    [
        ("shop.example", "shop.example", True),
        ("*.shop.example", "a.shop.example", True),
        ("*.shop.example", "shop.example", False),
        ("*.shop.example", "a.b.shop.example", False),
        ("*.shop.example", "*.shop.example", True),
        ("shop.example", "*.shop.example", False),
        ("*.example", "*.shop.example", False),
    ],
)
def test_what_a_name_covers(name: str, host: str, expected: bool) -> None:
    assert covers(name, host) is expected


def test_files_that_the_running_plan_has_read_do_not_stand_in_the_way_of_a_change(tmp_path: Path) -> None:
    from glorieta.plan import build

    AUTHORITY.expired("a").write(tmp_path, "a")
    AUTHORITY.expired("b").write(tmp_path, "b")
    file = tmp_path / "glorieta.yaml"
    file.write_text(LISTENER.format(tls=PAIR, upstream=""))
    edge = load_text(file.read_text(), "glorieta.yaml", tmp_path).edge
    plan, _ = inspect(edge, valid=True)
    built = build(str(file), running=lambda: plan)
    assert [each.severity for each in built.warnings] == ["warning"]
    assert "expired 3 days ago" in built.warnings[0].text()
    assert "(what was read before stays in use)" in built.warnings[0].text()
    file.write_text(LISTENER.format(tls="{certificate: b.crt, key: b.key}", upstream=""))
    with pytest.raises(ConfigError):
        build(str(file), running=lambda: plan)
