"""Ask the FAQ a question."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import Field

from triptych.service.routes.asking import PROBLEMS, WRONG_FIELDS, Asked, Told, ask_model, read_rows
from triptych.service.served_model import ServedModel

Text = Annotated[str, Field(max_length=100_000)]


class Question(Asked):
    """A question: a title, a body, or both."""

    title: Text = Field("", examples=["All my list items alert 5"])
    """In a line."""
    body: Text = Field("", examples=["<p>I attach them in a loop.</p>"])
    """HTML or plain text."""
    top_k: Annotated[int, Field(ge=1, le=100)] = 3
    """Originals to give."""
    text_format: Literal["auto", "html", "plain"] = "auto"
    """What the body is; `auto` tells it by the text."""


class Match(Told):
    """An original that may answer the question."""

    rank: int
    """From 1, the best."""
    original_id: int | str
    """As the FAQ has it: a number, or text such as a ticket's."""
    score: float
    """Higher is better; only the order means anything."""
    probability: float
    """That it answers the question, in [0, 1]."""
    verdict: Literal["match", "no match"]
    """`no match` where the probability is below the model's threshold."""
    title: str
    answer_id: int | str
    """Likewise; -1 where it has none."""
    answer: str
    """HTML as it was written by strangers, perhaps empty: clean it before you show it."""


class Matches(Told):
    """What the FAQ has for a question."""

    version: str
    """The model that answered."""
    matches: list[Match]
    """Best first."""


def make_faq_router(model: ServedModel, timeout_s: float) -> APIRouter:
    """Make the route."""
    router = APIRouter(tags=["faq"])

    @router.post("/faq/ask", responses={**PROBLEMS, **WRONG_FIELDS})
    async def ask(question: Question, request: Request) -> Matches:
        """Find the originals that answer a question."""
        if not (question.title + question.body).strip():
            raise HTTPException(400, "title or body is needed")
        columns = {"title": [question.title], "body": [question.body]}
        params = {"top_k": question.top_k, "text_format": question.text_format}
        answer = await ask_model(request, model, {"op": "rows", "columns": columns, "params": params}, timeout_s)
        matches = [Match.model_validate(row) for row in read_rows(answer)]
        return Matches(version=str(model.status.version), matches=matches)

    return router
