"""`require` adds to what the run requires, `require_only` replaces it: in a marker, and in an option of the factory."""

from __future__ import annotations

import pytest
from _optional_parts import needs_smime
from _policy_outputs import summary

from pytest_mailtrap._assertions.requirements import added

ENFORCE = 'mailtrap_policy = "enforce"'
AUTH = f'{ENFORCE}\nmailtrap_require = ["auth"]'
TEST = """
@pytest.mark.mailtrap({marker})
def test_order(mailtrap): send(mailtrap, {how})
"""
SHARED = """
def test_order(mailtrap_factory):
    with mailtrap_factory({options}) as trap:
        send(trap, {how})
"""


@pytest.mark.parametrize(
    ("ini", "marker", "good", "bad", "closing"),
    [
        # The run's own requirement holds beside the marker's, and the failure says whose it is.
        (
            AUTH,
            "require=['tls']",
            "login=True",
            "login=False",
            "Policy enforce: auth (mailtrap_require in pyproject.toml)",
        ),
        (
            ENFORCE,
            "require=['auth']",
            "login=True",
            "login=False",
            "Policy enforce: auth (@pytest.mark.mailtrap)",
        ),
        (
            ENFORCE,
            "require=['auth-over-tls']",
            "tls=True",
            "tls=False",
            "Policy enforce: tls (mailtrap_policy in pyproject.toml)",
        ),
        # Without a policy of the run it adds to tls.
        (
            "",
            "require=['auth-over-tls']",
            "tls=True",
            "tls=False",
            "Policy enforce: tls (@pytest.mark.mailtrap)",
        ),
        # What is required only, is required.
        (
            "",
            "require_only=['auth']",
            "login=True",
            "login=False",
            "Policy enforce: auth (@pytest.mark.mailtrap)",
        ),
    ],
)
@pytest.mark.parametrize("form", [TEST, SHARED], ids=["marker", "factory"])
def test_what_is_required(project, form, ini, marker, good, bad, closing):
    """Both parts of the sum are enforced: mail that meets both passes, mail that misses either fails under its name."""
    keyword = "marker" if form is TEST else "options"
    closing = closing.replace(
        "@pytest.mark.mailtrap", "mailtrap_factory" if form is SHARED else "@pytest.mark.mailtrap"
    )
    project(form.format(**{keyword: marker, "how": good}), ini=ini).assert_outcomes(passed=1)
    result = project(form.format(**{keyword: marker, "how": bad}), ini=ini)
    result.assert_outcomes(failed=1)
    assert closing in result.stdout.str()


@pytest.mark.parametrize(
    ("ini", "marker"),
    [
        ("", "require_only=['auth-over-tls']"),
        ('mailtrap_policy = "none"', "policy='enforce', require_only=['auth-over-tls']"),
        (ENFORCE, "require_only=['auth-over-tls'], reason='no TLS there'"),
    ],
)
def test_require_only_drops_the_rest(project, ini, marker):
    """Cleartext passes if `require_only` omits tls; no reason is needed if the run itself requires nothing."""
    source = TEST.format(marker=marker, how="tls=False")
    project(source, ini=ini).assert_outcomes(passed=1)
    added = source.replace("require_only", "require")
    project(added, ini=ini).assert_outcomes(failed=1)


@needs_smime
@pytest.mark.parametrize("form", [TEST, SHARED], ids=["marker", "factory"])
def test_require_only_that_is_less_needs_a_reason(project, form):
    """It is an error before the test runs, and the message says what is missing."""
    keyword = "marker" if form is TEST else "options"
    source = form.format(**{keyword: "require_only=['smime-signed']", "how": ""})
    result = project(source, ini=ENFORCE)
    outcome = {"errors": 1} if form is TEST else {"failed": 1}
    result.assert_outcomes(**outcome)
    result.stdout.fnmatch_lines(
        [
            (
                "*policy enforce (smime-signed) is weaker than policy enforce (tls), "
                'set by mailtrap_policy in pyproject.toml: also require tls, or give a reason with reason="..."'
            )
        ]
    )


def test_the_reason_of_require_only_is_listed(project):
    """An exemption is listed at the end of the run."""
    marker = "require_only=['auth-over-tls'], reason='no TLS there'"
    result = project(TEST.format(marker=marker, how="tls=False"), ini=ENFORCE)
    assert summary(result)[-2:] == [
        "1 test exempt from the policy:",
        "  test_shop.py::test_order: no TLS there",
    ]


@pytest.mark.parametrize("form", [TEST, SHARED], ids=["marker", "factory"])
@pytest.mark.parametrize("name", ["require", "require_only"])
def test_a_typo_is_an_error_with_a_guess(project, form, name):
    """Otherwise a misspelled requirement would silently require nothing."""
    keyword = "marker" if form is TEST else "options"
    result = project(form.format(**{keyword: f"{name}=['smime-sgned']", "how": ""}))
    assert "passed" not in result.parseoutcomes()
    result.stdout.fnmatch_lines(
        [
            "*unknown requirement 'smime-sgned' (did you mean 'smime-signed'?), expected one or more of tls*"
        ]
    )


@pytest.mark.parametrize("form", [TEST, SHARED], ids=["marker", "factory"])
def test_both_at_once_are_an_error(project, form):
    """Adding to the requirements and replacing them contradict each other."""
    keyword = "marker" if form is TEST else "options"
    both = "require=['tls'], require_only=['tls']"
    result = project(form.format(**{keyword: both, "how": ""}))
    assert "passed" not in result.parseoutcomes()
    result.stdout.fnmatch_lines(["*require_only replaces it: give one of the two*"])


@pytest.mark.parametrize(
    ("outer", "inner", "outcome"),
    [
        ("require=['auth']", "require_only=['auth-over-tls']", "passed"),
        ("require_only=['auth-over-tls']", "require=['auth']", "failed"),
        ("require_only=['auth-over-tls']", "starttls='offer'", "passed"),
    ],
)
def test_of_several_markers_the_closest_counts(project, outer, inner, outcome):
    """A test's own marker decides, whichever of the two keywords its module's marker uses."""
    source = (
        f"pytestmark = pytest.mark.mailtrap({outer})\n{TEST.format(marker=inner, how='tls=False')}"
    )
    project(source).assert_outcomes(**{outcome: 1})


def test_what_another_one_includes_is_not_named_twice():
    """TLS 1.3 includes TLS; if two are equivalent, the one that was there first stays."""
    assert added(("tls",), ("tls>=1.3",)) == ("tls>=1.3",)
    assert added(("tls>=1.3",), ("tls",)) == ("tls>=1.3",)
    assert added(("tls",), ("tls>=1.2",)) == ("tls",)
    assert added(("tls>=1.2",), ("tls",)) == ("tls>=1.2",)
    assert added(("auth-over-tls", "tls"), ("auth",)) == ("tls", "auth")
    assert added(("smime-signed",), ("tls",)) == ("smime-signed", "tls")
    assert added((), ()) == ()
