"""A remark does not fail any test, and is shown at the end of every run that has one."""

from __future__ import annotations

import pytest
from _policy_outputs import summary

REMARKING = """
def test_order(mailtrap):
    mailtrap._server.observer.remarked("accepts a certificate with a weak key (certificate-weak-key)")

def test_else(mailtrap): send(mailtrap)
"""
REMARK = [
    "1 remark:",
    "  test_shop.py::test_order: accepts a certificate with a weak key (certificate-weak-key)",
]


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["one process", "workers"])
def test_a_remark_is_told_without_any_setting(project, options):
    """The remark is shown, and nothing else."""
    result = project(REMARKING, *options)
    result.assert_outcomes(passed=2)
    assert summary(result) == REMARK


def test_without_a_remark_nothing_is_told(project):
    """The negative control."""
    assert not summary(project("def test_else(mailtrap): send(mailtrap)"))


def test_remarks_stand_below_the_totals(project):
    """If the run has a policy, the remarks follow its totals."""
    assert summary(project(REMARKING, "--mailtrap-policy=testing")) == [
        "1 message in 1 test: 1 TLSv1.3",
        "policy testing (tls): 1 message judged",
        *REMARK,
    ]


def test_the_same_remark_of_a_test_is_told_once(project):
    """Different remarks are listed and counted separately."""
    source = """
def test_order(mailtrap):
    for text in ("one", "one", "two"):
        mailtrap._server.observer.remarked(text)
"""
    assert summary(project(source)) == [
        "2 remarks:",
        "  test_shop.py::test_order: one",
        "  test_shop.py::test_order: two",
    ]


def test_the_page_of_the_step_has_them(project, pytester, monkeypatch):
    """GitHub's summary page is written even for a remark alone, and has no totals if nothing was counted."""
    page = pytester.path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    project(REMARKING)
    text = page.read_text("utf-8")
    assert text.startswith("### Mail\n\n#### Remarks\n\n| test | what |\n")
    assert "accepts a certificate with a weak key (certificate-weak-key) |" in text
