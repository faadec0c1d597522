"""How the policy is set: what is accepted, and what is a usage error."""

from __future__ import annotations

import pytest
from _optional_parts import needs_smime
from _policy_outputs import failure
from _policy_projects import CLEARTEXT, ENCRYPTED


@pytest.mark.parametrize(
    ("ini", "words"),
    [
        (
            'mailtrap_policy = "enforced"',
            "mailtrap_policy: expected one of none, testing, enforce, got 'enforced'",
        ),
        (
            'mailtrap_policy = "enforce"\nmailtrap_require = ["tls>1.3"]',
            (
                "mailtrap_require: unknown requirement 'tls>1.3' (did you mean 'tls>=1.3'?), expected one or more of "
                "tls, tls>=1.2, tls>=1.3, auth, auth-over-tls, verified-client-certificate, smime-signed, smime-encrypted, mail"
            ),
        ),
        (
            'mailtrap_require = "tls"',
            (
                "mailtrap_require in pyproject.toml has no effect: set mailtrap_policy to testing or enforce, "
                "or to none to keep it for other runs"
            ),
        ),
        (
            'mailtrap_require = "tlsx"',
            "mailtrap_require: unknown requirement 'tlsx' (did you mean 'tls'?), expected one or more of tls, *",
        ),
        (
            'mailtrap_policy = "none"\nmailtrap_require = "tlsx"',
            "mailtrap_require: unknown requirement 'tlsx' (did you mean 'tls'?), expected one or more of tls, *",
        ),
        (
            'mailtrap_junit_properties = "maybe"',
            "mailtrap_junit_properties: invalid truth value 'maybe'",
        ),
    ],
)
def test_wrong_settings_are_usage_errors(project, ini, words):
    """An invalid setting stops the run at once, and the error says what is allowed."""
    result = project(ENCRYPTED, ini=ini)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {words.replace('[', '[[]')}"])


with_types = pytest.mark.skipif(
    pytest.version_tuple < (9,), reason="pytest has tables with types since version 9"
)
SETTINGS = """
mailtrap_policy = "testing"
mailtrap_require = ["tls", "smime-signed"]
mailtrap_save = "mail"
mailtrap_junit_properties = true
mailtrap_guard = false
"""


@needs_smime
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", f"[tool.pytest.ini_options]\n{SETTINGS}"),
        ("pytest.ini", "[pytest]" + SETTINGS.translate(dict.fromkeys(map(ord, '"[]')))),
        pytest.param("pytest.toml", f"[pytest]\n{SETTINGS}", marks=with_types),
        pytest.param("pyproject.toml", f"[tool.pytest]\n{SETTINGS}", marks=with_types),
    ],
)
def test_settings_are_written_as_they_come(project, pytester, file, text):
    """A string, a list, a path and a switch, in each file that pytest reads, with and without types."""
    result = project(CLEARTEXT, "--junitxml=junit.xml")
    assert "mailtrap:" not in result.stdout.str()
    (pytester.path / "pyproject.toml").unlink()
    (pytester.path / file).write_text(text)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--junitxml=junit.xml")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            (
                f"mailtrap: policy testing (tls, smime-signed), set by mailtrap_policy in {file} "
                f"and mailtrap_require in {file}"
            ),
            "saved to: *mail",
        ]
    )
    assert "mailtrap.messages" in (pytester.path / "junit.xml").read_text()


@with_types
@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ('mailtrap_require = "tls"', "a list"),
        ("mailtrap_intercept = true", "a list"),
        ('mailtrap_guard = "true"', "a bool"),
        ("mailtrap_policy = true", "a string"),
        ("mailtrap_save = 1", "a string"),
    ],
)
def test_a_table_with_types_is_strict(pytester, setting, expected):
    """In pytest's own table of `pyproject.toml`, a value of another type is a usage error that names the setting."""
    pytester.makepyprojecttoml(f"[tool.pytest]\n{setting}")
    pytester.makepyfile("def test_else(): pass")
    result = pytester.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    name = setting.partition(" ")[0]
    result.stderr.fnmatch_lines(f"ERROR: {name}: *'{name}' expects {expected}*")


@with_types
@pytest.mark.parametrize("hosts", ['["true"]', '["smtp.example.com"]'])
def test_hosts_in_a_table_with_types(pytester, hosts):
    """There, what is intercepted is always a list, even if it is just the word for every host."""
    pytester.makepyprojecttoml(f"[tool.pytest]\nmailtrap_intercept = {hosts}")
    pytester.makepyfile(
        """
        import smtplib

        def test_order(mailtrap):
            with smtplib.SMTP("smtp.example.com", 587, timeout=10) as client:
                client.noop()
            assert len(mailtrap.connections) == 1
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_an_unknown_requirement_in_a_marker_fails_its_test(project):
    """Otherwise a misspelled requirement would silently require nothing."""
    result = project(f"@pytest.mark.mailtrap(require=['smime'])\n{ENCRYPTED}")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["@pytest.mark.mailtrap: unknown requirement 'smime'*expected one or more of*"]
    )


def test_requirements_are_read_from_lists_and_lines(project):
    """Commas, list items, blanks and case do not matter."""
    result = project(
        ENCRYPTED, "--mailtrap-policy=enforce", "--mailtrap-require", " TLS >= 1.3, auth-over-tls "
    )
    result.stdout.fnmatch_lines(
        [
            (
                "mailtrap: policy enforce (tls>=1.3, auth-over-tls), set by --mailtrap-policy on the command line "
                "and --mailtrap-require on the command line"
            )
        ]
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("words", ["tls >= 1.3  auth", "tls>=1.3, auth", "auth\n    tls>=1.3"])
def test_blanks_part_requirements_too(project, pytester, words):
    """An ini file has no lists: one line separated by blanks is what many users write first."""
    pytester.makeini(f"[pytest]\nmailtrap_policy = testing\nmailtrap_require = {words}\n")
    result = project(ENCRYPTED, "-c", "tox.ini")
    [header] = [line for line in result.stdout.lines if line.startswith("mailtrap: policy")]
    named = header.partition("(")[2].partition(")")[0]
    assert set(named.split(", ")) == {"tls>=1.3", "auth"}


@pytest.mark.parametrize("order", [("auth", "tls"), ("tls", "auth")])
def test_requirements_of_several_flags_add_up(project, order):
    """If only the last flag counted, it would silently drop what the first one requires."""
    flags = [f"--mailtrap-require={name}" for name in order]
    result = project(ENCRYPTED, "--mailtrap-policy=enforce", *flags)
    result.assert_outcomes(failed=1)
    assert failure(result)[0] == "the message was sent without authentication"


def test_a_flag_that_requires_nothing_is_a_usage_error(project):
    """This happens if a variable of a CI job is empty: nothing would be checked."""
    result = project(CLEARTEXT, "--mailtrap-policy=enforce", "--mailtrap-require=")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: mailtrap_require: unknown requirement '', expected *"])


def test_requirements_wait_for_a_run_with_a_policy(project):
    """With the mode "none" the ini file lists the requirements once; the command line decides when to enforce them."""
    ini = 'mailtrap_policy = "none"\nmailtrap_require = "auth"'
    project(ENCRYPTED, ini=ini).assert_outcomes(passed=1)
    project(ENCRYPTED, "--mailtrap-policy=enforce", ini=ini).assert_outcomes(failed=1)


def test_a_bare_switch_that_takes_the_path_to_the_tests_is_a_usage_error(project):
    """`--mailtrap-junit-properties tests/` would take the path as its value."""
    result = project("def test_order(): pass", "--mailtrap-junit-properties", "test_shop.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*took the path 'test_shop.py' as its value*"])
