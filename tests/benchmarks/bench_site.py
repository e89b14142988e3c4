"""How soon is the web edition alive, and how quickly does it answer?

    python -m course_utils.notebooks site SITE
    python tests/benchmarks/bench_site.py SITE [--rounds 5]

In Chromium, from a file server on this machine that zips texts, as GitHub Pages does:
the time from a page's load to its first live figure, from a key to the new picture, and
for one token of each model; and how large the site is. Needs playwright.
"""

import argparse
import functools
import gzip
import http.server
import os
import shutil
import statistics
import threading
from pathlib import Path

TEXTS = (".html", ".js", ".mjs", ".css", ".json", ".svg")
NEXT_WORDS = (" baker", " found", " a", " small", " red", " kite", " in", " the")

ALIVE = """() => {
  const figure = document.querySelector('.course-live[data-state=alive]');
  return figure && performance.now();
}"""
PICTURE = """async (words) => {
  const figure = document.querySelector('.course-live');
  const box = figure.querySelector('input[type=text]'), times = [];
  for (const word of words) {
    const before = Number(figure.dataset.drawn), start = performance.now();
    box.value += word;
    box.dispatchEvent(new Event('input', {bubbles: true}));
    while (Number(figure.dataset.drawn) <= before)
      await new Promise((next) => setTimeout(next, 1));
    times.push(performance.now() - start);
  }
  return times;
}"""
TOKENS = """async () => {
  const {ask} = await import('./_static/course/engine/client.js'), times = {};
  for (const model of ['story', 'docstrings', 'assistant']) {
    await ask('load', {model});
    const ids = [5, 6, 7, 8];
    await ask('greedy', {model, ids, n: 5});
    const start = performance.now();
    const found = await ask('greedy', {model, ids, n: 100});
    times[model] = (performance.now() - start) / found.length;
  }
  return times;
}"""


class Zipping(http.server.SimpleHTTPRequestHandler):
    """A file server that sends texts zipped."""

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if path.suffix not in TEXTS or not path.is_file():
            return super().do_GET()
        content = zipped(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@functools.cache
def zipped(path: Path) -> bytes:
    return gzip.compress(path.read_bytes())


def serve(folder: Path) -> str:
    """Serve a folder on loopback; return its address."""
    handler = functools.partial(Zipping, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def spread(times: list[float], unit: str) -> str:
    """Return "median (least to most) unit"."""
    middle = statistics.median(times)
    return f"{middle:.0f} ({min(times):.0f} to {max(times):.0f}) {unit}"


def measure(browser, address: str, rounds: int) -> None:
    """Print the times, each page opened by a browser that has kept nothing."""
    for name in ("index", "02_attention", "08_sampling"):
        alive = []
        for _ in range(rounds):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.goto(f"{address}/{name}.html")
            loaded = page.evaluate("performance.now()")
            figure = page.locator(".course-live").first
            figure.scroll_into_view_if_needed()
            alive.append(page.wait_for_function(ALIVE).json_value() - loaded)
            context.close()
        print(f"{name}: first figure alive {spread(alive, 'ms after load')}")
    page = browser.new_page()
    page.goto(f"{address}/index.html")
    page.wait_for_function(ALIVE)
    print("a key to the picture:", spread(page.evaluate(PICTURE, NEXT_WORDS), "ms"))
    runs = [page.evaluate(TOKENS) for _ in range(rounds)]
    for model in runs[0]:
        times = [run[model] for run in runs]
        print(f"a token of {model}: {statistics.median(times):.1f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    sizes = {path: path.stat().st_size for path in given.site.rglob("*.*")}
    print(f"the whole site: {sum(sizes.values()) / 1e6:.1f} MB")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=sandbox)
        measure(browser, serve(given.site), given.rounds)
        browser.close()


if __name__ == "__main__":
    main()
