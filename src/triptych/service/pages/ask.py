"""The page that asks the FAQ."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from triptych.faq.text.markup import clean_body
from triptych.service.pages.marking import clean_answer, find_words, mark_text
from triptych.service.pages.rendering import Renderer, is_fragment
from triptych.service.routes.asking import ask_model, read_rows
from triptych.service.routes.faq import Match, Question

_MOST_FIELDS = 10
_NOTHING = Question(title="", body="")


def make_ask_router(renderer: Renderer, timeout_s: float) -> APIRouter:
    """Make the routes."""
    router = APIRouter(include_in_schema=False)

    @router.get("/pages/ask")
    async def show_ask() -> HTMLResponse:
        return renderer.render("ask.html", question=_NOTHING, found=None, problem="")

    @router.post("/pages/ask")
    async def ask(request: Request) -> HTMLResponse:
        question, found, problem, status = _NOTHING, None, "", 200
        try:
            question = await _read_question(request)
            found = await _find(request, question, timeout_s)
        except HTTPException as error:
            problem, status = str(error.detail), error.status_code
        name = "_matches.html" if is_fragment(request) else "ask.html"
        return renderer.render(name, status, question=question, found=found, problem=problem)

    return router


async def _read_question(request: Request) -> Question:
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as form:
        given: dict[str, Any] = {name: value for name, value in form.items() if name in Question.model_fields}
    try:
        given["top_k"] = int(given.get("top_k", _NOTHING.top_k))
        question = Question.model_validate(given)
    except ValidationError as error:
        told = "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors(include_url=False))
        raise HTTPException(422, told) from error
    except ValueError as error:
        raise HTTPException(422, "top_k: a whole number is needed") from error
    if not (question.title + question.body).strip():
        raise HTTPException(422, "Type a question first.")
    return question


async def _find(request: Request, question: Question, timeout_s: float) -> list[dict[str, Any]]:
    """Ask the model, and make what it gives ready to be shown."""
    model = request.app.state.models.get("faq")
    if model is None:
        raise HTTPException(404, "The FAQ is not served here: start `triptych serve faq`.")
    columns = {"title": [question.title], "body": [question.body]}
    params = {"top_k": question.top_k, "text_format": question.text_format}
    answer = await ask_model(request, model, {"op": "rows", "columns": columns, "params": params}, timeout_s)
    body = clean_body(question.body, question.text_format)
    words = find_words(question.title, body.text, body.code)
    return [_show(Match.model_validate(row), words) for row in read_rows(answer)]


def _show(match: Match, words: frozenset[str]) -> dict[str, Any]:
    shown = {"title": mark_text(match.title, words), "answer": clean_answer(match.answer, words)}
    percent = _write_percent(match.probability)
    return {**match.model_dump(), **shown, "percent": percent, "is_match": match.verdict == "match"}


def _write_percent(share: float) -> str:
    """Write a probability; what is not quite sure is not called sure."""
    if 0 < share < 0.01:
        return "under 1 %"
    return "over 99 %" if 0.99 < share < 1 else f"{share * 100:.0f} %"
