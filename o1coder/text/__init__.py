"""What a model reads and writes: steps, programs, test cases, prompts. Pure functions of text; no model, no lab.

`steps.py` parses a completion into a step, `code.py` names and checks programs, `cases.py` parses generated test
cases, `prompt.py` renders what a model sees from `prompts/*.txt`, `leaks.py` compares statements. Nothing here runs
a program or evaluates text as code.
"""

from __future__ import annotations

from o1coder.text.cases import case_completion, parse_cases
from o1coder.text.code import ast_digest, ast_shape, compiles, program_text
from o1coder.text.leaks import jaccard, ngrams, statement_body, statement_tokens
from o1coder.text.prompt import (
    FORMAT_DIGEST,
    Prompt,
    case_max_tokens,
    case_prompt,
    chain_text,
    load_prompt,
    prefix_text,
    prompt_names,
)
from o1coder.text.steps import PARSER_VERSION, ParsedStep, parse_choice, parse_step

__all__ = [
    "FORMAT_DIGEST",
    "PARSER_VERSION",
    "ParsedStep",
    "Prompt",
    "ast_digest",
    "ast_shape",
    "case_completion",
    "case_max_tokens",
    "case_prompt",
    "chain_text",
    "compiles",
    "jaccard",
    "load_prompt",
    "ngrams",
    "parse_cases",
    "parse_choice",
    "parse_step",
    "prefix_text",
    "program_text",
    "prompt_names",
    "statement_body",
    "statement_tokens",
]
