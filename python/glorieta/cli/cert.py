"""`glorieta cert`: certificates for local development, what is in a certificate's file, and those that are ordered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .cert_ordered import renew, status
from .options import AsJson
from .output import fail, print_json, refuse_with

if TYPE_CHECKING:
    from typing import NoReturn

    from ..config.errors import Wrong
    from ..control.certificates.making import Made
    from ..plan.certificates.facts import Facts

app = typer.Typer(
    help="Make, trust and show certificates for HTTPS on this machine; see and renew those that are ordered (ACME).",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def make(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="Names and addresses that it is for.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder for both files.")] = Path(),
    client: Annotated[bool, typer.Option("--client", help="For a client that proves who it is (mutual TLS).")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a certificate for these names, signed by an authority of your own.

    The authority is made when it is first needed and stays in ~/.local/share/glorieta/authority; only machines on which
    `glorieta cert trust` was run believe it. The first name becomes the name of both files, NAME.crt and NAME.key (mode
    0600). Nothing is overwritten.

    \b
    Examples:
      glorieta cert make localhost 127.0.0.1
      glorieta cert make shop.example "*.shop.example" --out certificates
      glorieta cert make --client alice@shop.example

    Exit codes: 0 made · 1 it cannot be written · 2 a name is none, or a file is there already
    """
    from ..config.errors import Wrong
    from ..control.certificates.authority import the_authority
    from ..control.certificates.making import make as make_signed

    try:
        authority = the_authority()
        made = make_signed(authority, names, out, client=client)
    except Wrong as wrong:
        refuse_wrong(wrong, as_json)
    except OSError as error:
        fail(f"cannot write {error.filename or out}: {error.strerror}", as_json)
    if as_json:
        document = {"certificate": str(made.certificate), "key": str(made.key), "authority": str(authority.file)}
        print_json({**document, "names": list(made.facts.names), "ends": made.facts.ends.isoformat()})
    else:
        print("\n".join(told(made, authority.file, authority.is_new)))


def told(made: Made, authority: Path, is_new: bool) -> list[str]:
    certificate, key = str(made.certificate), str(made.key)
    about = ", ".join(made.facts.names) or made.facts.subject
    width = max(len(certificate), len(key))
    lines = [f"{certificate:<{width}}  {about}, until {made.facts.ends.date()}", f"{key:<{width}}  its key"]
    if is_new:
        lines.append(f"signed by {authority}, which is new; this machine believes it after: glorieta cert trust")
    else:
        lines.append(f"signed by {authority}")
    return lines


@app.command()
def trust(
    only_print: Annotated[bool, typer.Option("--print", help="Only say what would be done.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Have this machine believe it no more.")] = False,
) -> None:
    """Have this machine believe your own authority: the system, and browsers where certutil is there.

    Every command is shown before any is run, and on a terminal you are asked. Whoever can read the authority's key can
    then pose as any site to this machine: it stays on it, and readable by you alone.

    \b
    Examples:
      glorieta cert trust --print
      glorieta cert trust --yes
      glorieta cert trust --remove

    Exit codes: 0 done, or printed · 1 a command failed, or nothing could be done · 2 there is no authority yet, or
    nobody was there to be asked
    """
    from ..control.certificates.authority import certificate_file
    from ..control.certificates.trust import trusting

    authority = certificate_file()
    if not authority.exists() and not remove:
        refuse_with({}, f"{authority} is not there; make a certificate first: glorieta cert make localhost", False)
    plan = trusting(authority, remove=remove)
    for step in plan.steps:
        print(f"# {step.what}\n{step.text}")
    for each in plan.missing:
        print(f"not done: {each}", file=sys.stderr)
    if only_print:
        return
    if not plan.steps:
        fail("nothing can be done here")
    if not yes and not (sys.stdin.isatty() and typer.confirm("Run these commands?")):
        refuse_with({}, "nothing was changed; run it with --yes, or by hand what --print says", False)
    for step in plan.steps:
        # What the commands say must not come before what is said of them.
        sys.stdout.flush()
        if subprocess.run(step.command, check=False).returncode != 0:
            fail(f"this failed: {step.text}")
    print("believed no more" if remove else "believed from now on; browsers that are open may have to be started again")


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A PEM file.")],
    as_json: AsJson = False,
) -> None:
    """Show what is in a certificate's file: names, days left, who signed it, and the kind of its key.

    \b
    Examples:
      glorieta cert show shop.crt
      glorieta cert show /etc/letsencrypt/live/shop.example/fullchain.pem --json

    Exit codes: 0 shown · 1 the file cannot be read · 2 it holds no certificate
    """
    from ..config.errors import Wrong
    from ..plan.certificates.facts import facts_of
    from ..plan.certificates.pem import Absent, certificates_in, read

    try:
        found = [facts_of(each) for each in certificates_in(read(str(file)))]
    except Absent as absent:
        fail(absent.wrong.message, as_json)
    except Wrong as wrong:
        refuse_wrong(wrong, as_json)
    if as_json:
        print_json({"file": str(file), "certificates": [facts_document(each) for each in found]})
    else:
        print("\n\n".join("\n".join(facts_lines(each)) for each in found))


app.command()(status)
app.command()(renew)


def facts_document(facts: Facts) -> dict[str, Any]:
    from ..plan.certificates.facts import now

    return {
        "subject": facts.subject,
        "issuer": facts.issuer,
        "names": list(facts.names),
        "begins": facts.begins.isoformat(),
        "ends": facts.ends.isoformat(),
        "days_left": facts.days_left(now()),
        "key": facts.key,
        "authority": facts.is_authority,
        "fingerprint": facts.fingerprint,
    }


def facts_lines(facts: Facts) -> list[str]:
    from ..plan.certificates.facts import now

    left = facts.days_left(now())
    until = f"{left} days left, until {facts.ends.date()}" if left >= 0 else f"EXPIRED on {facts.ends.date()}"
    rows = [
        ("authority" if facts.is_authority else "names", ", ".join(facts.names) or facts.subject),
        ("valid", until if facts.begins <= now() else f"NOT YET VALID, from {facts.begins.date()} on"),
        ("issuer", "itself" if facts.is_own_issuer else facts.issuer),
        ("key", facts.key),
        ("SHA-256", facts.fingerprint),
    ]
    return [f"{word:<9}  {value}" for word, value in rows]


def refuse_wrong(wrong: Wrong, as_json: bool) -> NoReturn:
    document = {"problems": [{"message": wrong.message, "fix": wrong.fix}]}
    refuse_with(document, f"{wrong.message}; {wrong.fix}" if wrong.fix else wrong.message, as_json)
