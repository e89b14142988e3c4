"""The parts of the build that need no Sphinx: folders, pictures, scripts, runtime."""

import base64
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils.site import build, pages, runtime
from course_utils.site.pages import Live

PIXEL = base64.b64encode(
    b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (100).to_bytes(4) + (50).to_bytes(4)
).decode()


def picture(text):
    words = {"image/png": {"alt": 'Bars "and" words', "width": 200}}
    data = {"image/png": PIXEL, "text/plain": text}
    return new_output("display_data", data=data, metadata=words)


def written(tmp_path, cells, live=None):
    path = tmp_path / "page.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    folder = tmp_path / "source"
    folder.mkdir()
    pages.write_page(path, folder, folder / pages.PICTURES, live or {})
    return nbformat.read(folder / "page.ipynb", as_version=4), folder


def test_a_picture_becomes_a_file_with_its_words_and_its_size(tmp_path):
    page, folder = written(tmp_path, [new_code_cell("x", outputs=[picture("Bars.")])])
    html = page.cells[0].outputs[0].data["text/html"]
    assert 'alt="Bars &quot;and&quot; words" width="200" height="100"' in html
    name = re.search(r'src="([^"]+)"', html)[1]
    assert (folder / name).read_bytes() == base64.b64decode(PIXEL)
    assert "course-live" not in html


def test_only_interactive_figures_come_alive_each_in_its_place(tmp_path):
    shown = ["Bars.", "Interactive figure, one.", "Interactive figure, two."]
    cells = [new_code_cell("x", outputs=[picture(text)]) for text in shown]
    page, _ = written(tmp_path, cells, {1: Live("next-word", {"prompt": '"<Ä>"'})})
    html = [cell.outputs[0].data["text/html"] for cell in page.cells]
    assert ["course-live" in each for each in html] == [False, False, True]
    assert 'data-settings="{&quot;prompt&quot;: &quot;\\&quot;&lt;Ä' in html[2]


def test_formulas_and_folds_are_made_ready_for_sphinx(tmp_path):
    cell = new_code_cell("answer = 1")
    cell.metadata.jupyter = {"source_hidden": True}
    page, _ = written(tmp_path, [new_markdown_cell("so $x^2$"), cell])
    assert "<math" in page.cells[0].source
    assert page.cells[1].metadata.tags == ["hide-input"]


def test_a_page_s_head_holds_its_policy_and_description_and_scripts_wait(tmp_path):
    path = tmp_path / "sub" / "page.html"
    path.parent.mkdir()
    (tmp_path / "_static").mkdir()
    data = '<script type="application/json">{"a": 1}</script>'
    path.write_text(
        '<html><head><meta charset="utf-8" /><script src="x.js"></script>'
        f"<script>one();\ntwo()</script>{data}"
        '<link rel="next" title="Next" href="next.html" />'
        "<script>document.documentElement.dataset.mode = 1</script></head></html>"
    )
    build.write_head(path, tmp_path, 'What is **"it"**, in `code` and [a](b.ipynb)?')
    html = path.read_text()
    assert "one();" not in html and data in html
    scripts = re.findall(r'<script (defer )?src="\.\./(_static/inline/\w+\.js)"', html)
    texts = [(wait, (tmp_path / name).read_text()) for wait, name in scripts]
    dark = "document.documentElement.dataset.mode = 1"  # before the first drawing
    assert texts == [("defer ", "one();\ntwo()"), ("", dark)]
    assert '<script defer src="x.js">' in html
    assert "next.html" not in html
    assert 'content="What is &quot;it&quot;, in code and a?"' in html
    assert html.index("Content-Security-Policy") < html.index("<script")
    assert "'unsafe-inline'" not in re.search("script-src[^;]*", build.POLICY)[0]
    assert "http" not in build.POLICY


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    build.check_folder(tmp_path / "new")
    build.check_folder(tmp_path)
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="DIR must be empty or an earlier site, got"):
        build.check_folder(tmp_path)
    with pytest.raises(ValueError, match="DIR must be a folder, got the file"):
        build.check_folder(tmp_path / "thesis.txt")
    (tmp_path / build.MARK).touch()
    build.check_folder(tmp_path)


def test_a_finished_site_takes_the_place_of_the_old_one(tmp_path):
    made, out = tmp_path / "made", tmp_path / "deep" / "out"
    for text in ("one", "two"):
        made.mkdir(exist_ok=True)
        (made / f"{text}.html").write_text(text)
        build.replace(made, out)
    assert sorted(path.name for path in out.iterdir()) == ["one.html", "two.html"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_runtime_that_is_missing_or_another_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="--install fetches onnxruntime-web"):
        runtime.find(tmp_path)
    for name in runtime.FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("another")
    with pytest.raises(FileNotFoundError, match="is not of the pinned version"):
        runtime.find(tmp_path)
