// Photos are asked for one by one; the threshold and the files are made of what came back.
"use strict";

const form = document.getElementById("photos");
const list = document.getElementById("found");
const slider = document.getElementById("threshold");
const AT_ONCE = 2;
const MOST_TRIES = 6;
const waiting = [];
let asking = 0;

function add(files) {
  for (const file of files) {
    const item = document.createElement("li");
    item.className = "card";
    const text = document.createElement("p");
    text.className = "faint";
    text.textContent = `${file.name}: looking …`;
    item.append(text);
    list.append(item);
    waiting.push({ file, item });
  }
  document.getElementById("results").hidden = !list.children.length;
  askNext();
  show();
}

function askNext() {
  while (asking < AT_ONCE && waiting.length) {
    asking += 1;
    ask(waiting.shift()).finally(() => {
      asking -= 1;
      show();
      askNext();
    });
  }
}

async function ask({ file, item }) {
  try {
    const answer = await send(file);
    if ((answer.headers.get("Content-Type") ?? "").startsWith("text/html")) {
      item.innerHTML = await answer.text(); // the service escapes what it shows
    } else {
      fail(item, file, await readProblem(answer));
    }
  } catch {
    fail(item, file, "the service does not answer, or the file cannot be read");
  }
}

async function send(file) {
  for (let tries = 1; ; tries += 1) {
    const body = new FormData();
    body.append("photo", file, file.name);
    const answer = await fetch("/pages/find/photo", { method: "POST", body });
    if (answer.status !== 503 || tries === MOST_TRIES) return answer;
    const pause_s = Number(answer.headers.get("Retry-After")) || 1;
    await new Promise((done) => setTimeout(done, 1000 * pause_s * tries));
  }
}

function fail(item, file, why) {
  const text = document.createElement("p");
  text.className = "problem";
  text.textContent = `${file.name}: ${why}`;
  item.replaceChildren(text);
}

const read = new WeakMap();

function readPhoto(element) {
  // Once: masks are long, and the slider moves often.
  if (!read.has(element)) read.set(element, JSON.parse(element.dataset.photo));
  return read.get(element);
}

function listPhotos() {
  return [...list.querySelectorAll(".found")].map((element) => ({ element, ...readPhoto(element) }));
}

function countByCategory(detections) {
  const counts = new Map();
  for (const { category } of detections) counts.set(category, (counts.get(category) ?? 0) + 1);
  return [...counts].map(([category, count]) => `${count} × ${category}`).join(", ") || "nothing";
}

function show() {
  const threshold = Number(slider.value);
  document.getElementById("threshold-value").textContent = threshold.toFixed(2);
  const all = [];
  const photos = listPhotos();
  for (const { element, detections } of photos) {
    const shown = detections.filter(({ score }) => score >= threshold);
    element.querySelector(".count").textContent = `${countByCategory(shown)} found`;
    element.querySelectorAll("path").forEach((path, place) => {
      path.toggleAttribute("hidden", detections[place].score < threshold);
    });
    all.push(...shown);
  }
  const failed = list.querySelectorAll(".problem").length;
  const busy = waiting.length + asking;
  document.getElementById("summary").textContent =
    `${countByCategory(all)} found on ${photos.length} ${photos.length === 1 ? "photo" : "photos"}` +
    (failed ? `, ${failed} could not be used` : "") +
    (busy ? `, ${busy} to go` : "");
}

function select() {
  const threshold = Number(slider.value);
  return listPhotos().map((photo) => ({
    ...photo,
    detections: photo.detections.filter(({ score }) => score >= threshold),
  }));
}

function writeCell(value) {
  let text = String(value);
  // Spreadsheets would run a name that begins like a formula.
  if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function makeCsv() {
  const rows = [["photo", "category", "score", "x", "y", "width", "height"]];
  for (const { file_name, detections } of select()) {
    for (const { category, score, bbox } of detections) rows.push([file_name, category, score, ...bbox]);
  }
  return rows.map((row) => row.map(writeCell).join(",") + "\n").join("");
}

function makeCoco() {
  const photos = select();
  const names = [...new Set(photos.flatMap(({ detections }) => detections.map(({ category }) => category)))].sort();
  const annotations = [];
  const images = photos.map(({ file_name, width, height, detections }, place) => {
    for (const { category, score, bbox, segmentation } of detections) {
      annotations.push({
        id: annotations.length + 1,
        image_id: place + 1,
        category_id: names.indexOf(category) + 1,
        bbox,
        area: Math.round(bbox[2] * bbox[3] * 100) / 100,
        iscrowd: 0,
        score,
        ...(segmentation ? { segmentation } : {}),
      });
    }
    return { id: place + 1, file_name, width, height };
  });
  const categories = names.map((name, place) => ({ id: place + 1, name }));
  return JSON.stringify({ images, categories, annotations }, null, 1) + "\n";
}

function save(text, name, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

if (form) {
  const choose = document.getElementById("choose");
  choose.addEventListener("change", () => {
    add(choose.files);
    choose.value = "";
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  watchDrops(form, add);
  slider.addEventListener("input", show);
  document.getElementById("save-csv").addEventListener("click", () => save(makeCsv(), "found.csv", "text/csv"));
  document.getElementById("save-coco").addEventListener("click", () => save(makeCoco(), "found.json", "application/json"));
  document.getElementById("clear").addEventListener("click", () => {
    waiting.length = 0;
    list.replaceChildren();
    document.getElementById("results").hidden = true;
    choose.focus();
  });
}
