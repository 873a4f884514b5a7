"""ACME: certificates that are ordered, proved and renewed by themselves (RFC 8555)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from .base import TEXT, Noun, Shorthand, Switch, as_list, checked_text, one_of
from .certificate import PemFile, check_file
from .errors import Wrong, did_you_mean, nearest
from .units import Duration

DIRECTORIES = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}
"""Word → the address of an issuer's directory."""
STORAGE = "/var/lib/glorieta/acme"
CHALLENGES = ("http-01", "tls-alpn-01", "dns-01")
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
TOKEN = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def check_directory(text: str) -> str:
    """A word, or a URL by HTTPS."""
    text = text.strip()
    if text in DIRECTORIES:
        return text
    if "://" not in text:
        fix = did_you_mean(text, tuple(DIRECTORIES)) if nearest(text, tuple(DIRECTORIES)) else None
        raise Wrong(f'"{text}" is no issuer', fix or "write letsencrypt, or the URL of an issuer's directory")
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname:
        raise Wrong(f'"{text}" is no URL by HTTPS', "write https://HOST/…, as the issuer says")
    return text


def check_email(text: str) -> str:
    text = text.strip().removeprefix("mailto:")
    if not EMAIL.fullmatch(text):
        raise Wrong(f'"{text}" is no e-mail address', "write one, such as ops@shop.example")
    return text


def check_profile(text: str) -> str:
    if not TOKEN.fullmatch(text):
        raise Wrong(f'"{text}" is no profile', "write the issuer's word for it, such as shortlived")
    return text


class DnsCommand(Noun):
    """The program that puts a record into DNS and takes it out again (dns-01). It runs once for each name with these
    in its environment: `ACME_ACTION` (`present` or `cleanup`), `ACME_DOMAIN` (`shop.example`), `ACME_RECORD`
    (`_acme-challenge.shop.example`) and `ACME_VALUE`, the text of the TXT record. Several values may have to stand
    under one name at a time. Text or a list means `{command: …}`."""

    command: Annotated[list[str], Shorthand(as_list, (TEXT,))] = Field(default_factory=list)
    """The program and its arguments, as a list; no shell reads it. A program with a slash is relative to the file in
    which this stands. Required."""
    timeout: Duration = timedelta(seconds=60)
    """How long it may run each time; a duration."""
    wait: Duration = timedelta(seconds=30)
    """How long the record takes until all name servers know it; a duration."""


class ExternalAccount(Noun):
    """An account that the issuer has given already (external account binding); some issuers ask for one."""

    id: str = ""
    """Its id, as the issuer gives it. Required."""
    key: Annotated[str, checked_text(check_file)] = ""
    """The file of its key, as the issuer gives it (base64url), readable by its owner only. Required."""


def expand_dns(value: object) -> object:
    """A command alone."""
    return {"command": value} if isinstance(value, str | list) else value


class Acme(Noun):
    """Where certificates are ordered, and how it is proved that their names lead here. Listeners say which:
    `tls: {acme: [shop.example]}`. They are renewed when the issuer says so (RFC 9773), or once two thirds of their life
    are over; one that works is never given up for one that cannot be had."""

    terms_agreed: Switch = False
    """Whether you have read the issuer's terms of service and agree. Required: `on`."""
    email: Annotated[str, checked_text(check_email)] | None = None
    """Where the issuer may write to. Left out: nowhere."""
    directory: Annotated[str, checked_text(check_directory)] = "letsencrypt"
    """Who issues: `letsencrypt`, `letsencrypt-staging` (for trying: nobody believes its certificates), or the URL of an
    issuer's directory."""
    challenge: Annotated[str, one_of(*CHALLENGES)] | None = None
    """How it is proved that a name leads here: `http-01` (a page at port 80), `tls-alpn-01` (a certificate at port 443)
    or `dns-01` (a record, with `dns`; the only one for wildcards). Left out: `dns-01` where `dns` is written, else
    `http-01`."""
    dns: Annotated[DnsCommand | None, Shorthand(expand_dns, (TEXT, {"type": "array", "items": {"type": "string"}}))] = (
        None
    )
    """The program that writes records, for `dns-01`."""
    storage: str = STORAGE
    """The folder of accounts, keys and certificates, relative to the file in which this stands; nobody but its owner
    may look into it (mode 0700). It must outlive restarts."""
    authorities: PemFile | None = None
    """A PEM file of those who may have signed the issuer's own certificate, for an issuer inside. Left out: the public
    ones."""
    profile: Annotated[str, checked_text(check_profile)] | None = None
    """The issuer's word for a kind of certificate, such as `shortlived`. Left out: its usual one."""
    renew_before: Duration | None = None
    """How long before its end a certificate is renewed where the issuer does not say when; a duration, never more than
    half of its life. Left out: a third of its life."""
    external_account: ExternalAccount | None = None
    """The account to which the new one is bound, where the issuer asks for one. Left out: none."""
