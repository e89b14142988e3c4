"""What the web edition's live figures start with, and what they read.

Each has the name and the drawing of a figure in the notebooks. Models become ONNX
files; tokenizers go as GPT-2's files, beside the ranges of letters, digits and white
space that Python's ``regex`` knows; what only the story world can say, its exact next
words, is worked out here for the offered stories.
"""

import codecs
import contextlib
import functools
import io
import json
import random
import shutil
from pathlib import Path

import regex

from course_utils import models
from course_utils.experiments import fine_tuning, learning_rates
from course_utils.model import GPT
from course_utils.optimizers import cosine_schedule
from course_utils.sampling import generate_text
from course_utils.site import assistant
from course_utils.site.onnx_model import export
from course_utils.site.pages import Live
from course_utils.world import WORD, World
from course_utils.world.tasks import Task, in_own_words, questions, source

MODELS = {name: models.folder_of(name) for name in ("story", "docstrings")}
MODELS["assistant"] = assistant.FOLDER
STORIES = {"a found thing": 3, "a gift": 5, "a loan": 7, "a journey": 11}  # name: seed
BEGINNING = "One cold morning, Mia the"  # of page 00's figure
EXAMPLES = 10  # of each kind of task


def figures_of(stem: str) -> dict[int, Live]:
    """Return a page's live figures, by their places among its interactive ones.

    ``stem`` is that of the page's file: its name, with or without its number.
    """
    return {
        place: Live(name, settings())
        for page, place, name, settings in FIGURES
        if page == stem.lstrip("0123456789_")
    }


# --- What each figure starts with: as on its page


def next_word() -> dict:
    return {"model": "story", "prompt": BEGINNING}


def segmentation() -> dict:
    with contextlib.redirect_stdout(io.StringIO()):  # it prints itself
        import this
    zen = codecs.decode(this.s, "rot13")
    sizes = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1791]
    passage = " ".join(zen.splitlines()[2:9])
    return {"model": "docstrings", "passage": passage, "sizes": sizes, "merges": 256}


def head_view() -> dict:
    config = GPT.load(MODELS["story"]).config
    prompt = World().sample(random.Random(5)).text.rpartition(" ")[0]
    sizes = {"layers": config.n_layer, "heads": config.n_head}
    return {"model": "story", "prompt": prompt, "layer": 0, "head": 4} | sizes


def parameters() -> dict:
    return {
        "start": {"layer": 12, "width": 768, "vocabulary": 50257},
        "layers": {"min": 1, "max": 48},
        "widths": {"min": 64, "max": 1600, "step": 64},
        "vocabularies": [1024, 8192, 32000, 50257, 128000],
    }


def story_losses() -> dict:
    told = with_truths(World().sample(random.Random(11)).text)
    return {"model": "story", "word": 11} | told


def what_if() -> dict:
    runs = {
        f"{way.peak:g},{way.warmup}": [
            round(loss, 3) for loss in learning_rates.mean_losses(way)
        ]
        for way in learning_rates.WAYS
        if way.optimizer == "adamw"
    }
    steps = learning_rates.STEPS
    rates = {
        warmup: [round(cosine_schedule(t, 1.0, warmup, steps), 4) for t in range(steps)]
        for warmup in learning_rates.WARMUPS
    }
    return {
        "runs": runs,
        "rates": rates,
        "peaks": learning_rates.PEAKS["adamw"],
        "warmups": learning_rates.WARMUPS,
        "start": {"peak": 0.03, "warmup": 0},
    }


def token_knobs() -> dict:
    return {
        "model": "docstrings",
        "beginning": "Return the",
        "sizes": [1, 2, 5, 10, 20, 50, 200, 2048],
        "start": {"temperature": 1.0, "topK": 2048, "topP": 0.25},
    }


@functools.cache
def token_surprises() -> dict:
    start = "One cold morning, Mia the baker found a"
    text = generate_text(*models.load("story"), start, 40, temperature=0)
    return {"model": "story", "text": text, "token": 12}


def tasks() -> dict:
    examples = {
        kind: [_task(task) for task in fine_tuning.held_out(kind, EXAMPLES)]
        for kind in fine_tuning.KINDS
    }
    return {"model": "assistant", "tasks": examples}


def _task(task: Task) -> dict:
    """Return a task, and where one's own words would stand in its prompt."""
    mark = "\N{SYMBOL FOR SUBSTITUTE}"
    template = in_own_words(task, mark)[0].split(mark)
    known = {}
    if task.kind == "question":
        asked = questions(World().facts(source(task))).values()
        known = {question: in_own_words(task, question)[1] for question, _ in asked}
    return {
        "prompt": task.prompt,
        "answer": task.answer,
        "template": template,
        "known": known,
    }


FIGURES = (
    ("primer", 1, "descent", lambda: {"rate": 0.1}),
    ("start_here", 0, "next-word", next_word),
    ("tokenization", 0, "segmentation", segmentation),
    ("attention", 0, "head-view", head_view),
    ("gpt_block", 0, "parameters", parameters),
    ("cross_entropy", 0, "story-losses", story_losses),
    ("optimization", 0, "what-if", what_if),
    ("sampling", 0, "token-knobs", token_knobs),
    ("hugging_face_gpt2", 0, "token-surprises", token_surprises),
    ("applications", 0, "assistant", tasks),
)


# --- What they read


def with_truths(text: str) -> dict:
    """Return a text's words, and the true next words before each and at its end."""
    world, words = World(), WORD.findall(text)
    truths = [world.next_words("".join(words[:n])) for n in range(len(words) + 1)]
    rounded = [{w: float(f"{p:.4g}") for w, p in truth.items()} for truth in truths]
    return {"words": words, "truths": rounded}


def write_data(folder: Path) -> None:
    """Write models, tokenizers and the offered stories into the site's folder."""
    for name, shipped in MODELS.items():
        target = folder / "models" / name
        target.mkdir(parents=True, exist_ok=True)
        export(GPT.load(shipped), target / "model.onnx")
        for file in ("vocab.json", "merges.txt", "course_config.json"):
            shutil.copy(shipped / file, target / file)
    _write(folder / "models" / "characters.json", characters())
    stories = [{"name": "the page's own", **with_truths(BEGINNING)}]
    for name, seed in STORIES.items():
        text = World().sample(random.Random(seed)).text
        stories.append({"name": name, **with_truths(text)})
    _write(folder / "data" / "stories.json", stories)


def characters() -> dict[str, str]:
    """Return which characters are letters, digits and white space, as ranges.

    Written as inside of the brackets of a regular expression. A browser may know
    another version of Unicode than Python's ``regex``, and must cut words all the same.
    """
    return {
        name: _ranges(regex.compile(kind))
        for name, kind in {
            "letter": r"\p{L}",
            "digit": r"\p{N}",
            "space": r"\s",
        }.items()
    }


def _ranges(pattern) -> str:
    everything = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    runs = regex.finditer(f"(?:{pattern.pattern})+", everything)
    ends = ((ord(run.group()[0]), ord(run.group()[-1])) for run in runs)
    return "".join(f"\\u{{{first:x}}}-\\u{{{last:x}}}" for first, last in ends)


def _write(path: Path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text, "utf-8")
