"""A vLLM engine in this process, opened and closed for `vllm.py` and `vllm_scorer.py`; heavy, so imported late.

Its settings that this project cares about: prefix caching on, the engine stepped by our own loop and not by a process of
its own, on a CPU as many threads as we say and compiled graphs left out (they take minutes to make). What else vLLM reads
from the environment (VLLM_…) is the operator's. On a CPU its worker is a process of its own all the same.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from o1coder.errors import LabError


def open_engine(
    model: Path | str, *, threads: int | None, gpu_share: float, max_length: int | None, **settings: Any
) -> Any:
    """An LLMEngine over `model`; `gpu_share` of the device's memory, `max_length` tokens of prompt and text together.

    LabError where vLLM is not installed or cannot serve this model with these settings.
    """
    # Read by vLLM when it is imported. What the operator has set stays.
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    os.environ["OMP_NUM_THREADS"] = str(threads or max(1, (os.cpu_count() or 2) - 1))
    try:
        from vllm import EngineArgs, LLMEngine
        from vllm.platforms import current_platform
    except ImportError as error:
        raise LabError(f"vLLM cannot be loaded: {error}", "pip install 'o1coder[vllm]', or take hf") from error
    on_cpu = current_platform.is_cpu()
    try:
        return LLMEngine.from_engine_args(
            EngineArgs(
                model=str(model),
                enable_prefix_caching=True,
                gpu_memory_utilization=gpu_share,
                max_model_len=max_length,
                enforce_eager=on_cpu,
                disable_log_stats=True,
                **settings,
            )
        )
    except (OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        hint = "name a model folder that it can load; a smaller max_length or another gpu_share may make it fit"
        raise LabError(f"vLLM cannot serve {model}: {reason}", hint) from error


def close_engine(engine: Any) -> None:
    """End the engine and give its memory back."""
    import gc

    import torch

    engine.engine_core.shutdown()
    del engine
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
