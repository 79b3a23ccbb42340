"""What a stage that searches is asked besides a policy: the settings that synthesis and inference share.

Stages inherit these fields and hand them to `search.preset`; nothing here searches, and nothing heavy is imported.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from o1coder.errors import LabError
from o1coder.stage import OPENS, Opens, Pick, Sampled

GUIDED = ("puct", "beam", "dvts")
RANKING = ("beam", "dvts")
BY_SCORE = ("weighted", "prm")


class Searched(Sampled):
    """The shape of a tree, who steers it, and whether it may stop or go on by what it has found."""

    simulations: int = Field(4, ge=1, description="simulations of a tree; chains of best-of-n and of dvts")
    width: int = Field(3, ge=1, description="completions sampled below a step")
    refines: int = Field(1, ge=0, description="refine steps between structure and code")
    max_depth: int = Field(8, ge=1, description="steps of a chain at most, where the policy chooses its actions")
    grammar: Literal["any", "ordered"] = Field(
        "any", description="which actions such a policy may choose: any, or structure, refine*, code in order"
    )
    prm: Annotated[int | None, Pick("checkpoint", role="prm")] = Field(
        None, description="the process reward model that steers, or chooses"
    )
    scorer: Opens = Field("hf", description=f"of the PRM: {OPENS}")
    beams: int = Field(4, ge=1, description="beam: prefixes kept at each level")
    aggregate: Literal["last", "min", "product", "mean"] = Field(
        "last", description="what a PRM's scores of the steps make of a chain"
    )
    adaptive: bool = Field(
        False, description="direct answers first; stop once settled, go on while not (makes no values for a PRM)"
    )
    most_simulations: int | None = Field(
        None, ge=1, description="adaptive: simulations of a tree that is not settled; default: four times as many"
    )
    direct_first: int | None = Field(
        None, ge=0, description="adaptive: programs without pseudocode before any search; default: 4"
    )

    def rules(self) -> dict[str, Any]:
        """These settings as fields of a SearchConfig."""
        same = ("simulations", "width", "refines", "max_depth", "grammar", "beams", "aggregate", "temperature")
        rules = {name: getattr(self, name) for name in same}
        if self.adaptive:
            rules["most_simulations"] = self.most_simulations or 4 * self.simulations
            rules["direct_first"] = 4 if self.direct_first is None else self.direct_first
        return rules

    @property
    def asks_prm(self) -> bool:
        """Whether anything goes by a process reward model's scores."""
        return False

    @property
    def ranks_paths(self) -> bool:
        """Whether anything ranks chains by what `aggregate` makes of their scores."""
        return False

    @property
    def keeps_beams(self) -> bool:
        """Whether the search keeps `beams` prefixes of a level."""
        return False

    @model_validator(mode="after")
    def _asks_nothing_in_vain(self) -> Searched:
        # The defaults pass: a stored job names every field.
        if self._changed("beams") and not self.keeps_beams:
            raise LabError("beams are of beam search", "search by beam, or leave --beams away")
        if self._changed("aggregate") and not self.ranks_paths:
            raise LabError(
                "aggregate is of beam and dvts, and of an answer chosen by a PRM's scores",
                "search by one of them, or leave --aggregate away",
            )
        if self._changed("scorer") and self.prm is None:
            raise LabError(
                "a scorer runs a process reward model, and none is named", "add --prm, or leave --scorer away"
            )
        return self

    def _changed(self, name: str) -> bool:
        return bool(getattr(self, name) != type(self).model_fields[name].default)

    @model_validator(mode="after")
    def _adapts(self) -> Searched:
        if not self.adaptive and (self.most_simulations is not None or self.direct_first is not None):
            raise LabError("most_simulations and direct_first are of adaptive searches", "add --adaptive")
        return self


class Answering(Searched):
    """How an answer is looked for, and how one program is chosen."""

    search: Literal["uct", "puct", "beam", "dvts", "best-of-n"] = Field(
        "uct", description="how programs are looked for; a PRM steers puct, beam and dvts"
    )
    choose: Literal["agreement", "weighted", "prm", "majority"] = Field(
        "agreement", description="how one is chosen: by the generated tests, by a PRM, or by both (weighted)"
    )
    budget_tokens: int | None = Field(None, ge=1, description="sampled tokens after which the search stops")

    @property
    def asks_prm(self) -> bool:
        """Whether anything goes by a process reward model's scores."""
        return self.search in GUIDED or self.choose in BY_SCORE

    @property
    def ranks_paths(self) -> bool:
        """Whether anything ranks chains by what `aggregate` makes of their scores."""
        return self.search in RANKING or self.choose in BY_SCORE

    @property
    def keeps_beams(self) -> bool:
        """Whether the search keeps `beams` prefixes of a level."""
        return self.search == "beam"

    @model_validator(mode="after")
    def _has_its_prm(self) -> Answering:
        if self.asks_prm and self.prm is None:
            word = self.search if self.search in GUIDED else self.choose
            raise LabError(
                f"{word} goes by the scores of a process reward model",
                "name one with --prm; uct and best-of-n, agreement and majority need none",
            )
        return self
