"""
What the settings of a run mean for its mail.

Rules of this file: an invalid value raises a ValueError that says what is allowed; `_run.settings` knows where a
setting comes from.
"""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from pytest_mailtrap._assertions.requirements import DEFAULT, parse_requirements
from pytest_mailtrap._run import settings
from pytest_mailtrap._run.policy import Policy
from pytest_mailtrap._text.terms import POLICIES

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

KEPT_MAIL = ("fail", "report")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def policy_of_the_run(config: pytest.Config) -> Policy:
    """The policy that applies unless a marker or a trap says otherwise."""
    mode = settings.given(config, settings.POLICY)
    require = settings.given(config, settings.REQUIRE)
    try:
        # A flag with an empty value counts as an unknown requirement: it must not silently require nothing.
        demands = () if require is None else parse_requirements(require.words or ("",))
    except ValueError as error:
        raise ValueError(f"{settings.REQUIRE.ini}: {error}") from None
    if mode is None:
        if require is None:
            return Policy()
        raise ValueError(
            f"{require.origin} has no effect: set {settings.POLICY.ini} to testing or enforce, "
            "or to none to keep it for other runs"
        )
    if mode.text not in POLICIES:
        raise ValueError(
            f"{settings.POLICY.ini}: expected one of {', '.join(POLICIES)}, got {mode.text!r}"
        )
    if mode.text == "none":
        return Policy(origin=mode.origin)
    return Policy(
        mode=mode.text,
        require=DEFAULT if require is None else demands,
        origin=mode.origin,
        required_by="" if require is None else require.origin,
    )


def mail_expected_by(config: pytest.Config) -> str:
    """Where it was set that mail is expected, for people; "" if none is."""
    given = settings.given(config, settings.EXPECT_MAIL)
    return given.origin if given and settings.switch(settings.EXPECT_MAIL, given) else ""


def kept_mail_fails(config: pytest.Config) -> bool:
    """Whether an enforced policy fails a test whose mail stays in the process."""
    given = settings.given(config, settings.KEPT_MAIL)
    if given is not None and given.text not in KEPT_MAIL:
        raise ValueError(
            f"{settings.KEPT_MAIL.ini}: expected one of {', '.join(KEPT_MAIL)}, got {given.text!r}"
        )
    return given is None or given.text == "fail"


def credentials_of_the_run(
    config: pytest.Config,
) -> tuple[str, str] | Literal["any"] | None:
    """What traps accept unless they say otherwise; ValueError if the setting names no variable with a user and a password."""
    given = settings.given(config, settings.CREDENTIALS)
    if given is None:
        return None
    if given.text == "any":
        return "any"
    # Neither the value of the variable nor what may be one is shown.
    if not _VARIABLE.fullmatch(given.text):
        raise ValueError(
            f"{given.origin}: expected the name of an environment variable that holds user:password, or any"
        )
    if given.text not in os.environ:
        raise ValueError(f"{given.origin}: the environment variable {given.text} is not set")
    user, _, password = os.environ[given.text].partition(":")
    if not (user and password):
        raise ValueError(
            f"{given.origin}: the environment variable {given.text} must hold user:password"
        )
    return user, password


def accepted_in_words(config: pytest.Config) -> str:
    """Which credentials the traps accept, without the credentials; "" if each trap makes them up."""
    given = settings.given(config, settings.CREDENTIALS)
    if given is None:
        return ""
    what = (
        "any user and password" if given.text == "any" else f"the user and password in {given.text}"
    )
    return f"traps accept {what}, set by {given.origin}"


def check_engine() -> None:
    """ValueError if the report cannot be written."""
    if find_spec("jinja2") is None:
        raise ValueError(
            f"{settings.REPORT.flag} requires Jinja2: pip install 'pytest-mailtrap[report]'"
        )


def path(config: pytest.Config, setting: settings.Setting) -> Path | None:
    """The path given for *setting*, if any."""
    given = settings.given(config, setting)
    if given is None:
        return None
    if not given.text:
        raise ValueError(f"{given.origin}: expected a path, got ''")
    return given.base / given.text


def switch(config: pytest.Config, setting: settings.Setting) -> bool:
    """Whether *setting* is on."""
    return settings.switch(setting, settings.given(config, setting))
