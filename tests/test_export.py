"""Exports: in each tool the same ids, logits and text; skipped where it is absent."""

import json
import os
import random
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils import commands, models
from course_utils.comparison import difference
from course_utils.config import GPTConfig
from course_utils.export import (
    tiktoken_encoding,
    tokenizer_json,
    write_ctranslate2,
    write_gguf,
    write_javascript,
    write_onnx,
    write_tiktoken,
)
from course_utils.export.checks import token_names
from course_utils.huggingface import randomize, save_pretrained
from course_utils.model import GPT
from course_utils.sampling import generate
from course_utils.tokenization import SPLIT_PATTERN, Tokenizer

PROMPT = "One cold morning, Mia the baker found a"
TEXTS = [PROMPT, "it's  we'll   x\n\n y ", " 中文 naïve 🙂🙂 x123!!", "a , b ! c 's"]
CHARACTERS = "abc  \n\t'sS1٣½²中é🙂!,.-\u00a0\u200b\u3000\u0301"


@pytest.fixture(scope="module")
def story():
    return models.load("story")


@pytest.fixture(scope="module")
def own_head(story):
    """A randomized model with a head of its own, and two rows without a token."""
    V = story[1].vocab_size + 2
    config = GPTConfig(V, 32, n_layer=2, n_head=3, n_embd=24, tie_word_embeddings=False)
    return randomize(GPT(config), 3).eval(), story[1]


@pytest.fixture(params=["story", "own_head"])
def pair(request):
    return request.getfixturevalue(request.param)


def ids_of(tokenizer, text=PROMPT):
    return [tokenizer.end_of_text, *tokenizer.encode(text)]


@torch.no_grad()
def logits_of(model, ids):
    return model(torch.tensor([ids]))[0]  # (T, V)


def greedy(model, ids, n):
    return generate(model, ids, n, temperature=0)[0, len(ids) :].tolist()


def random_texts(n):
    rng = random.Random(0)
    return ["".join(rng.choices(CHARACTERS, k=rng.randint(1, 12))) for _ in range(n)]


# --- llama.cpp ---


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_llama_cpp_gives_the_same_ids_and_logits(pair, dtype, tmp_path):
    pytest.importorskip("gguf")
    llama_cpp = pytest.importorskip("llama_cpp")
    model, tokenizer = pair
    write_gguf(model, tokenizer, tmp_path / "model.gguf", dtype)
    f32 = llama_cpp.GGML_TYPE_F32  # of the cache: float16 unless one asks
    llama = llama_cpp.Llama(
        str(tmp_path / "model.gguf"),
        logits_all=True,
        verbose=False,
        n_ctx=32,
        n_threads=1,
        type_k=f32,
        type_v=f32,
    )
    for text in [*TEXTS, *random_texts(300)]:
        got = llama.tokenize(text.encode(), add_bos=False, special=False)
        assert got == tokenizer.encode(text), text
        assert llama.detokenize(got) == text.encode()
    assert llama.token_eos() == llama.token_bos() == tokenizer.end_of_text
    ids = ids_of(tokenizer)
    llama.eval(ids)
    got, expected = torch.tensor(llama.scores[: len(ids)]), logits_of(model, ids)
    llama.close()
    # llama.cpp looks GELU up in a table of half precision.
    limit = 1e-3 if dtype == torch.float32 else 1e-2
    assert difference(got, expected) < limit * expected.abs().max().item()
    assert torch.equal(got.argmax(-1), expected.argmax(-1))


def test_a_gguf_of_half_precision_is_half_as_large(story, tmp_path):
    pytest.importorskip("gguf")
    for name, dtype in {"full": torch.float32, "half": torch.float16}.items():
        write_gguf(*story, tmp_path / name, dtype)
    sizes = [(tmp_path / name).stat().st_size for name in ("full", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    with pytest.raises(ValueError, match=r"dtype must be float32 or .*, got torch"):
        write_gguf(*story, tmp_path / "x", torch.float64)


# --- onnxruntime ---


def onnx_session(model, path):
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    write_onnx(model, path)
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_onnxruntime_gives_the_same_logits_piece_by_piece(pair, tmp_path, capfd):
    model, _ = pair
    session = onnx_session(model, tmp_path / "model.onnx")
    assert capfd.readouterr() == ("", "")
    config, memories = model.config, [i.name for i in session.get_inputs()][2:]
    assert memories[:2] == ["past_key_values.0.key", "past_key_values.0.value"]
    for B, pieces in [(1, [1, 1, 1]), (1, [32]), (3, [7, 1, 5, 1]), (2, [2, 9])]:
        T, generator = sum(pieces), torch.Generator().manual_seed(B)
        ids = torch.randint(0, config.vocab_size, (B, T), generator=generator)
        mask = torch.ones(B, T, dtype=torch.int64)
        mask[1:, :2] = 0  # on the left, as for prompts of unequal length
        empty = torch.zeros(B, config.n_head, 0, config.head_size).numpy()
        past, parts, read = [empty] * len(memories), [], 0
        for n in pieces:
            given = {"input_ids": ids[:, read : read + n].numpy()}
            read += n
            given["attention_mask"] = mask[:, :read].numpy()
            feed = given | dict(zip(memories, past, strict=True))
            part, *past = session.run(None, feed)
            parts.append(torch.tensor(part))
        with torch.no_grad():
            expected = model(ids, padding=mask.bool())
        real = mask.bool()
        assert difference(torch.cat(parts, 1)[real], expected[real]) <= 1e-4


# --- transformers.js ---

SCRIPT = """
const { AutoTokenizer, AutoModelForCausalLM, env } =
    require('@huggingface/transformers');
(async () => {
  const [root, given] = process.argv.slice(1);
  const { texts, prompt, n } = JSON.parse(given);
  env.allowRemoteModels = false;
  env.localModelPath = root;
  const tokenizer = await AutoTokenizer.from_pretrained('exported');
  const options = { dtype: 'fp32', device: 'cpu' };
  const model = await AutoModelForCausalLM.from_pretrained('exported', options);
  const ids = texts.map(text => tokenizer.encode(text));
  const inputs = tokenizer(prompt);
  const { logits } = await model(inputs);
  const fixed = { max_new_tokens: n, min_new_tokens: n, do_sample: false };
  const written = await model.generate({ ...inputs, ...fixed });
  console.log(JSON.stringify({
    ids,
    texts: ids.map(row => tokenizer.decode(row)),
    logits: Array.from(logits.data),
    written: written.tolist()[0].map(Number),
  }));
})();
"""


@pytest.fixture(scope="session")
def node():
    """Return a function that runs a script where transformers.js is installed."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("there is no node")
    root = subprocess.run(["npm", "root", "-g"], capture_output=True, text=True)

    def run(script, *arguments):
        paths = [root.stdout.strip(), os.environ.get("NODE_PATH", "")]
        return subprocess.run(
            ["node", "-e", script, *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "NODE_PATH": os.pathsep.join(filter(None, paths))},
        )

    if run("require('@huggingface/transformers')").returncode:
        pytest.skip("npm install -g @huggingface/transformers")
    return run


def test_transformers_js_gives_the_same_ids_text_and_logits(story, tmp_path, node):
    pytest.importorskip("onnxscript")
    model, tokenizer = story
    write_javascript(model, tokenizer, tmp_path / "exported")
    given = {"texts": [*TEXTS, *random_texts(100)], "prompt": PROMPT, "n": 20}
    answer = node(SCRIPT, str(tmp_path), json.dumps(given))
    assert answer.returncode == 0, answer.stderr
    got = json.loads(answer.stdout)
    assert got["ids"] == [tokenizer.encode(text) for text in given["texts"]]
    assert got["texts"] == given["texts"]  # no space before punctuation is lost
    ids = tokenizer.encode(PROMPT)
    logits = torch.tensor(got["logits"]).view(len(ids), -1)
    assert difference(logits, logits_of(model, ids)) <= 1e-4
    assert got["written"] == ids + greedy(model, ids, 20)


def test_a_tokenizer_json_gives_the_same_ids_in_its_own_library(story):
    import tokenizers

    _, tokenizer = story
    fast = tokenizers.Tokenizer.from_str(tokenizer_json(tokenizer))
    for text in [*TEXTS, *random_texts(300)]:
        assert fast.encode(text).ids == tokenizer.encode(text)
        assert fast.decode(fast.encode(text).ids) == text
    assert fast.encode("a<|endoftext|>").ids[-1] == tokenizer.end_of_text


def test_a_tokenizer_json_is_read_back(story, tmp_path):
    (tmp_path / "tokenizer.json").write_text(tokenizer_json(story[1]), "utf-8")
    assert Tokenizer.from_pretrained(tmp_path).merges == story[1].merges


# --- CTranslate2 ---


@pytest.mark.parametrize(("quantization", "limit"), [(None, 1e-4), ("int8", 0.5)])
def test_ctranslate2_gives_the_same_logits_and_text(
    story, quantization, limit, tmp_path
):
    ctranslate2 = pytest.importorskip("ctranslate2")
    model, tokenizer = story
    write_ctranslate2(model, tokenizer, tmp_path / "exported", quantization)
    generator = ctranslate2.Generator(str(tmp_path / "exported"), intra_threads=1)
    ids = ids_of(tokenizer)
    logits = torch.tensor(np.array(generator.forward_batch([ids])))[0]
    assert difference(logits, logits_of(model, ids)) <= limit
    if quantization is None:
        names = token_names(tokenizer)
        settings = dict(sampling_topk=1, include_prompt_in_result=False)
        prompt = [[names[i] for i in ids]]
        written = generator.generate_batch(prompt, max_length=30, **settings)
        assert written[0].sequences_ids[0] == greedy(model, ids, 30)


def test_ctranslate2_uses_a_head_of_its_own(own_head, tmp_path):
    ctranslate2 = pytest.importorskip("ctranslate2")
    model, tokenizer = own_head
    with pytest.raises(ValueError, match="exactly vocab_size=1019 tokens, got 1017"):
        write_ctranslate2(model, tokenizer, tmp_path / "exported")
    config = replace(model.config, vocab_size=tokenizer.vocab_size)
    smaller = randomize(GPT(config), 3).eval()
    write_ctranslate2(smaller, tokenizer, tmp_path / "exported")
    generator = ctranslate2.Generator(str(tmp_path / "exported"), intra_threads=1)
    ids = ids_of(tokenizer)
    logits = torch.tensor(np.array(generator.forward_batch([ids])))[0]
    assert difference(logits, logits_of(smaller, ids)) <= 1e-4


# --- tiktoken ---


def test_tiktoken_gives_the_same_ids(story):
    pytest.importorskip("tiktoken")
    _, tokenizer = story
    encoding = tiktoken_encoding(tokenizer)
    assert encoding.n_vocab == tokenizer.vocab_size
    for text in [*TEXTS, *random_texts(300)]:
        assert encoding.encode_ordinary(text) == tokenizer.encode(text)
    ids = encoding.encode("a<|endoftext|>", allowed_special="all")
    assert ids[-1] == tokenizer.end_of_text == encoding.eot_token


@given(st.text(alphabet="aab b\n'", max_size=60), st.integers(257, 300))
def test_tiktoken_gives_the_same_ids_whatever_was_learnt(text, vocab_size):
    pytest.importorskip("tiktoken")
    learnt = Tokenizer.train(text + "a", vocab_size)
    encoding = tiktoken_encoding(learnt)
    for some in (text, text[::-1], text * 2):
        assert encoding.encode_ordinary(some) == learnt.encode(some)


def test_a_tiktoken_file_holds_the_ordinary_tokens(story, tmp_path):
    tiktoken_load = pytest.importorskip("tiktoken.load")
    write_tiktoken(story[1], tmp_path / "course.tiktoken")
    ranks = tiktoken_load.load_tiktoken_bpe(str(tmp_path / "course.tiktoken"))
    assert ranks == story[1].vocab
    assert SPLIT_PATTERN.pattern.startswith("'s|'t|")


# --- On the exported folder ---


@pytest.fixture(scope="module")
def folder(story, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported")
    save_pretrained(*story, path)
    return path


def test_peft_merges_what_it_learnt_and_we_read_it(folder, tmp_path):
    peft = pytest.importorskip("peft")
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    theirs = AutoModelForCausalLM.from_pretrained(folder)
    settings = dict(r=4, target_modules=["c_attn"], fan_in_fan_out=True)
    adapted = peft.get_peft_model(theirs, peft.LoraConfig(**settings))
    ids = torch.randint(0, 1000, (2, 20))
    before = adapted(input_ids=ids).logits
    chosen = [p for p in adapted.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(chosen, lr=1e-2)
    for _ in range(3):
        adapted(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
    adapted.eval()
    learnt = adapted(input_ids=ids).logits
    adapted.merge_and_unload().save_pretrained(tmp_path)
    ours = GPT.from_pretrained(tmp_path)
    assert difference(learnt, before) > 0.1
    assert difference(ours(ids), learnt) < 1e-3


def test_a_head_of_its_own_takes_a_low_rank_where_a_tied_one_does_not(
    story, folder, tmp_path
):
    peft = pytest.importorskip("peft")
    from transformers import AutoModelForCausalLM

    model, tokenizer = story
    untied = GPT(replace(model.config, tie_word_embeddings=False))
    table = {"own_head.weight": model.token_embedding.weight}
    untied.load_state_dict(model.state_dict() | table)
    save_pretrained(untied.eval(), tokenizer, tmp_path)
    ids = torch.tensor([ids_of(tokenizer)])

    def apart_after_merging(path):
        theirs = AutoModelForCausalLM.from_pretrained(path)
        settings = dict(r=4, target_modules=["lm_head"], init_lora_weights=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            adapted = peft.get_peft_model(theirs, peft.LoraConfig(**settings)).eval()
            learnt = adapted(input_ids=ids).logits
            return difference(adapted.merge_and_unload()(ids).logits, learnt)

    assert apart_after_merging(tmp_path) < 1e-3
    assert apart_after_merging(folder) > 0.1


def test_lm_eval_scores_as_we_do_without_end_of_text_before_a_context(story, folder):
    pytest.importorskip("lm_eval")
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model, tokenizer = story
    judge = HFLM(pretrained=str(folder), device="cpu", dtype="float32")
    asked = [(PROMPT, " small box."), ("", PROMPT)]
    requests = [Instance("loglikelihood", {}, pair, i) for i, pair in enumerate(asked)]
    for (context, text), (score, _) in zip(
        asked, judge.loglikelihood(requests), strict=True
    ):
        before = tokenizer.encode(context) or [tokenizer.end_of_text]
        ids = [*before, *tokenizer.encode(text)]
        rows = logits_of(model, ids).log_softmax(-1)[len(before) - 1 : -1]
        expected = rows.gather(1, torch.tensor(ids[len(before) :])[:, None]).sum()
        assert score == pytest.approx(expected.item(), abs=1e-3)


@pytest.mark.slow
def test_trl_trains_on_the_folder_and_we_read_what_it_wrote(folder, tmp_path):
    trl = pytest.importorskip("trl")
    datasets = pytest.importorskip("datasets")
    data = datasets.Dataset.from_dict({"text": [PROMPT + " small box."] * 8})
    settings = dict(max_steps=3, learning_rate=1e-2, max_length=32, report_to=[])
    settings |= dict(use_cpu=True, bf16=False, fp16=False, save_strategy="no")
    arguments = trl.SFTConfig(output_dir=str(tmp_path), logging_steps=1, **settings)
    trainer = trl.SFTTrainer(model=str(folder), train_dataset=data, args=arguments)
    trainer.train()
    losses = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert losses[-1] < losses[0]
    trainer.save_model(str(tmp_path / "out"))
    ours, ids = GPT.from_pretrained(tmp_path / "out"), torch.arange(9)[None]
    assert difference(ours(ids), trainer.model.eval()(ids).logits) < 1e-4
    assert Tokenizer.from_pretrained(tmp_path / "out").vocab_size == 1017


# --- What is refused ---


@pytest.mark.parametrize("write", [write_gguf, write_javascript, write_ctranslate2])
def test_an_edited_model_and_a_larger_tokenizer_are_refused(write, tmp_path, story):
    for tool in ("gguf", "onnxscript", "ctranslate2"):
        pytest.importorskip(tool)
    config = GPTConfig(2000, 16, n_layer=1, n_head=1, n_embd=8)
    model = GPT(config)
    model.blocks[0].mlp.expand.bias = None
    with pytest.raises(ValueError, match=r"but .*mlp\.expand\.bias is missing"):
        write(model, story[1], tmp_path / "new")
    with pytest.raises(ValueError, match="at most 300 tokens, got 1017"):
        write(GPT(replace(config, vocab_size=300)), story[1], tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_command_names_the_format_it_cannot_write(tmp_path, capsys, monkeypatch):
    given = ["export", "story", str(tmp_path / "x")]
    assert commands.main([*given, "--to", "onnx", "--dtype", "float16"]) == 1
    assert "--to onnx takes float32, got float16" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "gguf", None)
    assert commands.main([*given, "--to", "gguf"]) == 1
    assert '--to gguf needs gguf: pip install "course-utils[export]"' in (
        capsys.readouterr().err
    )
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_each_format(tmp_path, capsys):
    out = tmp_path / "course.tiktoken"
    assert commands.main(["export", "story", str(out), "--to", "tiktoken"]) == 0
    assert out.read_text().count("\n") == 1016
