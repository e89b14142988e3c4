"""The web edition: every page as HTML, with figures that need no kernel.

    python -m course_utils.notebooks site DIR

Sphinx with MyST-NB reads the stored notebooks, and executes nothing. What is written
asks no other host for anything, so it is read offline too and under any path: formulas
are MathML, fonts and scripts lie in the folder. Each page says so to the browser in a
Content-Security-Policy, which allows no script but the folder's own files.
"""

import hashlib
import re
import shutil
import tempfile
from html import escape
from importlib.util import find_spec
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.files import atomic_path
from course_utils.site import live, pages, runtime

HERE = Path(__file__).parent
THEME = HERE / "theme"  # templates and style
STATIC = HERE / "static"  # the figures' modules
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",  # a model runs as WebAssembly
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
    )
)
COLAB = "https://colab.research.google.com/github/"

INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
SCRIPT_FILE = re.compile(r"<script src=")
# A browser may fetch such a page before anybody asks; the policy would forbid it.
NEIGHBOUR = re.compile(r'<link rel="(?:next|prev)"[^>]*>\s*')


def build(out: Path, notebooks: list[Path], repository: str | None = None) -> None:
    """Write the site into the folder ``out``, which is made, or made anew.

    ``repository`` is the address on GitHub that the links to Colab use. Raises
    ValueError if ``out`` holds something that no build wrote or a package of the extra
    ``site`` is missing, FileNotFoundError if the runtime is not installed; what was in
    ``out`` is then untouched.
    """
    check_packages()
    check_folder(out)
    wasm = runtime.find()
    with tempfile.TemporaryDirectory(prefix="course_site_") as temporary:
        source, made = Path(temporary) / "source", Path(temporary) / "html"
        assets = Path(temporary) / "assets"
        shutil.copytree(STATIC, assets)
        live.write_data(assets)
        runtime.copy(wasm, assets / "runtime")
        stored = write_sources(source, notebooks)
        run_sphinx(source, made, repository)
        assets.rename(made / "_static" / "course")
        for path in notebooks:
            write_download(path, made / "notebooks" / path.name)
        tidy(made)
        told = {stem: pages.question_of(page) for stem, page in stored.items()}
        for path in made.rglob("*.html"):
            write_head(path, made, told.get(path.stem) or pages.WHAT_IT_IS)
        (made / MARK).write_text("Made by python -m course_utils.notebooks site\n")
        replace(made, out)


NEEDED = ("sphinx", "myst_nb", "sphinx_copybutton", "pydata_sphinx_theme", "onnxscript")


def check_packages() -> None:
    """Raise ValueError unless the packages of the extra ``site`` are there."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        names = ", ".join(missing)
        raise ValueError(f"the site needs {names}: pip install -e '.[site]'")


# --- The folder

MARK = ".course-site"  # in a folder that a build may replace


def check_folder(out: Path) -> None:
    """Raise ValueError unless ``out`` is free, empty or the work of a build."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"DIR must be a folder, got the file {out}")
    if out.exists() and any(out.iterdir()) and not (out / MARK).exists():
        raise ValueError(f"DIR must be empty or an earlier site, got {out}")


def replace(made: Path, out: Path) -> None:
    """Put a finished folder in the place of ``out``: copied beside it, then renamed."""
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        shutil.copytree(made, fresh, dirs_exist_ok=True)
        fresh.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        fresh.rename(out)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


# --- What Sphinx reads


def write_sources(source: Path, notebooks: list[Path]) -> dict[str, NotebookNode]:
    """Write the pages as Sphinx reads them, and the first page.

    Returns the pages as they are stored, by their file's stem.
    """
    source.mkdir()
    pictures = source / pages.PICTURES
    stored = {
        path.stem: pages.write_page(path, source, pictures, live.figures_of(path.stem))
        for path in notebooks
    }
    places = {"next-word": first_figure(stored, pictures)}
    text = pages.front_page(stored, places)
    (source / "index.md").write_text(text, "utf-8")
    return stored


def first_figure(stored: dict, pictures: Path) -> str:
    """Return the place of the figure on the first page: that of page 00."""
    for stem, notebook in stored.items():
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                found = live.figures_of(stem).get(0)
                text = str(data.get("text/plain", ""))
                if found and found.name == "next-word" and text.startswith(pages.ALIVE):
                    return pages.picture_html(output, pictures, found)
    return ""


def write_download(path: Path, target: Path) -> None:
    """Write a notebook for the reader's own machine, where running it fills it."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    target.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, target)


def run_sphinx(source: Path, made: Path, repository: str | None) -> None:
    """Build HTML; a warning is an error, for it would be a fault on a page."""
    from sphinx.application import Sphinx

    name = (repository or "").removeprefix("https://github.com/")
    settings = {
        "project": "GPT-2, built from nothing",
        "extensions": ["myst_nb", "sphinx_copybutton"],
        "templates_path": [str(THEME)],
        "html_static_path": ["_static", str(THEME / "static")],
        "html_css_files": ["course.css"],
        "html_favicon": str(THEME / "static" / "icon.svg"),
        "html_theme": "pydata_sphinx_theme",
        "html_theme_options": {
            "logo": {"text": "GPT-2, built from nothing"},
            "navbar_end": ["theme-switcher"],
            "navbar_center": [],
            "secondary_sidebar_items": ["page-toc", "page-links"],
            "footer_start": [],
            "footer_end": [],
            "show_toc_level": 2,
            "navigation_with_keys": False,
            "back_to_top_button": False,
        },
        "html_sidebars": {"index": []},
        "html_context": {
            "colab": f"{COLAB}{name}/blob/main/notebooks/" if name else COLAB,
            "colab_knows_page": bool(name),
            "default_mode": "auto",
        },
        "html_copy_source": False,
        "html_show_sourcelink": False,
        "html_permalinks": False,
        "html_title": "GPT-2, built from nothing",
        "copybutton_selector": "div.highlight pre",
        "nb_execution_mode": "off",
        "nb_merge_streams": True,
        "nb_code_prompt_show": "Show the code",
        "nb_code_prompt_hide": "Hide the code",
        "nb_output_stderr": "show",
        "myst_heading_anchors": 3,
        "smartquotes": False,
        "suppress_warnings": ["myst.header"],
    }
    app = Sphinx(
        source,
        None,
        made,
        made.with_name("doctrees"),
        "html",
        confoverrides=settings,
        status=None,
        exception_on_warning=True,
    )
    app.build(force_all=True)


# --- Each page's head


def write_head(path: Path, root: Path, description: str) -> None:
    """Give a page its policy and its description; let no script hold it up.

    Inline scripts, which the policy forbids, become files.
    """
    html = path.read_text("utf-8")
    up = "../" * (len(path.relative_to(root).parts) - 1)

    def as_file(found: re.Match) -> str:
        if 'type="application/' in found[0].split(">", 1)[0]:
            return found[0]  # data
        name = f"{hashlib.sha256(found[1].encode()).hexdigest()[:16]}.js"
        target = root / "_static" / "inline" / name
        target.parent.mkdir(exist_ok=True)
        target.write_text(found[1], "utf-8")
        # Light or dark is settled before anything is drawn, and nothing else is.
        how = "" if "documentElement" in found[1] else "defer "
        return f'<script {how}src="{up}_static/inline/{name}"></script>'

    html = SCRIPT_FILE.sub("<script defer src=", html)  # they keep their order
    html = NEIGHBOUR.sub("", html)
    html = INLINE_SCRIPT.sub(as_file, html)
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="description" content="{escape(plain(description))}">\n'
        f'<script type="module" src="{up}_static/course/live.js"></script>\n'
    )
    html = re.sub(r"(<meta charset=[^>]*>)", rf"\1\n{head}", html, count=1)
    with atomic_path(path) as temporary:
        temporary.write_text(html, "utf-8")


def plain(markdown: str) -> str:
    """Return a sentence without the signs of its links, code and emphasis."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"[*`$]", "", text)


def tidy(made: Path) -> None:
    """Remove what only a later build or a debugger would read."""
    for name in (".buildinfo", "objects.inv", "_static/webpack-macros.html"):
        (made / name).unlink(missing_ok=True)
    for path in made.rglob("*.map"):
        path.unlink()
    (made / ".nojekyll").touch()  # GitHub Pages would leave out _static
