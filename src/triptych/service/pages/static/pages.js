// What all pages share: answers of htmx that are no page, and waiting.
"use strict";

const problem = document.getElementById("problem");

function tellProblem(text) {
  problem.textContent = text;
  problem.hidden = !text;
}

async function readProblem(answer) {
  // Guards answer in JSON: {"detail": "..."} or a list of what is wrong.
  const text = await answer.text();
  try {
    const detail = JSON.parse(text).detail;
    return typeof detail === "string" ? detail : detail.map((one) => one.msg ?? one).join("; ");
  } catch {
    return text.slice(0, 300) || `status ${answer.status}`;
  }
}

document.addEventListener("htmx:beforeRequest", () => tellProblem(""));

document.addEventListener("htmx:beforeSwap", (event) => {
  const answer = event.detail.xhr;
  if (answer.status >= 400 && (answer.getResponseHeader("Content-Type") ?? "").startsWith("text/html")) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  } else if (answer.status >= 400) {
    readProblem(new Response(answer.responseText, { status: answer.status })).then(tellProblem);
  }
});

document.addEventListener("htmx:sendError", () => tellProblem("The service does not answer. Is it still running?"));

function watchDrops(place, take) {
  // On the whole page: a file dropped beside the place would replace the page.
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) place.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    if (event.dataTransfer.files.length) take(event.dataTransfer.files);
  });
}
