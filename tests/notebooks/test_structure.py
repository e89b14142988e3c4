"""Every notebook keeps the course's rules, read from its file without running it.

A rule is a function that raises AssertionError. Each is tried on every notebook, and on
a made-up page that keeps all rules but one: so each rule is known to notice something.
What a page computes is checked elsewhere, by ``pytest --nbval notebooks``.
"""

import json
import re
import statistics
import symtable
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils.notebooks import FOLDER, SETUP, reading_order
from course_utils.notebooks.places import repository_address
from course_utils.notebooks.stamping import stale, stamp, to_bytes

PAGES = reading_order(FOLDER)


class Page:
    """A notebook's file, and its parts as the rules need them."""

    def __init__(self, path: Path):
        self.path = path
        self.notebook = nbformat.read(path, as_version=4)
        self.cells = self.notebook.cells
        self.code = [cell for cell in self.cells if cell.cell_type == "code"]
        self.prose = [cell for cell in self.cells if cell.cell_type == "markdown"]
        self.outputs = [output for cell in self.code for output in cell.outputs]
        self.text = "\n\n".join(cell.source for cell in self.prose)

    def number(self, cell) -> str:
        return f"cell {self.cells.index(cell) + 1}"

    def tagged(self, tag: str) -> list:
        return [cell for cell in self.cells if tag in cell.metadata.get("tags", [])]

    def headings(self) -> list[tuple[int, str]]:
        found = re.findall(r"^(#+) +(.+?) *$", without_code(self.text), re.M)
        return [(len(marks), title) for marks, title in found]

    def links(self) -> list[str]:
        return re.findall(r"\]\(([^)\s]+)\)", without_code(self.text))


def without_code(markdown: str) -> str:
    """Markdown without fenced blocks and `code`: their marks mean nothing there."""
    markdown = re.sub(r"^(```|~~~).*?^\1", "", markdown, flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "code", markdown)


def words(markdown: str) -> int:
    """Count what is read as a sentence: no tables, headings or folded answers."""
    text = without_code(markdown)
    text = re.sub(r"<details.*?</details>", "", text, flags=re.S)
    text = re.sub(r"^\s*(\||#).*$", "", text, flags=re.M)
    text = re.sub(r"\$\$.+?\$\$|\$[^$\n]+\$", "formula", text, flags=re.S)
    text = re.sub(r"\]\([^)]*\)|<[^>]+>", " ", text)
    return len(re.findall(r"\w[\w'’-]*", text))


def output_text(output) -> str:
    """All of an output that is text."""
    data = output.get("data", {})
    shown = [str(data[kind]) for kind in data if not kind.startswith("image/")]
    return "\n".join([output.get("text", ""), *shown])


# --- The shape of a page


def it_opens_with_its_title_its_links_and_the_set_up(page):
    assert page.cells[0].source.startswith("# "), "the first cell must be the title"
    assert "navigation" in page.cells[1].metadata.get("tags", [])
    assert page.tagged("setup") == page.code[:1], "set-up must be the first code cell"
    assert page.code[0].source == SETUP


def it_says_how_long_it_runs_and_how_long_it_takes_to_study(page):
    before_code = page.cells[: page.cells.index(page.code[0])]
    opening = "\n".join(cell.source for cell in before_code)
    units = r"(?:s|seconds?|min|minutes?|h|hours?)"
    times = re.findall(rf"\b(?:\d+|an?) *{units}\b", opening)  # also "a minute"
    assert len(times) >= 2, f"two times are needed, found {times}"


def its_headings_are_in_order(page):
    levels = [level for level, _ in page.headings()]
    assert levels[:1] == [1] and levels.count(1) == 1, "one title, at the top"
    for before, after in pairwise(levels):
        assert after <= before + 1, f"no level may be left out: {page.headings()}"
    # Five to eight sections; recall, comparison, summary and further reading beside.
    assert 5 <= levels.count(2) <= 12, f"{levels.count(2)} sections"


def it_ends_with_a_summary(page):
    titles = [title for level, title in page.headings() if level == 2]
    assert any("summary" in title.lower() for title in titles[-2:]), titles


def it_gives_the_chinese_terms(page):
    assert re.search(r"[\u4e00-\u9fff]", page.text), "no Chinese term in the glossary"


def it_has_an_interactive_figure(page):
    shown = [output_text(output) for output in page.outputs]
    assert any("Interactive figure" in text for text in shown)


def its_figures_read_no_name_that_a_later_cell_changes(page):
    # They are drawn anew when a knob is turned: mostly after the whole page has run.
    tables = [symbols(cell.source) for cell in page.code]
    reads = {}  # what each function of the page takes from the page when it is called
    for number, (cell, table) in enumerate(zip(page.code, tables, strict=True)):
        reads |= {child.get_name(): page_names(child) for child in table.get_children()}
        if any("Interactive figure" in output_text(output) for output in cell.outputs):
            used = set().union(*map(page_names, functions(table)))
            used |= {s.get_name() for s in table.get_symbols() if s.get_name() in reads}
            while more := set().union(*(reads.get(name, ()) for name in used)) - used:
                used |= more
            changed = used & set().union(*map(names_set_by, tables[number + 1 :]))
            assert not changed, f"{page.number(cell)}: {changed}"


def symbols(source: str) -> symtable.SymbolTable:
    code = TransformerManager().transform_cell(source)  # % and ! become Python
    return symtable.symtable(code, "cell", "exec")


def functions(table) -> list:
    """A cell's functions and lambdas; what a comprehension reads, it reads at once."""
    at_once = ("listcomp", "setcomp", "dictcomp", "genexpr")
    return [child for child in table.get_children() if child.get_name() not in at_once]


def page_names(function) -> set[str]:
    """Return the names that a function takes from outside itself, and all in it."""
    read = [s for s in function.get_symbols() if s.is_global() and s.is_referenced()]
    inner = map(page_names, function.get_children())
    return {symbol.get_name() for symbol in read}.union(*inner)


def names_set_by(table) -> set[str]:
    return {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
    }


def its_links_resolve(page):
    assert not re.search(r"!\[\s*\]", without_code(page.text)), "image without words"
    anchors = {title.replace(" ", "-") for _, title in page.headings()}
    anchors |= {re.sub(r"[^\w-]", "", anchor).lower() for anchor in anchors}
    for link in page.links():
        target, _, anchor = unquote(link).partition("#")
        if re.match(r"https?://", link):
            continue
        assert not target or (page.path.parent / target).exists(), f"no file {target}"
        assert target or anchor in anchors, f"no heading #{anchor}"


# --- Words and code


def it_has_as_many_cells_as_one_sitting_takes(page):
    folded = [cell for cell in page.cells if cell.metadata.get("jupyter")]
    drawn = [
        cell
        for cell in page.code
        if len(cell.source.splitlines()) == 1
        and any("image/png" in output.get("data", {}) for output in cell.outputs)
    ]
    to_read = len(page.cells) - len(folded) - len(drawn)  # a drawing is one line
    assert 25 <= to_read <= 62, f"{to_read} cells"
    assert 1 / 2 <= len(page.prose) / len(page.code) <= 2, "words and code in balance"


def its_prose_is_short_between_code(page):
    so_far = None  # words since the last code cell; the opening may be longer
    for cell in page.cells:
        if re.search(r"^## .*(summary|further)", cell.source, re.M | re.I):
            so_far = None  # from here on the page is read, not run
        elif cell.cell_type == "code":
            so_far = 0
        elif so_far is not None:
            so_far += words(cell.source)
            assert so_far <= 90, f"{page.number(cell)}: {so_far} words before code"


def its_tables_name_each_column(page):
    # A screen reader says a column's name before each of its cells.
    for cell in page.prose:
        rows = without_code(cell.source).splitlines()
        for head, rule in pairwise(rows):
            if re.fullmatch(r"\s*\|?(\s*:?-+:?\s*\|)+\s*(:?-+:?\s*)?", rule):
                names = head.strip().strip("|").split("|")
                assert all(name.strip() for name in names), page.number(cell)
    shown = "".join(output_text(output) for output in page.outputs)
    assert not re.search(r"<th\b[^>]*>\s*</th>", shown)


def its_folded_answers_are_html(page):
    # Up to an empty line nothing in a block of HTML is read as Markdown.
    for cell in page.prose:
        for block in re.split(r"\n\s*\n", cell.source):
            if re.match(r" {0,3}</?(details|div|figure|table|summary)\b", block):
                found = re.search(r"\]\(|`|\*\*|\$\w", block)
                assert not found, f"{page.number(cell)}: {found.group()} in HTML"


def its_prose_has_no_filler(page):
    filler = r"\b(simply|obviously|trivially|amazing|awesome|blazing|todo|fixme)\b"
    assert not (found := re.findall(filler, page.text, re.I)), found


def its_code_cells_are_short(page):
    lengths = []
    for cell in page.code:
        lines = cell.source.splitlines()
        imports = cell.source.startswith(("import ", "from "))  # read at a glance
        most = 30 if imports or cell in page.tagged("component") else 25
        most = 60 if cell in page.tagged("setup") else most  # folded; nobody reads it
        wide = [line for line in lines if len(line) > 88]
        assert not wide, f"{page.number(cell)}: longer than 88: {wide}"
        if imports:  # a module is a line, however many names it gives
            lines = re.sub(r"\([^)]*\)", "()", cell.source).splitlines()
        assert 1 <= len(lines) <= most, f"{page.number(cell)}: {len(lines)} lines"
        lengths.append(len(lines))
    assert statistics.median(lengths) <= 10, "most cells must be under 10 lines"


# --- Outputs that stay true


def its_derived_cells_are_up_to_date(page):
    assert not (findings := stale(page.path)), findings


def its_counts_run_from_one(page):
    counts = [cell.execution_count for cell in page.code]
    assert counts == list(range(1, len(counts) + 1)), counts


def it_stores_no_error_and_no_warning(page):
    for cell in page.code:
        for output in cell.outputs:
            assert output.output_type != "error", page.number(cell)
            assert output.get("name") != "stderr", page.number(cell)


def its_metadata_says_nothing_about_one_run(page):
    for cell in page.cells:
        allowed = {"tags", "course", "jupyter", "cellView"}
        assert set(cell.metadata) <= allowed, f"{page.number(cell)}: {cell.metadata}"
    assert set(page.notebook.metadata) == {"kernelspec", "language_info"}


def hardly_any_output_is_left_out_of_the_comparison(page):
    marks = r"nbval[-_](ignore|skip|check|raises)|raises-exception"
    ignored = page.tagged("nbval-ignore-output")
    for cell in page.code:
        tags = [tag for tag in cell.metadata.get("tags", []) if re.match(marks, tag)]
        assert tags in ([], ["nbval-ignore-output"]), f"{page.number(cell)}: {tags}"
        assert not re.search("#.*" + marks, cell.source, re.I), page.number(cell)
    assert 10 * len(ignored) <= len(page.code), f"{len(ignored)} of {len(page.code)}"


def pictures_of(page) -> list:
    """Return (cell, text form) of each picture that the page holds."""
    return [
        (cell, output.data.get("text/plain", ""))
        for cell in page.code
        for output in cell.outputs
        if any(kind.startswith("image/") for kind in output.get("data", {}))
    ]


def its_pictures_are_described_in_words(page):
    for cell, text in pictures_of(page):
        assert len(text.split()) >= 3 and "<" not in text[:1], (
            f"{page.number(cell)}: {text!r} does not describe the picture"
        )


def its_pictures_tell_their_numbers(page):
    """All but what differs from run to run: times, and what is drawn as it goes on."""
    silent = [
        page.number(cell)
        for cell, text in pictures_of(page)
        if not re.search(r"\d", text)
    ]
    assert len(silent) <= 2, f"pictures without a number in their text: {silent}"


def it_names_no_place_of_one_machine(page):
    place = r"(?<![\w.:/-])/(?:home|root|tmp|usr|opt|var|mnt|work|Users)/|\b[A-Z]:\\"
    address = r"\b0x[0-9a-fA-F]{6,}"
    for cell in page.cells:
        outputs = [output_text(output) for output in cell.get("outputs", [])]
        text = "\n".join([cell.source, *outputs])
        found = re.search(f"{place}|{address}", text)
        assert not found, f"{page.number(cell)}: {found.group()}"


def its_file_is_small(page):
    size = page.path.stat().st_size
    assert size <= 1.5e6, f"{size / 1e6:.1f} MB"


RULES = [
    it_opens_with_its_title_its_links_and_the_set_up,
    it_says_how_long_it_runs_and_how_long_it_takes_to_study,
    its_headings_are_in_order,
    it_ends_with_a_summary,
    it_gives_the_chinese_terms,
    it_has_an_interactive_figure,
    its_figures_read_no_name_that_a_later_cell_changes,
    its_links_resolve,
    it_has_as_many_cells_as_one_sitting_takes,
    its_prose_is_short_between_code,
    its_tables_name_each_column,
    its_folded_answers_are_html,
    its_prose_has_no_filler,
    its_code_cells_are_short,
    its_derived_cells_are_up_to_date,
    its_counts_run_from_one,
    it_stores_no_error_and_no_warning,
    its_metadata_says_nothing_about_one_run,
    hardly_any_output_is_left_out_of_the_comparison,
    its_pictures_are_described_in_words,
    its_pictures_tell_their_numbers,
    it_names_no_place_of_one_machine,
    its_file_is_small,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_notebook_keeps_the_rule(path, rule):
    rule(Page(path))


def test_each_component_is_shown_in_one_notebook_only():
    shown = [
        cell.metadata.course.component
        for path in PAGES
        for cell in Page(path).tagged("component")
    ]
    assert not (twice := {name for name in shown if shown.count(name) > 1}), twice


# --- Each rule notices something


def made_up_page(path: Path) -> nbformat.NotebookNode:
    """A page that keeps all rules, not saved yet."""
    figure = {"image/png": "AAAA", "text/plain": "Interactive figure. A falling line."}
    cells = [
        new_markdown_cell("# Title\n\nRuns in 20 s; 30 minutes to study."),
        new_markdown_cell(metadata={"tags": ["navigation"]}),
        new_code_cell(metadata={"tags": ["setup"]}),
    ]
    for number in range(1, 13):
        cells.append(
            new_markdown_cell(f"Some words, [up](#Section-{number % 5 or 5}).")
        )
        cells.append(new_code_cell("print(1)", outputs=[stream("1\n")]))
    for number, cell in enumerate(cells[3:13:2], 1):
        cell.source = f"## Section {number}\n\n{cell.source}"
    cells[-1].outputs = [new_output("display_data", figure)]
    cells.append(new_markdown_cell("## Summary\n\nAttention is 注意力."))
    notebook = new_notebook(cells=cells)
    for number, cell in enumerate((c for c in cells if c.cell_type == "code"), 1):
        cell.execution_count = number
    nbformat.write(notebook, path)
    return stamp(path, repository_address())


def stream(text: str, name: str = "stdout"):
    return new_output("stream", name=name, text=text)


def in_prose(old: str, new: str):
    def edit(page):
        for cell in page.cells:
            if cell.cell_type == "markdown":
                cell.source = cell.source.replace(old, new)

    return edit


def in_last_code(**changes):
    def edit(page):
        cell = [cell for cell in page.cells if cell.cell_type == "code"][-1]
        cell.update(nbformat.from_dict(changes))

    return edit


def drawn_by(source: str):
    """A cell before it sets what a figure needs, and one after it sets it again."""

    def edit(page):
        first, figure, last = [c for c in page.cells if c.cell_type == "code"][-3:]
        first.source = "runs = {}\n\n\ndef helper(x):\n    return runs[x]"
        figure.source, last.source = source, "runs = []"
        figure.outputs, last.outputs = last.outputs, []

    return edit


def more_cells(n: int) -> list:
    return [make(source="1") for make in (new_code_cell, new_markdown_cell) * n]


def only_code(page):
    for cell in page.cells:
        cell.update(cell_type="code", outputs=[], execution_count=None)


def remove(start: int, stop: int):
    def edit(page):
        del page.cells[start:stop]

    return edit


LONG = "\n".join(["x = 1"] * 26)
SILENT = {"image/png": "AAAA", "text/plain": "A line that falls."}
PICTURE = {"image/png": "AAAA", "text/plain": "<Figure size 640x480 with 1 Axes>"}
TEXTLESS = {"image/png": "AAAA"}
BREAKS = {
    it_opens_with_its_title_its_links_and_the_set_up: [
        remove(1, 2),
        remove(0, 1),
        in_last_code(metadata={"tags": ["setup"]}),
        lambda page: page.cells[2].update(source=SETUP + "\n"),
    ],
    it_says_how_long_it_runs_and_how_long_it_takes_to_study: [
        in_prose("30 minutes to study", "some time to study")
    ],
    its_headings_are_in_order: [
        in_prose("## Section 3", "#### Section 3"),
        in_prose("## Section 3", "# Section 3"),
        in_prose("## Section", "Section"),
    ],
    it_ends_with_a_summary: [in_prose("## Summary", "## The end")],
    it_gives_the_chinese_terms: [in_prose("注意力", "zhuyili")],
    it_has_an_interactive_figure: [in_last_code(outputs=[stream("a figure")])],
    its_figures_read_no_name_that_a_later_cell_changes: [
        drawn_by("def draw(x):\n    return runs[x]\n\n\ndraw"),
        drawn_by("show(lambda x: sum(runs[x] for _ in x))"),
        drawn_by("show(lambda x: helper(x))"),
        drawn_by("helper"),
    ],
    its_links_resolve: [
        in_prose("#Section-3", "#Section-9"),
        in_prose("#Section-3", "99_nowhere.ipynb"),
        in_prose("Some words", "![](https://example.org/a.png)"),
    ],
    it_has_as_many_cells_as_one_sitting_takes: [
        remove(20, 26),
        lambda page: page.cells.extend(more_cells(20)),
        only_code,
    ],
    its_prose_is_short_between_code: [in_prose("Some words", "word " * 95)],
    its_tables_name_each_column: [
        in_prose("Some words", "\n\n| a | |\n| - | - |\n| 1 | 2 |\n\nSome words"),
        in_prose("Some words", "\n\n| | b |\n| --- | --: |\n| 1 | 2 |\n\nSome words"),
        in_last_code(outputs=[new_output("display_data", {"text/html": "<th></th>"})]),
    ],
    its_folded_answers_are_html: [
        in_prose("Some words", f"\n\n<details>{answer}</details>\n\nSome words")
        for answer in ("[a](#b)", "`x`", "it is **so**", "of $x$")
    ],
    its_prose_has_no_filler: [in_prose("Some words", "You simply write words")],
    its_code_cells_are_short: [
        in_last_code(source=LONG),
        in_last_code(source="x = " + "1" * 90),
        in_last_code(source=""),
    ],
    its_derived_cells_are_up_to_date: [
        lambda page: page.cells[1].update(source="[old](#links)")
    ],
    its_counts_run_from_one: [
        in_last_code(execution_count=None),
        in_last_code(execution_count=3),
    ],
    it_stores_no_error_and_no_warning: [
        in_last_code(outputs=[stream("a warning", "stderr")]),
        in_last_code(outputs=[new_output("error", ename="E", evalue="", traceback=[])]),
    ],
    its_metadata_says_nothing_about_one_run: [
        in_last_code(metadata={"execution": {"shell.execute_reply": "2026"}}),
        lambda page: page.metadata.update(widgets={"state": {}}),
    ],
    hardly_any_output_is_left_out_of_the_comparison: [
        lambda page: [
            cell.metadata.update(tags=["nbval-ignore-output"])
            for cell in page.cells[4:7]
        ],
        in_last_code(metadata={"tags": ["nbval-skip"]}),
        in_last_code(source="# NBVAL_IGNORE_OUTPUT\nprint(1)"),
    ],
    its_pictures_are_described_in_words: [
        in_last_code(outputs=[new_output("display_data", data)])
        for data in (PICTURE, TEXTLESS)
    ],
    its_pictures_tell_their_numbers: [
        in_last_code(outputs=[new_output("display_data", SILENT)] * 3)
    ],
    it_names_no_place_of_one_machine: [
        in_last_code(source="open('/home/me/text.txt')"),
        in_last_code(outputs=[stream("<object at 0x7f3a5c2b1d90>")]),
        in_prose("Some words", "See C:\\Users"),
    ],
    its_file_is_small: [in_last_code(outputs=[stream("1" * 1_600_000)])],
}


def test_a_page_that_keeps_all_rules_is_accepted(tmp_path):
    path = tmp_path / "00_made_up.ipynb"
    path.write_bytes(to_bytes(made_up_page(path)))
    for rule in RULES:
        rule(Page(path))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_notices_a_page_that_breaks_it(tmp_path, rule):
    path = tmp_path / "00_made_up.ipynb"
    for edit in BREAKS[rule]:
        page = made_up_page(path)
        edit(page)
        path.write_text(json.dumps(page), "utf-8")
        with pytest.raises(AssertionError):
            rule(Page(path))
