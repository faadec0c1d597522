"""The methods of a trap with which a test scripts faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mailtrap._assertions.failure_text import explain_unfired
from pytest_mailtrap._smtp.faults import Rule, command_name

if TYPE_CHECKING:
    from pytest_mailtrap._smtp.faults import Rules


class FaultScripting:
    """
    Scripts faults for future commands.

    Each method counts from its call: the fault applies to the *nth* such command from then on, and to the next *times* - 1 of them.
    With *times* None, it applies to all later ones.
    Of several faults for one command, the first one applies until it is used up, then the next one; a delay adds to the fault after it.
    *command* is an SMTP command, even one that the trap does not implement (ETRN, XCLIENT), "CONNECT" (the greeting), "HANDSHAKE" (the beginning of TLS) or "END-OF-MESSAGE" (the final dot, also ".").
    *matching* limits the fault to commands with this text in their argument, *inside_tls* to those inside (True) or outside (False) of TLS.

    A fault that never happened fails the test at its end: the test did not test what it claims to.
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
        Answer *command* with *code* and *text*; several lines or several texts make a multi-line reply.

        With 4xx and 5xx, the command is not carried out: after reply("END-OF-MESSAGE", 552) the message is not captured.
        With 2xx, it is carried out, and only the text differs.
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
        Drop the connection instead of replying to *command*, without an orderly TLS closure.

        "DATA" means the last reply, the one to the final dot, as "END-OF-MESSAGE" does.
        The message is captured, but its sender gets no confirmation: this is how duplicates arise.
        To end the connection before the message, use reply("DATA", 421).
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
        """Wait *seconds* before *command* is carried out and answered; the wait ends if the client disconnects."""
        __tracebackhide__ = True
        if not seconds:
            raise ValueError(f"seconds must be a number greater than 0, got {seconds!r}")
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
    rules = trap._rules  # noqa: SLF001  # both classes are in this file
    unfired = rules.unfired()
    return explain_unfired(unfired, total=rules.count()) if unfired else None


def _rule(**facts: Any) -> Rule:  # those of Rule, which checks them
    """The rule; an error is raised without the traceback of the checks, since the mistake is in the call."""
    __tracebackhide__ = True
    try:
        return Rule(**facts)
    except (TypeError, ValueError) as error:
        wrong = error
    raise wrong.with_traceback(None)


def _joined(text: str | list[str] | tuple[str, ...]) -> str:
    """Several texts as one; anything else stays as it is, and the rule rejects it."""
    if isinstance(text, list | tuple) and all(isinstance(line, str) for line in text):
        return "\n".join(text)
    return text  # type: ignore[return-value]  # the rule rejects it
