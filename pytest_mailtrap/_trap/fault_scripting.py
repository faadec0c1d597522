"""The faults that a test scripts: the part of a trap that takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mailtrap._assertions.failure_text import explain_unfired
from pytest_mailtrap._smtp.faults import Rule, command_name

if TYPE_CHECKING:
    from pytest_mailtrap._smtp.faults import Rules


class FaultScripting:
    """
    Takes faults for the commands to come.

    Each method counts from its call: it acts on the *nth* command of that name from now on, and on the *times* - 1 behind it; *times* None is
    every one.
    Of several faults for one command the first one counts until it is used up, then the next; delays add to what follows.
    *command* is an SMTP command, "CONNECT" (the greeting), "HANDSHAKE" (the beginning of TLS) or "END-OF-MESSAGE" (the final dot, also ".").
    *matching* narrows it to commands with this text in their argument, *inside_tls* to those inside (True) or outside (False) of TLS.

    A fault that never happened fails the test at its end: the test did not test what it says.
    """

    _rules: Rules

    def reply(
        self,
        command: str,
        code: int,
        text: str | list[str] | tuple[str, ...] = "",
        *,
        times: int | None = 1,
        nth: int = 1,
        matching: str | None = None,
        inside_tls: bool | None = None,
    ) -> None:
        """
        Let *command* be answered with *code* and *text*; its lines, or several texts, make a multi-line reply.

        With 4xx and 5xx it is not carried out: after reply("END-OF-MESSAGE", 552) the message is not captured.
        With 2xx it is, and only the words are others.
        421 closes the connection (RFC 5321, section 3.8).
        """
        __tracebackhide__ = True
        self._add(
            _rule(
                command=command,
                code=code,
                text=_joined(text),
                times=times,
                nth=nth,
                matching=matching,
                inside_tls=inside_tls,
            )
        )

    def disconnect(
        self,
        command: str,
        *,
        times: int | None = 1,
        nth: int = 1,
        matching: str | None = None,
        inside_tls: bool | None = None,
    ) -> None:
        """
        Cut the connection in place of the reply to *command*, without closing TLS in order.

        With "DATA" it is the last reply, the one to the final dot, as with "END-OF-MESSAGE".
        The message is captured, though its sender is never told: so duplicates come about.
        reply("DATA", 421) ends the connection before the message.
        """
        __tracebackhide__ = True
        self._add(
            _rule(
                command="END-OF-MESSAGE" if command_name(command) == "DATA" else command,
                disconnect=True,
                times=times,
                nth=nth,
                matching=matching,
                inside_tls=inside_tls,
            )
        )

    def delay(
        self,
        command: str,
        seconds: float,
        *,
        times: int | None = 1,
        nth: int = 1,
        matching: str | None = None,
        inside_tls: bool | None = None,
    ) -> None:
        """Wait *seconds* before *command* is carried out and answered; a client that leaves ends the wait."""
        __tracebackhide__ = True
        if not seconds:
            raise ValueError(f"seconds must be a number more than 0, got {seconds!r}")
        self._add(
            _rule(
                command=command,
                delay=seconds,
                times=times,
                nth=nth,
                matching=matching,
                inside_tls=inside_tls,
            )
        )

    def _add(self, rule: Rule) -> None:
        __tracebackhide__ = True
        self._rules.add(rule)


def unfired_faults(trap: FaultScripting) -> str | None:
    """The text of a failure if a scripted fault of *trap* has not happened, else None."""
    rules = trap._rules  # noqa: SLF001  # the file of both
    unfired = rules.unfired()
    return explain_unfired(unfired, total=rules.count()) if unfired else None


def _rule(**facts: Any) -> Rule:  # of Rule, which checks them
    """The rule; without the lines that checked it, where they are wrong: the mistake is in the call."""
    __tracebackhide__ = True
    try:
        return Rule(**facts)
    except (TypeError, ValueError) as error:
        wrong = error
    raise wrong.with_traceback(None)


def _joined(text: str | list[str] | tuple[str, ...]) -> str:
    """Several texts as one; what is none, as it is: the rule says so."""
    if isinstance(text, list | tuple) and all(isinstance(line, str) for line in text):
        return "\n".join(text)
    return text  # type: ignore[return-value]  # for the rule to complain of
