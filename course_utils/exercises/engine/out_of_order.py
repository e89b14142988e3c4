"""A word below a NameError: which cell to run first.

Cells that are run out of order, or after the kernel was started anew, miss names that
other cells make. Python's message does not say so.
"""

from .cards import shell


def watch() -> None:
    """From now on say below a cell that misses a name what to run."""
    ipython = shell()
    if ipython is not None:
        ipython.events.register("post_run_cell", say_what_to_run)


def say_what_to_run(result) -> None:
    """Print what to run, if the cell ended in a NameError of its own."""
    error = result.error_in_exec
    if type(error) is NameError and error.name:
        print(
            f"If a cell above makes {error.name}, it has not run in this kernel: run "
            "the cells above first\n(JupyterLab: Run > Run All Above Selected Cell; "
            "Colab: Runtime > Run before)."
        )
