"""The web edition in Chromium, from a plain file server under a path of its own.

The same text gets the same ids, scores and continuations as in Python; every page can
be read without a mouse, a kernel, a network or scripts.
"""

import functools
import http.server
import json
import os
import random
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
import torch

from course_utils import models
from course_utils.notebooks import FOLDER, reading_order
from course_utils.notebooks.places import repository_address
from course_utils.sampling import adjust_logits, generate, next_words
from course_utils.site import build, live, runtime
from course_utils.tokenization import Tokenizer
from course_utils.world import World

pytestmark = pytest.mark.browser

PREFIX = "/a/path/of/its/own"
PAGES = [path.stem for path in reading_order(FOLDER)]
ALIVE = [page for page in PAGES if live.figures_of(page)]
CLIENT = f"import('{PREFIX}/_static/course/engine/client.js')"


class Files(http.server.SimpleHTTPRequestHandler):
    """A plain file server, and nothing outside of PREFIX."""

    def translate_path(self, path):
        inside = path.startswith(f"{PREFIX}/")
        return super().translate_path(path.removeprefix(PREFIX) if inside else "/none")

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The built site."""
    pytest.importorskip("myst_nb")
    pytest.importorskip("onnxscript")
    try:
        runtime.find()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    out = tmp_path_factory.mktemp("web") / "site"
    build.build(out, reading_order(FOLDER), repository_address())
    return out


@pytest.fixture(scope="module")
def address(folder):
    handler = functools.partial(Files, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no Chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"] if os.getuid() == 0 else []
        )


class Reader:
    """A page in the browser, and all that went wrong or out on it."""

    def __init__(self, browser, address: str, **options):
        self.page = browser.new_page(**options)
        self.address, self.wrong, self.sizes = address, [], {}
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._leave)
        self.page.on("response", self._weigh)

    def _hear(self, message):
        if message.type in ("error", "warning"):
            self.wrong.append(f"{message.type}: {message.text}")

    def _leave(self, request):
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.wrong.append(f"asked for {request.url}")

    def _weigh(self, response):
        self.sizes[response.url] = int(response.headers.get("content-length", 0))

    def open(self, name: str):
        self.page.goto(f"{self.address}/{name}.html")
        return self.page

    def come_alive(self):
        """Wait for the page's first live figure; return it."""
        figure = self.page.locator(".course-live").first
        figure.scroll_into_view_if_needed()
        self.page.wait_for_selector(".course-live[data-state]", timeout=60_000)
        assert figure.get_attribute("data-state") == "alive", figure.inner_text()
        return figure


@pytest.fixture(scope="module")
def reader(browser, address):
    reader = Reader(browser, address, viewport={"width": 1000, "height": 900})
    yield reader
    reader.page.close()


@pytest.fixture(scope="module")
def ask(browser, address):
    """Ask the worker a question, as the figures do."""
    page = Reader(browser, address).open("index")
    code = f"async ([q, given]) => (await {CLIENT}).ask(q, given)"
    yield lambda question, **given: page.evaluate(code, [question, given])
    page.close()


# --- The same numbers as in Python


def random_strings(n: int, seed: int) -> list[str]:
    """Return words and wild characters in every mixture, from all of Unicode."""
    rng = random.Random(seed)
    story = World().sample(rng).text
    wild = [*range(0xD800), *range(0xE000, 0x110000)]
    kinds = [
        lambda: chr(rng.choice(wild)),
        lambda: chr(rng.randrange(0x3000)),
        lambda: rng.choice(" \n\t\r '.,0123456789\x85\xa0\u2028\ufeff\x1c"),
        lambda: story[(start := rng.randrange(len(story))) : start + rng.randrange(20)],
        lambda: rng.choice(["'s", "'ll", "'", "<|endoftext|>", "é", "分词", "🙂"]),
    ]
    return [
        "".join(rng.choice(kinds)() for _ in range(rng.randrange(12))) for _ in range(n)
    ]


@pytest.mark.parametrize("name", live.MODELS)
def test_ids_are_those_of_python_and_come_back_as_the_text(ask, name):
    tokenizer = Tokenizer.from_pretrained(live.MODELS[name])
    texts = random_strings(10_000, seed=len(name))
    ids = ask("encode", model=name, texts=texts)
    assert ids == [tokenizer.encode(text) for text in texts]
    for text, row in list(zip(texts, ids, strict=True))[:200]:
        assert ask("decode", model=name, ids=row) == text
        cut = row[1:]  # it may begin inside a character
        assert ask("decode", model=name, ids=cut) == tokenizer.decode(cut)


@pytest.mark.parametrize("name", ["story", "docstrings"])
def test_scores_are_within_a_thousandth_and_greedy_texts_equal(ask, name):
    model, tokenizer = models.load(name)
    end, rng = tokenizer.end_of_text, random.Random(1)
    for n in range(100):
        text = World().sample(rng).text[: 20 + 3 * n]
        ids = [end, *tokenizer.encode(text)][:80]
        rows = ask("logits", model=name, ids=ids)
        theirs = torch.tensor(rows)
        with torch.no_grad():
            ours = model(torch.tensor([ids]))[0]
        torch.testing.assert_close(theirs, ours, rtol=0, atol=1e-3)
        if n % 5 == 0:
            ours = generate(model, ids, 30, temperature=0)[0, len(ids) :].tolist()
            assert ask("greedy", model=name, ids=ids, n=30) == ours


@pytest.mark.parametrize(
    "prompt",
    ["One cold morning, Mia the", "One cold morning, ", "", 'She said: "', "x"],
)
def test_next_words_are_those_of_python(ask, prompt):
    model, tokenizer = models.load("story")
    ours = next_words(model, tokenizer, prompt, n=20)
    theirs = dict(ask("nextWords", model="story", prompt=prompt, n=20))
    assert theirs == pytest.approx(ours, abs=1e-4)


@pytest.mark.parametrize(
    "knobs",
    [{"temperature": 0.5}, {"top_k": 3}, {"top_p": 0.7}, {"top_k": 50, "top_p": 0.3}],
)
def test_the_knobs_are_those_of_python(reader, knobs):
    scores = torch.randn(1, 300, generator=torch.Generator().manual_seed(0)).double()
    ours = adjust_logits(scores, torch.zeros(1, 1).long(), **knobs).softmax(dim=-1)[0]
    names = {"temperature": "temperature", "top_k": "topK", "top_p": "topP"}
    given = {names[name]: value for name, value in knobs.items()}
    reader.open("index")
    theirs = reader.page.evaluate(
        f"""async ([scores, knobs]) => {{
            const module = await import("{PREFIX}/_static/course/engine/sampling.js");
            return [...module.softmax(module.adjust(scores, knobs))];
        }}""",
        [scores[0].tolist(), given],
    )
    assert theirs == pytest.approx(ours.tolist(), abs=1e-9)


# --- Every page


@pytest.mark.parametrize("name", ["index", *PAGES])
def test_a_page_is_sound_asks_nobody_else_and_axe_finds_nothing(reader, name):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    reader.wrong.clear()
    reader.sizes.clear()
    page = reader.open(name)
    if name in ALIVE:
        reader.come_alive()
    page.wait_for_load_state("networkidle")
    weight = sum(
        size
        for url, size in reader.sizes.items()
        if "/course/models/" not in url and "/course/runtime/" not in url
    )
    assert 20_000 < weight <= 3_000_000
    assert reader.wrong == []  # before axe, which reads style sheets on its own
    for scheme in ("dark", "light") if name in ("index", PAGES[1]) else ("light",):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.wait_for_timeout(300)  # colours fade over
        found = axe.Axe().run(page).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []


@pytest.mark.parametrize("name", PAGES)
def test_on_a_phone_nothing_is_wider_than_the_screen(browser, address, name):
    phone = Reader(browser, address, viewport={"width": 390, "height": 844})
    page = phone.open(name)
    if name in ALIVE:
        phone.come_alive()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_every_named_figure_is_alive_on_some_page():
    names = {figure.name for page in PAGES for figure in live.figures_of(page).values()}
    assert names == {
        "next-word",
        "segmentation",
        "head-view",
        "parameters",
        "story-losses",
        "what-if",
        "descent",
        "token-knobs",
        "token-surprises",
        "assistant",
    }


@pytest.mark.parametrize("name", ALIVE)
def test_a_figure_follows_the_keyboard_while_a_key_is_held(reader, name):
    reader.wrong.clear()
    reader.open(name)
    figure = reader.come_alive()
    picture = figure.locator("svg[role=img]")
    seen = {picture.get_attribute("aria-label")}
    slider = figure.locator("input[type=range]").first
    slider.focus()
    keys = ["ArrowLeft", "ArrowRight"]
    if slider.input_value() == slider.get_attribute("min"):
        keys.reverse()
    for key in keys:
        drawn = int(figure.get_attribute("data-drawn"))
        reader.page.keyboard.down(key)  # not let go: the figure does not wait for that
        reader.page.wait_for_function(
            "([f, n]) => Number(f.dataset.drawn) > n",
            arg=[figure.element_handle(), drawn],
        )
        seen.add(picture.get_attribute("aria-label"))
        reader.page.keyboard.up(key)
    assert len(seen) >= 2
    assert reader.wrong == []


def test_ones_own_text_is_read_and_one_too_long_is_answered_in_words(reader):
    reader.open("09_hugging_face_gpt2")
    figure = reader.come_alive()
    box = figure.locator("input[type=text]")
    box.fill("One quiet day")
    figure.locator("svg[aria-label*='quiet']").or_(
        figure.locator("svg[aria-label*='day']")
    ).wait_for()
    box.fill("no " * 400)
    figure.locator("[role=alert]", has_text="too long: at most 256 tokens").wait_for()
    box.fill("One quiet night")
    figure.locator("[role=alert]").wait_for(state="hidden")


def test_a_click_on_a_token_frames_it(reader):
    reader.open("04_cross_entropy")
    figure = reader.come_alive()
    figure.locator(".course-token").nth(2).click()
    figure.locator("svg[aria-label^='Word 3, ']").wait_for()


def test_without_scripts_the_pictures_stand_with_their_words(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/00_start_here.html")
    still = page.locator(".course-live img")
    assert "What follows" in still.get_attribute("alt")
    still.scroll_into_view_if_needed()
    assert still.bounding_box()["height"] > 100
    assert page.locator("article h1").inner_text().startswith("00 Start here")
    context.close()


def test_in_firefox_the_pages_are_alive_too(address):
    puppeteer = os.environ.get("COURSE_PUPPETEER")
    firefox = shutil.which("firefox-esr") or shutil.which("firefox")
    if not (puppeteer and firefox and shutil.which("node")):
        pytest.skip("no Firefox, no node, or COURSE_PUPPETEER names no puppeteer-core")
    model, tokenizer = models.load("story")
    ids = [tokenizer.end_of_text, *tokenizer.encode("One cold morning, Mia the")]
    given = json.dumps({"model": "story", "ids": ids, "n": 20})
    command = ["node", str(Path(__file__).with_name("firefox.mjs")), puppeteer]
    command += [firefox, address, given, "index", *ALIVE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["seen"] == {
        name: {"state": "alive", "wrong": []} for name in ("index", *ALIVE)
    }
    ours = generate(model, ids, 20, temperature=0)[0, len(ids) :].tolist()
    assert found["written"] == ours


def test_the_search_finds_a_page(reader):
    reader.wrong.clear()
    reader.page.goto(f"{reader.address}/search.html?q=attention")
    link = reader.page.locator("#search-results a[href*='02_attention']").first
    link.wait_for()
    assert reader.wrong == []


def test_answers_and_components_are_folded(reader):
    page = reader.open("02_attention")
    assert page.locator("details[open]").count() == 0
    assert page.locator("details").count() > 5


def test_the_workflow_runs_the_very_command():
    workflow = (FOLDER.parent / ".github" / "workflows" / "site.yml").read_text("utf-8")
    assert "run: python -m course_utils.notebooks site public --install\n" in workflow
    assert "path: public\n" in workflow


def test_links_of_a_page_lead_somewhere(folder):
    for name in PAGES:
        html = (folder / f"{name}.html").read_text("utf-8")
        assert f'href="notebooks/{name}.ipynb"' in html
        assert (folder / "notebooks" / f"{name}.ipynb").exists()
        assert ".ipynb)" not in html and "$$" not in html


def test_the_whole_site_is_small_and_needs_no_other_host(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 25_000_000
    for page in folder.rglob("*.html"):
        html = page.read_text("utf-8")
        assert "Content-Security-Policy" in html
        assert not build.INLINE_SCRIPT.sub(_keep_data, html).count("<script>")


def _keep_data(found):
    return "" if 'type="application/' in found[0] else found[0]
