// Dropping a file, how much of it is sent, and two videos that play together.
"use strict";

const form = document.getElementById("stylize");
const file = document.getElementById("file");

function showChosen() {
  const chosen = file.files[0];
  document.getElementById("chosen").textContent = chosen
    ? `${chosen.name}, ${chosen.size < 1e6 ? `${Math.ceil(chosen.size / 1000)} kB` : `${(chosen.size / 1e6).toFixed(1)} MB`}`
    : "It stays on this machine.";
}

// Errors of media do not rise, but can be caught on their way down.
document.addEventListener("error", ({ target }) => {
  if (target.matches?.("#job video")) {
    target.closest("figure").querySelector("figcaption").textContent += " – this browser cannot play it";
  }
}, true);

if (form) {
  file.addEventListener("change", showChosen);
  watchDrops(form.querySelector(".drop"), (files) => {
    const one = new DataTransfer();
    one.items.add(files[0]);
    file.files = one.files;
    showChosen();
  });
  form.addEventListener("htmx:xhr:progress", ({ detail }) => {
    const sent = document.getElementById("sent");
    if (detail.lengthComputable && detail.loaded < detail.total) sent.value = detail.loaded / detail.total;
    else sent.removeAttribute("value");
  });
  document.addEventListener("click", ({ target }) => {
    if (target.dataset.play !== "both") return;
    const videos = [...document.querySelectorAll("#job video")];
    const [first] = videos;
    if (first.paused || first.ended) {
      for (const video of videos) {
        video.currentTime = first.ended ? 0 : first.currentTime;
        video.play().catch(() => tellProblem("This browser cannot play one of them; download it instead."));
      }
      target.textContent = "Pause both";
      first.onended = () => { target.textContent = "Play both"; };
    } else {
      videos.forEach((video) => video.pause());
      target.textContent = "Play both";
    }
  });
}
