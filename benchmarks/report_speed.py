"""
How long a report of many messages takes to write, to open in Chromium and to filter, and how much memory it needs.

5,000 messages of 4 kB in 500 tests, on 2 shared cores (AMD EPYC) that were overloaded two to four times by other
work, Python 3.11, Chromium, 2026-11-25, the median of five runs:

    3.3 s   of processor time to write it, in 4.6 to 8 s of wall-clock time
    8.7 MB  more memory than before
    47 MB   file
    1.3 s   until it is open and drawn
    0.1 s   at most for any search, any filter and the next message
    7 MB    JavaScript heap of the page
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from email import policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "report"))

from _chromium import Chromium, find_chromium
from _run import Run
from fuzz_smime import peak_megabytes

HTML = """<html lang="en"><head><style>.b{{color:#369}}</style></head><body><h1>Order {n}</h1><table>{rows}</table>
<p><a href="https://shop.example.org/orders/{n}">See your order</a></p><img src="https://cdn.example.org/x.png" alt="x">
</body></html>"""
ROW = '<tr><td class="b">Article {0}</td><td align="right">{0}.00</td></tr>'


def order_mail(number: int) -> bytes:
    """A message like those that a shop sends: text and HTML, about 4 kB."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = "Shop <shop@example.org>"
    message["To"] = f"customer{number}@example.com"
    message["Subject"] = f"Your order {number}"
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="example.org")
    message.set_content(f"Thank you for order {number}.\n")
    rows = "".join(map(ROW.format, range(40)))
    message.add_alternative(HTML.format(n=number, rows=rows), subtype="html")
    return message.as_bytes()


def open_and_filter(program: str, path: Path) -> dict[str, float]:
    """Milliseconds in the browser until the page is loaded and drawn, and until it is redrawn after each kind of input."""
    drawn = "new Promise((r) => requestAnimationFrame(() => setTimeout(() => r(performance.now() - begin))))"
    script = "(() => { const begin = performance.now(); %s; return " + drawn + "; })()"
    search = "const s = document.getElementById('search'); s.value = '%s'; s.dispatchEvent(new Event('input'))"
    click = "document.querySelector('[data-filter=%s]').click()"
    press = "document.dispatchEvent(new KeyboardEvent('keydown', {key: 'j'}))"
    found: dict[str, float] = {}
    with Chromium(program) as browser, browser.page() as page:
        start = time.perf_counter()
        page.open_file(path)
        page.run("new Promise((r) => requestAnimationFrame(() => setTimeout(r)))")
        found["open"] = (time.perf_counter() - start) * 1000
        found["search: one letter"] = page.run(script % (search % "o"))
        found["search: one message"] = page.run(script % (search % "to:customer4321@"))
        found["search: nothing"] = page.run(script % (search % "nowhere"))
        found["search: all again"] = page.run(script % (search % ""))
        found["filter: failed tests"] = page.run(script % (click % "failed"))
        found["filter: off"] = page.run(script % (click % "failed"))
        found["next message"] = page.run(script % press)
        page.call("Performance.enable")
        metrics = page.call("Performance.getMetrics")["metrics"]
    heap = next(m["value"] for m in metrics if m["name"] == "JSHeapUsedSize")
    print(f"{heap / 1e6:8.1f} MB  JavaScript heap of the page")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--tests", type=int, default=500)
    options = parser.parse_args()
    each = options.messages // options.tests
    with tempfile.TemporaryDirectory() as directory:
        run = Run(Path(directory))
        for test in range(options.tests):
            mails = [order_mail(test * each + n) for n in range(each)]
            said = [
                {
                    "subject": f"Your order {test * each + n}",
                    "to": f"customer{test * each + n}@example.com",
                }
                for n in range(each)
            ]
            outcome = "failed" if test % 50 == 7 else "passed"
            name = f"tests/test_shop.py::test_{test}"
            run.test(name, *zip(mails, said, strict=True), outcome=outcome)
        before = peak_megabytes()
        start, busy = time.perf_counter(), time.process_time()
        path = run.write()
        busy = time.process_time() - busy
        taken = time.perf_counter() - start
        print(f"{taken:8.2f} s   write {options.messages} messages, of which {busy:.2f} s busy")
        grown = peak_megabytes() - before
        print(f"{grown:8.1f} MB  more memory than before")
        print(f"{path.stat().st_size / 1e6:8.1f} MB  file")
        program = find_chromium()
        if program is None:
            print("no Chromium here")
            return
        for what, milliseconds in open_and_filter(program, path).items():
            print(f"{milliseconds:8.0f} ms  {what}")


if __name__ == "__main__":
    main()
