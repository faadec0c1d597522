"""The fixtures. Everything heavy is imported inside them, when the first one is used."""

from __future__ import annotations

import sys
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mailtrap._hooks.checks import add_check, add_note
from pytest_mailtrap._hooks.per_test import run_of
from pytest_mailtrap._run.settings import intercept_for_the_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import trustme

    from pytest_mailtrap._hooks.marker_options import MarkerOptions
    from pytest_mailtrap._hostile.scenario import Scenario
    from pytest_mailtrap._server.options import Options
    from pytest_mailtrap._smime.issue.keywords import SMIMEIdentityFactory
    from pytest_mailtrap._text.choices import Mode
    from pytest_mailtrap._trap.hostile_mail_trap import HostileMailTrap
    from pytest_mailtrap._trap.mail_trap import MailTrap
    from pytest_mailtrap._trap.mail_trap_factory import MailTrapFactory


@pytest.fixture(scope="session")
def mailtrap_ca() -> trustme.CA:
    """The throwaway CA that issues the certificates of all traps; override it to use your own."""
    _prepare_for_fake_files()
    from pytest_mailtrap._server.certificate_authority import new_ca

    return new_ca()


@pytest.fixture(scope="session")
def mailtrap_factory(
    request: pytest.FixtureRequest, mailtrap_ca: trustme.CA
) -> Iterator[MailTrapFactory]:
    """Creates additional mail traps: `with mailtrap_factory(starttls="require") as trap:`."""
    _prepare_for_fake_files()
    from pytest_mailtrap._trap.mail_trap_factory import MailTrapFactory

    run = run_of(request.config)
    factory = MailTrapFactory(mailtrap_ca, observer=run.recorder, defaults=run.trap_options())
    yield factory
    factory.close()


def _prepare_for_fake_files() -> None:
    """Before the first import for a trap; a test that names a trap among its arguments is prepared when it is collected."""
    if "pyfakefs" in sys.modules:
        from pytest_mailtrap._hooks.fake_files import import_all_if_active

        import_all_if_active()


@pytest.fixture(scope="session")
def smime_identity(mailtrap_factory: MailTrapFactory) -> SMIMEIdentityFactory:
    """Issues S/MIME identities (certificate and key) under the traps' CA: `smime_identity("alice@example.org")`."""
    return mailtrap_factory.smime_identity


@pytest.fixture
def mailtrap(
    request: pytest.FixtureRequest, mailtrap_factory: MailTrapFactory
) -> Iterator[MailTrap]:
    """A mail trap with STARTTLS on `port` and implicit TLS on `tls_port`; for options see @pytest.mark.mailtrap."""
    from pytest_mailtrap._trap.fault_scripting import unfired_faults
    from pytest_mailtrap._trap.mail_trap import mail_note
    from pytest_mailtrap._trap.mail_trap_factory import running

    options, hostile = trap_options(request.node), _hostile_options(request.node)
    with running(mailtrap_factory, options, hostile=hostile) as trap:
        add_check(request.node, partial(unfired_faults, trap))
        add_note(request.node, partial(mail_note, trap))
        yield trap


@pytest.fixture
def hostile_mailtrap(
    request: pytest.FixtureRequest, mailtrap_factory: MailTrapFactory
) -> Iterator[HostileMailTrap]:
    """A mail trap that runs one hostile scenario per test; see its `assert_client_refuses(send)`."""
    from pytest_mailtrap._hostile.trial import is_available
    from pytest_mailtrap._trap.mail_trap import mail_note
    from pytest_mailtrap._trap.mail_trap_factory import running_hostile

    if not hasattr(request, "param"):
        pytest.fail(
            "hostile_mailtrap is parametrized: request it as an argument of the test, or of one of its fixtures",
            pytrace=False,
        )
    node = request.node
    marked = marked_options(node)
    scenario = _scenario_of_test(request.param, marked.mode)
    if not is_available(scenario):
        pytest.skip(f"this OpenSSL cannot serve {scenario.maximum_tls}")
    is_named = marked.scenarios is not None or not _marker_chooses_scenarios(
        node, ["hostile_mailtrap"]
    )
    with running_hostile(
        mailtrap_factory,
        trap_options(node),
        scenario,
        marked.mode,
        strict=marked.strict or is_named,
    ) as trap:
        add_note(node, partial(mail_note, trap))
        yield trap


def _scenario_of_test(given: str | Scenario, mode: Mode) -> Scenario:
    """The scenario of a test; fails the test if its own parameters do not name one."""
    from pytest_mailtrap._hostile.scenarios import family

    try:
        [scenario] = family(mode, scenarios=[given])
    except ValueError as error:
        wrong = error
    else:
        return scenario
    pytest.fail(f"hostile_mailtrap: {wrong}", pytrace=False)


def generate_scenarios(metafunc: pytest.Metafunc) -> None:
    """One test per scenario for each test with `hostile_mailtrap`; if its marker is wrong, one test that reports it."""
    if not _marker_chooses_scenarios(metafunc.definition, metafunc.fixturenames):
        return
    try:
        options = marked_options(metafunc.definition)
        scenarios = options.chosen_scenarios()
    except (TypeError, ValueError):
        return  # check_marker() fails the test; an error here would end the run before its first test
    _parametrize(metafunc, options, scenarios)


def _parametrize(
    metafunc: pytest.Metafunc, options: MarkerOptions, scenarios: tuple[Scenario, ...]
) -> None:
    skips = options.skip_scenarios or {}
    parameters = [
        pytest.param(
            scenario,
            id=scenario.id,
            marks=[pytest.mark.skip(reason=skips[scenario.id])] if scenario.id in skips else [],
        )
        for scenario in scenarios
    ]
    metafunc.parametrize("hostile_mailtrap", parameters, indirect=True)


def _marker_chooses_scenarios(node: pytest.Item, fixtures: Sequence[str]) -> bool:
    """Whether the test's marker chooses its scenarios, rather than its own @pytest.mark.parametrize."""
    return "hostile_mailtrap" in fixtures and not any(
        "hostile_mailtrap" in str(marker.args[:1]) for marker in node.iter_markers("parametrize")
    )


def trap_options(node: pytest.Item) -> Options:
    """The options for the trap of a test: those of its markers, else those of the whole run."""
    intercept = intercept_for_the_run(node.config)
    if node.get_closest_marker("mailtrap") is None:
        return _unmarked(intercept)
    return marked_options(node).for_the_trap(intercept=intercept)


def _hostile_options(node: pytest.Item) -> Mapping[str, Any] | None:
    """What the markers of a test say about the hostile scenarios that its trap may run."""
    if node.get_closest_marker("mailtrap") is None:
        return None
    return marked_options(node).hostile_options()


@cache
def _unmarked(intercept: bool | tuple[str, ...]) -> Options:
    """Shared by all tests without a marker, of which there are many."""
    from pytest_mailtrap._server.options import Options

    return Options(intercept=intercept)


def marked_options(node: pytest.Item) -> MarkerOptions:
    """
    The options of all `mailtrap` markers of a test; the closest marker overrides the others.

    TypeError or ValueError if they are wrong.
    """
    from pytest_mailtrap._hooks.marker_options import MarkerOptions

    options: dict[str, Any] = {}
    for marker in node.iter_markers("mailtrap"):
        if marker.args:
            raise TypeError(f"only keyword arguments are allowed, got {marker.args!r}")
        options = _with_farther(options, marker.kwargs)
    return MarkerOptions.of(options)


def _with_farther(options: dict[str, Any], farther: Mapping[str, Any]) -> dict[str, Any]:
    """Add the keywords of a marker *farther* from the test; the two keywords for requirements count as one."""
    same = {"require", "require_only"}
    rest = {k: v for k, v in farther.items() if not (k in same and same & options.keys())}
    return {**rest, **options}


def check_marker(item: pytest.Item) -> MarkerOptions | None:
    """Fail a test with a wrong marker before it runs, even if it does not use the fixture; else return its options."""
    if item.get_closest_marker("mailtrap") is None:
        return None
    try:
        options = marked_options(item)
        if _marker_chooses_scenarios(item, getattr(item, "fixturenames", [])):
            options.chosen_scenarios()
        else:
            options.check_names()
    except (TypeError, ValueError) as error:
        wrong = error
    else:
        _use_the_trap(item, options)
        return options
    # Outside of the except block, which would show the error twice.
    pytest.fail(f"@pytest.mark.mailtrap: {wrong}", pytrace=False)


def _use_the_trap(item: pytest.Item, options: MarkerOptions) -> None:
    """Start the trap if the marker wants it to intercept or to be trusted, even if the test does not name it."""
    names: list[str] = getattr(item, "fixturenames", [])
    if (options.intercept or options.trust) and not {"mailtrap", "hostile_mailtrap"} & {*names}:
        # A new list: the existing one is shared with other parameters of the same test.
        item.fixturenames = ["mailtrap", *names]  # type: ignore[attr-defined]  # of all items with fixtures
