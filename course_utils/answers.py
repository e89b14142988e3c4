"""Tasks for a language model: learn to answer them, and count the exact answers.

A task is a prompt and its one right answer (``course_utils.world.tasks``). Fine-tuning
is training as before, on prompts with their answers, where only the answer's tokens
count. Measuring is strict: an answer is right if it is the known one, letter by letter.

Floors: stands on ``sampling``, ``data`` and ``tokenization``.
Sources: Radford et al. 2018, "Improving Language Understanding by Generative
Pre-Training", section 3.3 (tasks as texts); Ouyang et al. 2022, "Training language
models to follow instructions with human feedback" (the loss on the answer).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from course_utils.data import Batch, DocumentBatches, evaluation_documents
from course_utils.model import GPT
from course_utils.sampling import decode_rows, generate
from course_utils.tokenization import Tokenizer
from course_utils.world.tasks import Task, in_plain_words, sample_tasks

AT_ONCE = 64  # prompts that are answered side by side


def answer_batches(
    tasks: Sequence[Task],
    tokenizer: Tokenizer,
    batch_size: int,
    seed: int = 0,
    n_positions: int = 256,
) -> DocumentBatches:
    """Return endless batches of prompts with answers; only answers have targets."""
    documents, starts = _with_answers(tasks, tokenizer)
    end = tokenizer.end_of_text
    return DocumentBatches(
        documents, batch_size, end, seed, n_positions, loss_starts=starts
    )


def evaluation_answers(
    tasks: Sequence[Task],
    tokenizer: Tokenizer,
    batch_size: int,
    n_positions: int = 256,
) -> list[Batch]:
    """Return batches framed as in ``answer_batches``, every task in them once."""
    documents, starts = _with_answers(tasks, tokenizer)
    end = tokenizer.end_of_text
    return evaluation_documents(documents, batch_size, end, n_positions, starts)


def _with_answers(tasks, tokenizer) -> tuple[list[list[int]], list[int]]:
    """Return each prompt with its answer as ids, and where the answer begins."""
    # A prompt ends where a word ends: no token crosses into the answer.
    prompts = [tokenizer.encode(task.prompt) for task in tasks]
    answers = [tokenizer.encode(task.answer) for task in tasks]
    pairs = zip(prompts, answers, strict=True)
    return [prompt + answer for prompt, answer in pairs], list(map(len, prompts))


def answer(
    model: GPT, tokenizer: Tokenizer, prompts: Sequence[str], max_new_tokens: int = 100
) -> list[str]:
    """Continue each prompt greedily up to end-of-text; return what was added."""
    end, added = tokenizer.end_of_text, [""] * len(prompts)
    ids = [[end, *tokenizer.encode(prompt)] for prompt in prompts]
    by_length = sorted(range(len(prompts)), key=lambda i: len(ids[i]))  # less padding
    for start in range(0, len(prompts), AT_ONCE):
        rows = by_length[start : start + AT_ONCE]
        longest = len(ids[rows[-1]])
        written = generate(
            model,
            [ids[i] for i in rows],
            max_new_tokens,
            end_of_text=end,
            temperature=0,
        )
        texts = decode_rows(tokenizer, written[:, longest:])
        for i, text in zip(rows, texts, strict=True):
            added[i] = text
    return added


# --- Ways to ask


def ask(model: GPT, tokenizer: Tokenizer, tasks: Sequence[Task]) -> list[str]:
    """Return a model's answers to tasks as they are put."""
    return answer(model, tokenizer, [task.prompt for task in tasks])


def ask_in_plain_words(model: GPT, tokenizer: Tokenizer, tasks) -> list[str]:
    """Ask as one would ask a person, with words that the base has never read."""
    return answer(model, tokenizer, [in_plain_words(task) for task in tasks])


def ask_for_a_sentence(model: GPT, tokenizer: Tokenizer, tasks) -> list[str]:
    """Ask as ever; take the first sentence, for a document goes on after an answer."""
    return [first_sentence(text) for text in ask(model, tokenizer, tasks)]


def first_sentence(text: str) -> str:
    """Return a text up to its first full stop, English or Chinese."""
    ends = [i for i in (text.find("."), text.find("。")) if i >= 0]
    return text[: min(ends) + 1] if ends else text


def ask_with_examples(n: int) -> Callable:
    """Return a way to ask for translations that shows ``n`` others, solved, before.

    In-context learning: Brown et al. 2020, "Language Models are Few-Shot Learners",
    figure 2.1. Two stories with their questions do not fit into the context.
    """
    examples = sample_tasks("translation", n, seed=1)
    solved = "".join(f"{task.prompt}{task.answer}\n\n" for task in examples)

    def ask(model, tokenizer, tasks):
        prompts = [solved + task.prompt for task in tasks]
        given = answer(model, tokenizer, prompts, max_new_tokens=50)
        return [first_sentence(text) for text in given]

    return ask


# --- Marks


@dataclass(frozen=True)
class Marks:
    """How many tasks were answered exactly, and which facts the others missed."""

    right: int
    total: int
    missed: Counter  # fact -> wrong answers

    @property
    def share(self) -> float:
        """The share of exact answers, 0 to 1."""
        return self.right / self.total


def mark(tasks: Sequence[Task], given: Sequence[str]) -> Marks:
    """Compare answers with the known ones. Raises ValueError for none, or unequal."""
    if not tasks or len(tasks) != len(given):
        raise ValueError(
            f"given must hold one answer for each of at least one task, "
            f"got {len(given)} answers to {len(tasks)} tasks"
        )
    pairs = zip(tasks, given, strict=True)
    missed = Counter(task.fact for task, text in pairs if text != task.answer)
    return Marks(len(tasks) - missed.total(), len(tasks), missed)


def marks(
    model: GPT, tokenizer: Tokenizer, tasks: Mapping[str, Sequence[Task]], ask=ask
) -> dict[str, Marks]:
    """Return {kind: Marks} on the tasks of each kind, asked in this way."""
    return {
        kind: mark(of_kind, ask(model, tokenizer, of_kind))
        for kind, of_kind in tasks.items()
    }
