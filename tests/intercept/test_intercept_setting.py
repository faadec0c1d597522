"""What `mailtrap_intercept` accepts: a switch or hosts; a word that looks like one is not mistaken for the other."""

from __future__ import annotations

import pytest

from pytest_mailtrap._intercept.hosts import checked

# By what was probably meant.
SWITCHES = {
    " (did you mean true?)": ["enabled", "Enable", "all", "ANY", "y", "t", "always", "*"],
    " (did you mean false?)": ["disabled", "disable", "none", "n", "f", "null", "nil", "never"],
    "": ["maybe", "auto", "default", "2", "007"],
}
MEANT = [(word, guess) for guess, words in SWITCHES.items() for word in words]
ON = ["1", "true", "yes", "on", "True", "YES"]
OFF = ["0", "false", "no", "off", "OFF"]
# A single label is a host, even one that begins like a switch.
HOSTS = ["mailhost", "smtp", "none.example", "allhosts", "on-premises", "127.0.0.1", "all."]

TEST = "def test_it(mailtrap): print('it ran')\n"


def run(pytester, *options, ini=""):
    pytester.makepyfile(TEST)
    if ini:
        pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\nmailtrap_intercept = {ini}\n")
    return pytester.runpytest("-s", *options)


def is_refused(result, text):
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.errlines[-1 if result.errlines[-1] else -2] == f"ERROR: {text}"
    result.stdout.no_fnmatch_line("*it ran*")


@pytest.mark.parametrize(("word", "guess"), MEANT)
def test_a_word_that_reads_like_a_switch(pytester, word, guess):
    """Such a word ends the run before its first test, and the error says what is expected."""
    is_refused(
        run(pytester, f"--mailtrap-intercept={word}"),
        f"--mailtrap-intercept on the command line: expected true, false or host names, got {word!r}{guess}",
    )


@pytest.mark.parametrize("ini", ['"maybe"', '["maybe"]'])
def test_in_the_ini_file(pytester, ini):
    """The ini file is checked in the same way; the error names the file."""
    is_refused(
        run(pytester, ini=ini),
        "mailtrap_intercept in pyproject.toml: expected true, false or host names, got 'maybe'",
    )


@pytest.mark.parametrize("word", ["true", "no", "maybe", "0", "all"])
@pytest.mark.parametrize("form", ["smtp.example.com,{}", "{} smtp.example.com"])
def test_in_a_list_of_hosts(pytester, word, form):
    """No such word is accepted in a list of hosts, not even one that is a switch on its own."""
    is_refused(
        run(pytester, f"--mailtrap-intercept={form.format(word)}"),
        f"--mailtrap-intercept on the command line: expected true, false or host names, got {word!r} in a list of hosts",
    )


@pytest.mark.parametrize("word", ON)
def test_on(pytester, word):
    """The header of the run shows what turned interception on."""
    result = run(pytester, f"--mailtrap-intercept={word}")
    result.assert_outcomes(passed=1)
    assert header(result) == [
        "mailtrap: intercepts mail to any host, set by --mailtrap-intercept on the command line"
    ]


@pytest.mark.parametrize("word", OFF)
def test_off(pytester, word):
    """When interception is off, the header does not mention it."""
    result = run(pytester, f"--mailtrap-intercept={word}", ini="true")
    result.assert_outcomes(passed=1)
    assert header(result) == []


@pytest.mark.parametrize("word", HOSTS)
def test_control_other_words_are_hosts(pytester, word):
    """The control: any other name is a host, and the header of the run shows that it was read as one."""
    result = run(pytester, f"--mailtrap-intercept={word}")
    result.assert_outcomes(passed=1)
    host = word.removesuffix(".")
    assert header(result) == [
        f"mailtrap: intercepts mail to {host}, set by --mailtrap-intercept on the command line"
    ]


@pytest.mark.parametrize(
    ("ini", "hosts"),
    [
        ("true", "any host"),
        ('["smtp.example.com"]', "smtp.example.com"),
        ('["smtp.example.com", "SMTP.elsewhere.example."]', "smtp.example.com, smtp.elsewhere.example"),
    ],
)  # fmt: skip
def test_the_header_names_hosts_and_file(pytester, ini, hosts):
    """The header says which hosts are intercepted and where that was set; under pytest-xdist it says so only once."""
    line = f"mailtrap: intercepts mail to {hosts}, set by mailtrap_intercept in pyproject.toml"
    assert header(run(pytester, ini=ini)) == [line]


def test_the_header_under_xdist(pytester):
    """The controller prints the header."""
    result = run(pytester, "-n1", ini="true")
    result.assert_outcomes(passed=1)
    assert len(header(result)) == 1


def test_control_without_the_setting(pytester):
    """With the guard alone, the header has no such line."""
    assert header(run(pytester, "--mailtrap-guard")) == []


def header(result):
    return [line for line in result.outlines if line.startswith("mailtrap: intercepts")]


@pytest.mark.parametrize("word", [word for word, _ in MEANT if word != "*"])
def test_the_same_by_marker_and_by_call(mailtrap, mailtrap_factory, word):
    """Hosts in a marker, a factory, or a call are checked in the same way."""
    text = f"expected a host name or an IP address, got {word!r}, which reads like a switch"
    for intercept in (
        lambda: mailtrap.intercept(word).__enter__(),
        lambda: mailtrap_factory(intercept=[word]),
        lambda: mailtrap_factory(intercept=("smtp.example.com", word)),
    ):
        with pytest.raises(ValueError) as caught:
            intercept()
        assert str(caught.value) == text
    with pytest.raises(TypeError, match="intercept must be True, False or a list of host names"):
        mailtrap_factory(intercept=word)


def test_control_by_call(mailtrap):
    """The control: hosts are accepted there, too, and a trailing dot makes any name a host."""
    with mailtrap.intercept("mailhost", "all.", "192.0.2.1"):
        pass
    assert [checked(host) for host in HOSTS] == [host.removesuffix(".") for host in HOSTS]


def test_a_marker_fails_its_own_test(pytester):
    """A marker is not a setting of the run: the other tests still run."""
    pytester.makepyfile(
        f"import pytest\n{TEST}\n@pytest.mark.mailtrap(intercept=['maybe'])\ndef test_marked(): pass\n"
    )
    result = pytester.runpytest()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "@pytest.mark.mailtrap: expected a host name or an IP address, got 'maybe', which reads like a switch"
        ]
    )
