"""What a model would see: the prompts of a stage's config for its first problem, rendered and not sampled (--show-prompt)."""

from __future__ import annotations

from typing import Any

from o1coder.checkpoints import weights
from o1coder.errors import LabError
from o1coder.growing import prompt_of
from o1coder.lab import Lab
from o1coder.queries import problems
from o1coder.stage import Sampled, StageConfig
from o1coder.verdicts import asked


def shown(lab: Lab, stage: str, config: StageConfig) -> list[dict[str, Any]]:
    """[{stage, problem, action, prompt}]: the first prompt of a chain, or the generator's. LabError where a stage samples
    no policy."""
    if not isinstance(config, Sampled):
        raise LabError(f"{stage} shows no prompt to a model", "synthesize, evaluate, generate-tests and solve do")
    policy = None if config.policy is None else weights(lab, config.policy)
    values = config.model_dump()
    split = values.get("split")
    with lab.reading() as connection:
        ids = tuple(values.get("problems") or ()) or ((values["problem"],) if values.get("problem") else ())
        first = problems.select(
            connection,
            split=split[0] if isinstance(split, tuple) else split,
            slice=values.get("slice"),
            limit=1,
            ids=ids[:1],
        )[0]
        task, reference = asked(connection, first).task, problems.reference(connection, first)
        key = problems.show(connection, first).row.key
    if stage == "generate-tests":
        from o1coder.text import case_prompt

        trained = policy is not None and policy.role == "tcg" and policy.prompt is not None
        prompt = prompt_of(config.prompt if config.prompt != "auto" or trained else f"tcg-{values['form']}", policy)
        code = reference.code if prompt.form == "cases-with-code" and reference is not None else None
        return [_row(key, "cases", prompt.name, prompt.digest, case_prompt(prompt, task, code, int(values["cases"])))]
    direct = values.get("mode") == "direct"
    prompt = prompt_of("direct" if direct and config.prompt == "auto" else config.prompt, policy)
    action = "code" if direct else "structure"
    return [_row(key, action, prompt.name, prompt.digest, prompt.render(task, (), "code" if direct else "structure"))]


def _row(problem: str, action: str, name: str, digest: str, text: str) -> dict[str, Any]:
    return {"problem": problem, "action": action, "prompt_name": name, "prompt_digest": digest, "prompt": text}
