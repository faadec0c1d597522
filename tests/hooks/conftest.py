"""Fixtures for tests that write a project of their own and run it."""

from __future__ import annotations

from _run_projects import listen, page, project, seen

__all__ = ["listen", "page", "project", "seen"]
