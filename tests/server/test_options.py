"""What options a trap takes, and the errors for wrong ones: the same by marker and by factory."""

from __future__ import annotations

import ssl
from dataclasses import fields

import pytest
from _trap_talk import Talk, send

from pytest_mailtrap._hooks.marker_options import MarkerOptions
from pytest_mailtrap._server.options import MARKER_ONLY, Options

KNOWN = (
    "starttls, require_auth, credentials, auth_without_tls, client_certificates, minimum_tls, "
    "maximum_tls, max_message_size, trust, intercept, policy, require, require_only, reason"
)
CREDENTIALS = (
    "credentials must be a (username, password) pair of strings, a mapping of them or 'any'"
)
SIZE = "max_message_size must be a positive whole number of bytes, got "
WRONG = {
    "startls='off'": (
        TypeError,
        f"unknown mailtrap option 'startls' (did you mean 'starttls'?), expected one of {KNOWN}",
    ),
    "colour='red'": (TypeError, f"unknown mailtrap option 'colour', expected one of {KNOWN}"),
    "starttls='always'": (
        ValueError,
        "starttls must be one of offer, require, off, got 'always'",
    ),
    "starttls=None": (ValueError, "starttls must be one of offer, require, off, got None"),
    "starttls=['off']": (ValueError, "starttls must be one of offer, require, off, got ['off']"),
    "client_certificates=True": (
        ValueError,
        "client_certificates must be one of ignore, request, require, got True",
    ),
    "minimum_tls='TLS1.2'": (
        ValueError,
        "minimum_tls must be one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3, got 'TLS1.2'",
    ),
    "maximum_tls=1.3": (
        ValueError,
        "maximum_tls must be one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3, got 1.3",
    ),
    "policy='strict'": (
        ValueError,
        "policy must be one of none, testing, enforce, got 'strict'",
    ),
    "require_auth=1": (TypeError, "require_auth must be True or False, got 1"),
    "require_auth='no'": (TypeError, "require_auth must be True or False, got 'no'"),
    "auth_without_tls=None": (TypeError, "auth_without_tls must be True or False, got None"),
    "trust='yes'": (TypeError, "trust must be True or False, got 'yes'"),
    "intercept='smtp.example.org'": (
        TypeError,
        "intercept must be True, False or a list of host names, got 'smtp.example.org'",
    ),
    "intercept=[]": (
        TypeError,
        "intercept must be True, False or a list of host names, got ()",
    ),
    "max_message_size=0": (ValueError, f"{SIZE}0"),
    "max_message_size=-1": (ValueError, f"{SIZE}-1"),
    "max_message_size=True": (ValueError, f"{SIZE}True"),
    "max_message_size='1MB'": (ValueError, f"{SIZE}'1MB'"),
    "max_message_size=1.5": (ValueError, f"{SIZE}1.5"),
    "max_message_size=1.0": (ValueError, f"{SIZE}1.0"),
    "credentials='hunter2'": (ValueError, CREDENTIALS),
    "credentials=('shop',)": (ValueError, CREDENTIALS),
    "credentials=('shop', 'hunter2', 'x')": (ValueError, CREDENTIALS),
    "credentials=('shop', '')": (ValueError, CREDENTIALS),
    "credentials=('shop', b'hunter2')": (ValueError, CREDENTIALS),
    "credentials={}": (ValueError, CREDENTIALS),
    "credentials={'shop': None}": (ValueError, CREDENTIALS),
    "reason=''": (TypeError, "reason must be a non-empty string, got ''"),
    "reason=' '": (TypeError, "reason must be a non-empty string, got ' '"),
    "require='tls'": (TypeError, "require must be a list of requirements, got 'tls'"),
    "require_only='tls'": (TypeError, "require_only must be a list of requirements, got 'tls'"),
    "require=['auth'], require_only=['tls']": (
        ValueError,
        "require adds to what the run requires, require_only replaces it: give one of the two",
    ),
    "minimum_tls='TLSv1.3', maximum_tls='TLSv1.2'": (
        ValueError,
        "minimum_tls='TLSv1.3' is newer than maximum_tls='TLSv1.2'",
    ),
    "maximum_tls='TLSv1.1'": (
        ValueError,
        "minimum_tls='TLSv1.2' is newer than maximum_tls='TLSv1.1'",
    ),
    "starttls='require', auth_without_tls=True": (
        ValueError,
        "starttls='require' refuses every command before TLS, so auth_without_tls=True contradicts it",
    ),
}


def keywords(text):
    return eval(f"dict({text})")


@pytest.mark.parametrize(("given", "error"), WRONG.items())
def test_wrong_options_of_the_factory(mailtrap_factory, given, error):
    """The call itself fails, before the `with` block, and the error names what is allowed."""
    kind, words = error
    with pytest.raises(kind) as caught:
        mailtrap_factory(**keywords(given))
    assert str(caught.value) == words
    assert "hunter2" not in str(caught.value)


def test_wrong_options_of_the_marker(pytester):
    """The same by marker: every marked test fails before its fixtures run, even if it uses no trap."""
    tests = "".join(
        f"@pytest.mark.mailtrap({given})\ndef test_{number}(loud): print('ran')\n"
        for number, given in enumerate(WRONG)
    )
    pytester.makepyfile(
        "import pytest\n@pytest.fixture\ndef loud(mailtrap_factory): print('set up')\n" + tests
    )
    result = pytester.runpytest("-p", "no:randomly")
    result.assert_outcomes(errors=len(WRONG))
    said = [
        line.removeprefix("@pytest.mark.mailtrap: ")
        for line in result.outlines
        if line.startswith("@pytest.mark.mailtrap: ")
    ]
    # The marker takes some keywords more, and names them.
    more = ", guard, mode, scenarios, skip_scenarios, strict"
    expected = [words.replace(KNOWN, KNOWN + more) for _, words in WRONG.values()]
    assert said == expected
    result.stdout.no_fnmatch_line("set up")
    result.stdout.no_fnmatch_line("ran")


RIGHT = [
    "",
    "starttls='require'",
    "starttls='off', auth_without_tls=True",
    "require_auth=True, credentials=('shop', 'hunter2')",
    "credentials={'shop': 'hunter2', 'desk': 'hunter3'}",
    "client_certificates='request'",
    "minimum_tls='TLSv1.3'",
    "minimum_tls='TLSv1.2', maximum_tls='TLSv1.2'",
    "max_message_size=1",
    "trust=True",
    "reason='a printer'",
]


@pytest.mark.parametrize("name", MARKER_ONLY)
def test_what_only_the_marker_takes(mailtrap_factory, name):
    """These options mean nothing to a trap made by the factory: the error calls them misplaced, not unknown."""
    with pytest.raises(TypeError) as caught:
        mailtrap_factory(**{name: None})
    assert str(caught.value) == (
        f"mailtrap option {name!r} is for @pytest.mark.mailtrap only, expected one of {KNOWN}"
    )
    assert {field.name for field in fields(MarkerOptions)} - {*MARKER_ONLY} == {*KNOWN.split(", ")}


@pytest.mark.parametrize("given", RIGHT)
def test_right_options_of_the_factory(mailtrap_factory, given):
    """The control: valid options make a trap."""
    with mailtrap_factory(**keywords(given)) as trap:
        assert len(trap) == 0


def test_right_options_of_the_marker(pytester):
    """The same by marker."""
    tests = "".join(
        f"@pytest.mark.mailtrap({given})\ndef test_{number}(mailtrap): assert len(mailtrap) == 0\n"
        for number, given in enumerate(RIGHT)
    )
    pytester.makepyfile("import pytest\n" + tests)
    pytester.runpytest().assert_outcomes(passed=len(RIGHT))


def test_the_marker_takes_keywords_only(pytester):
    """A positional argument has no name by which to identify it."""
    pytester.makepyfile(
        "import pytest\n@pytest.mark.mailtrap('require')\ndef test_it(mailtrap): pass\n"
    )
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["@pytest.mark.mailtrap: only keyword arguments are allowed, got ('require',)"]
    )


CLOSEST = """
import smtplib
import pytest

pytestmark = pytest.mark.mailtrap(starttls="off", max_message_size=1000)

def offers(trap):
    with smtplib.SMTP(trap.host, trap.port) as client:
        client.ehlo()
        return client.has_extn("starttls"), client.esmtp_features["size"]

def test_module(mailtrap):
    assert offers(mailtrap) == (False, "1000")

@pytest.mark.mailtrap(max_message_size=2000)
class TestClass:
    def test_class(self, mailtrap):
        assert offers(mailtrap) == (False, "2000")

    @pytest.mark.mailtrap(starttls="offer")
    def test_function(self, mailtrap):
        assert offers(mailtrap) == (True, "2000")

    @pytest.mark.parametrize(
        "value", [pytest.param(3, marks=pytest.mark.mailtrap(max_message_size=3000))]
    )
    def test_parameter(self, mailtrap, value):
        assert offers(mailtrap) == (False, "3000")

def test_factory(mailtrap_factory):
    with mailtrap_factory() as trap:
        assert offers(trap) == (True, "")
"""


def test_the_closest_marker_counts(pytester):
    """Function before class before module, keyword by keyword; markers do not affect the factory."""
    pytester.makepyfile(CLOSEST)
    pytester.runpytest().assert_outcomes(passed=5)


def test_a_wrong_marker_of_a_module_can_be_overridden(pytester):
    """Only the effective value is checked: a wrong value is an error only if a test uses it."""
    pytester.makepyfile(
        """
        import pytest
        pytestmark = pytest.mark.mailtrap(starttls="never")

        @pytest.mark.mailtrap(starttls="off")
        def test_over(mailtrap): pass

        def test_under(mailtrap): pass
        """
    )
    pytester.runpytest().assert_outcomes(passed=1, errors=1)


def test_a_marker_leaves_other_tests_alone(pytester):
    """A wrong marker fails its own test, not the run."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.mailtrap(starttls="never")
        def test_wrong(mailtrap): pass

        def test_right(mailtrap): pass
        """
    )
    pytester.runpytest().assert_outcomes(passed=1, errors=1)


def test_the_marker_is_registered_with_what_it_takes(pytester):
    """`pytest --markers` names every keyword, with its default; --strict-markers accepts the marker."""
    from dataclasses import fields

    text = " ".join(pytester.runpytest("--markers").outlines)
    [signature] = [part for part in text.split("@pytest.mark.") if part.startswith("mailtrap(")]
    for field in fields(MarkerOptions):
        default = field.default
        assert f"{field.name}={default!r}" in signature, field.name


def test_options_are_a_value():
    """Frozen, equal by content, and without the credentials in its repr."""
    one = Options(credentials=("shop", "hunter2"))
    assert one == Options.of({"credentials": ("shop", "hunter2")})
    assert one != Options()
    assert "hunter2" not in repr(one)
    with pytest.raises(AttributeError):
        one.starttls = "off"


def test_passwords():
    """A pair and a mapping are equivalent; None leaves the choice to the trap."""
    assert Options(credentials=("shop", "x")).passwords() == {"shop": "x"}
    assert Options(credentials={"shop": "x", "desk": "y"}).passwords() == {"shop": "x", "desk": "y"}
    assert Options().passwords() is None


def test_lists_are_kept_as_tuples():
    """Changing a list afterwards does not change the options that were made from it."""
    hosts = ["smtp.example.org"]
    options = Options.of({"intercept": hosts})
    hosts.append("mx.example.org")
    assert options.intercept == ("smtp.example.org",)


@pytest.mark.parametrize("secure", [True, False], ids=["tls", "cleartext"])
def test_made_up_credentials_are_new_each_time(mailtrap_factory, secure):
    """A trap with made-up credentials accepts only its own, which differ each time and so cannot be hard-coded."""
    with mailtrap_factory() as one, mailtrap_factory() as other:
        assert one.username == other.username == "mailtrap"
        assert one.password != other.password
        assert len(one.password) >= 16
        if secure:
            send(one, login=True)
            assert one[0].auth.accepted
        else:
            with Talk(one.port) as client:
                client.hello()
                assert client.say("AUTH PLAIN AHgAeA==").startswith("538")


def test_the_versions_named_are_those_of_the_standard_library():
    """The version names in the options are those that `SSLObject.version()` returns."""
    from pytest_mailtrap._text.terms import TLS_VERSIONS

    names = [getattr(ssl.TLSVersion, name.replace(".", "_")) for name in TLS_VERSIONS]
    assert names == sorted(names)
