"""
The settings of the whole run: from the ini file, or from the command line, which overrides it.

Rules of this file: it knows names, kinds and where a value came from; the code that uses a value decides what it means.
Every run of pytest imports it: plain classes, because named tuples and dataclasses take a hundred times as long to
create.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from pytest_mailtrap._intercept.allow_list import AllowedHost

    Kind = Literal["text", "switch", "list", "path"]

_INI_TYPES: dict[Kind, Literal["string", "bool", "linelist"]] = {
    "text": "string",
    "path": "string",
    "switch": "bool",
    "list": "linelist",
}
TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})


class Setting:
    """
    One setting: `mailtrap_x` in the ini file, `--mailtrap-x` on the command line.

    *metavar* stands for the value in `pytest --help`.
    *bare* is what the flag means without a value; None if it must have one.
    """

    def __init__(
        self,
        *,
        name: str,
        kind: Kind,
        metavar: str,
        help: str,  # noqa: A002  # as argparse has it
        bare: str | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.metavar = metavar
        self.help = help
        self.bare = bare

    @property
    def ini(self) -> str:
        return f"mailtrap_{self.name}"

    @property
    def ini_type(self) -> Literal["string", "bool", "linelist"]:
        """The type as which pytest reads it, even from a TOML table, which has types of its own."""
        return _INI_TYPES[self.kind]

    @property
    def flag(self) -> str:
        return f"--mailtrap-{self.name.replace('_', '-')}"

    @property
    def adds_up(self) -> bool:
        """Whether a flag that is given twice means both: the first requirements are not forgotten."""
        return self.kind == "list" and self.bare is None


class Given:
    """A value as it was written, and where: *origin* is for people, *base* is where a relative path starts."""

    def __init__(self, *, words: tuple[str, ...], origin: str, base: Path) -> None:
        self.words = words
        self.origin = origin
        self.base = base

    @property
    def text(self) -> str:
        return ",".join(self.words)


POLICY = Setting(
    name="policy",
    kind="text",
    metavar="MODE",
    help="what happens to tests whose mail does not meet the requirements: none (nothing), testing (it is reported), enforce (they fail)",
)
REQUIRE = Setting(
    name="require",
    kind="list",
    metavar="REQUIREMENTS",
    help="what the policy requires of mail: tls (default), tls>=1.3, auth-over-tls, smime-signed, ...",
)
EXPECT_MAIL = Setting(
    name="expect_mail",
    kind="switch",
    metavar="BOOL",
    help="fail the run if no message reaches any trap",
    bare="true",
)
KEPT_MAIL = Setting(
    name="kept_mail",
    kind="text",
    metavar="MODE",
    help="what an enforced policy does to tests whose mail stays in the process: fail (default), report",
)
REPORT = Setting(
    name="report",
    kind="path",
    metavar="PATH",
    help="write the mail of all tests to this HTML file (requires pytest-mailtrap[report])",
)
SAVE = Setting(
    name="save",
    kind="path",
    metavar="PATH",
    help="save the mail of all tests under this directory, as .eml files with a mail.json for each test",
)
JUNIT_PROPERTIES = Setting(
    name="junit_properties",
    kind="switch",
    metavar="BOOL",
    help="add properties such as mailtrap.messages to the tests in the JUnit XML file",
    bare="true",
)
INTERCEPT = Setting(
    name="intercept",
    kind="list",
    metavar="HOSTS",
    help="redirect the application's mail to the mailtrap fixture's trap: true for any host, or a list of hosts; implies the guard",
    bare="true",
)
CREDENTIALS = Setting(
    name="credentials",
    kind="text",
    metavar="VARIABLE",
    help="the environment variable that holds the user:password that traps accept, or any to accept any",
)
GUARD = Setting(
    name="guard",
    kind="switch",
    metavar="BOOL",
    help="make every connection to a real mail server fail, and fail the test",
    bare="true",
)
GUARD_ALLOW = Setting(
    name="guard_allow",
    kind="list",
    metavar="HOSTS",
    help="hosts that the guard does not refuse and the run does not intercept: mailpit:25, 10.0.0.5, *.internal, 10.0.0.0/8, ...",
)
GUARD_APIS = Setting(
    name="guard_apis",
    kind="switch",
    metavar="BOOL",
    help="make every connection to the HTTP API of a mail provider fail, and fail the test",
    bare="true",
)

SETTINGS: tuple[Setting, ...] = (
    INTERCEPT,
    CREDENTIALS,
    GUARD,
    GUARD_ALLOW,
    GUARD_APIS,
    POLICY,
    REQUIRE,
    EXPECT_MAIL,
    KEPT_MAIL,
    REPORT,
    SAVE,
    JUNIT_PROPERTIES,
)

OF_THE_GUARD = (INTERCEPT, GUARD, GUARD_ALLOW, GUARD_APIS)


def given(config: pytest.Config, setting: Setting) -> Given | None:
    """What was given for *setting*: on the command line, else in the ini file, else None."""
    flag = config.getoption(setting.flag)
    if flag is not None:
        flags = flag if setting.adds_up else [flag]
        _check_it_took_no_path(config, setting, flags[-1])
        origin = f"{setting.flag} on the command line"
        base = config.invocation_params.dir
        return Given(words=_words(setting, flags), origin=origin, base=base)
    if words := _words(setting, _from_ini(config, setting)):
        file = config.inipath.name if config.inipath is not None else "the ini file"
        return Given(words=words, origin=f"{setting.ini} in {file}", base=config.rootpath)
    return None


def _from_ini(config: pytest.Config, setting: Setting) -> list[str]:
    """What the ini file says, as a list of texts; ValueError if pytest cannot read it."""
    try:
        found = config.getini(setting.ini)
    except Exception as error:  # raised by pytest: its type and text depend on the version
        raise ValueError(f"{setting.ini}: {error}") from None
    if isinstance(found, bool):
        return [str(found).lower()]
    return [found] if isinstance(found, str) else found or []


def intercept_for_the_run(config: pytest.Config) -> bool | tuple[str, ...]:
    """What traps intercept unless they say otherwise; ValueError if the value is neither a switch nor hosts."""
    hosts = given(config, INTERCEPT)
    if hosts is None:
        return False
    if hosts.text.lower() in TRUE | FALSE:
        return hosts.text.lower() in TRUE
    from pytest_mailtrap._intercept.hosts import checked, is_switch, meant_by

    names = " ".join(hosts.words).split() or [""]
    for name in filter(is_switch, names):
        where = meant_by(name) if len(names) == 1 else " in a list of hosts"
        raise ValueError(f"{hosts.origin}: expected true, false or host names, got {name!r}{where}")
    try:
        for name in names:
            checked(name)
    except ValueError as error:
        raise ValueError(f"{hosts.origin}: {error}") from None
    return tuple(names)


def guard_for_the_run(config: pytest.Config) -> bool:
    """Whether the guard is on for the whole run: as its own setting says, otherwise if the run intercepts."""
    guard = given(config, GUARD)
    return bool(intercept_for_the_run(config)) if guard is None else switch(GUARD, guard)


def guard_apis_for_the_run(config: pytest.Config) -> bool:
    """Whether the guard also refuses connections to e-mail APIs; ValueError if the setting is neither on nor off."""
    return switch(GUARD_APIS, given(config, GUARD_APIS))


def hosts_allowed_by(config: pytest.Config) -> tuple[AllowedHost, ...]:
    """The hosts that the guard allows; ValueError if an entry is not a host, or if the list has no effect."""
    hosts = given(config, GUARD_ALLOW)
    if hosts is None:
        return ()
    from pytest_mailtrap._intercept.allow_list import allowed_host

    try:
        allowed = tuple(map(allowed_host, " ".join(hosts.words).split() or [""]))
    except ValueError as error:
        raise ValueError(f"{hosts.origin}: {error}") from None
    if all(given(config, setting) is None for setting in (GUARD, GUARD_APIS, INTERCEPT)):
        raise ValueError(
            f"{hosts.origin} has no effect: set {GUARD.ini} or {INTERCEPT.ini} to true, "
            f"or {GUARD.ini} to false to keep it for other runs"
        )
    _check_nothing_is_both(config, hosts.origin, allowed)
    return allowed


def _check_nothing_is_both(
    config: pytest.Config, origin: str, allowed: tuple[AllowedHost, ...]
) -> None:
    """ValueError if the run intercepts a host by name and allows it."""
    from pytest_mailtrap._intercept.hosts import checked

    intercepted = intercept_for_the_run(config)
    for name in map(checked, () if isinstance(intercepted, bool) else intercepted):
        if (entry := next((it for it in allowed if it.covers(name, 0)), None)) is not None:
            raise ValueError(f"{origin}: {entry} allows {name}, which {INTERCEPT.ini} intercepts")


def _check_it_took_no_path(config: pytest.Config, setting: Setting, value: str) -> None:
    """A flag whose value is optional takes the next word as its value: ValueError if that is a path to tests."""
    if setting.bare is None or setting.kind == "path" or value.lower() in TRUE | FALSE:
        return
    path = config.invocation_params.dir / value.partition("::")[0]
    if f"{setting.flag}={value}" not in config.invocation_params.args and path.exists():
        raise ValueError(
            f"{setting.flag} took the path {value!r} as its value: write {setting.flag}={setting.bare} {value}"
        )


def switch(setting: Setting, given: Given | None) -> bool:
    """The value of an on/off setting; ValueError if it is neither."""
    if given is None:
        return False
    word = given.text.lower()
    if word not in TRUE | FALSE:
        raise ValueError(f"{setting.ini}: expected true or false, got {given.text!r}")
    return word in TRUE


def _words(setting: Setting, given: list[str]) -> tuple[str, ...]:
    if setting.kind != "list":
        return tuple(word.strip() for word in given if word.strip())
    return tuple(word.strip() for line in given for word in line.split(",") if word.strip())
