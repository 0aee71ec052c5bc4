/* Two buttons of the theme, without inline handlers, so that a strict content-security policy can stand. */
document.addEventListener("click", (event) => {
  const action = event.target.closest("[data-action]")?.dataset.action;
  if (action === "print") window.print();
  if (action === "full-screen") {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen();
  }
});

/* What the reader has done stays in this browser: { quizzes: { name: "right" | "wrong" }, read: { page: date } }. */
const learning = (() => {
  const KEY = "seeing-convolutions.progress";
  const clean = (value) => ({ quizzes: { ...value?.quizzes }, read: { ...value?.read } });
  const load = () => {
    try { return clean(JSON.parse(localStorage.getItem(KEY))); } catch { return clean(); }
  };
  const save = (progress) => {
    try { localStorage.setItem(KEY, JSON.stringify(progress)); return true; } catch { return false; }
  };

  /* The bytes of `keystream` in quiz.py: FNV-1a as the seed of a linear congruence, both of 32 bits. */
  const keystream = (key, length) => {
    let state = 2166136261;
    for (const byte of new TextEncoder().encode(key)) state = Math.imul(state ^ byte, 16777619) >>> 0;
    return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24);
  };
  const unveil = (veiled, key) => {
    const bytes = Uint8Array.from(atob(veiled), (letter) => letter.charCodeAt(0));
    const stream = keystream(key, bytes.length);
    return new TextDecoder().decode(bytes.map((byte, place) => byte ^ stream[place]));
  };

  const answer = (form) => {
    const chosen = form.querySelector("input:checked");
    const said = form.querySelector('[role="status"]');
    if (!chosen) { said.textContent = "Choose an answer first."; return; }
    const text = unveil(chosen.dataset.says, `${form.dataset.quiz}/${chosen.value}`);
    const right = text.startsWith("+");
    form.dataset.outcome = right ? "right" : "wrong";
    said.textContent = (right ? "Right. " : "Not so. ") + text.slice(1);
    const progress = load();
    progress.quizzes[form.dataset.quiz] = form.dataset.outcome;
    save(progress);
  };

  const offerMark = () => {
    const summary = document.querySelector("section#summary");
    const page = document.querySelector(".cnn-quiz")?.dataset.quiz.split("#")[0]
      ?? location.pathname.split("/").slice(-2).join("/").replace(/\.html$/, "");
    if (!summary) return;
    const label = document.createElement("label");
    label.className = "cnn-read";
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: page in load().read });
    label.append(box, " I have read this chapter (kept in this browser only)");
    box.addEventListener("change", () => {
      const progress = load();
      if (box.checked) progress.read[page] = new Date().toISOString().slice(0, 10);
      else delete progress.read[page];
      if (!save(progress)) label.append(". This browser keeps nothing here.");
    });
    summary.append(label);
  };

  const report = (place) => {
    const progress = load();
    for (const row of place.querySelectorAll("[data-page]")) {
      const page = row.dataset.page;
      const total = Number(row.dataset.quizzes);
      const right = Object.entries(progress.quizzes)
        .filter(([name, outcome]) => name.split("#")[0] === page && outcome === "right").length;
      row.querySelector(".cnn-done").textContent = progress.read[page] ? `read on ${progress.read[page]}` : "not yet";
      row.querySelector(".cnn-quizzes").textContent = total ? `${Math.min(right, total)} of ${total}` : "none";
    }
    place.dataset.ready = "true";
  };
  const say = (place, text) => { place.querySelector('[role="status"]').textContent = text; };
  const take = async (place, file) => {
    try {
      const found = JSON.parse(await file.text());
      if (typeof found?.quizzes !== "object" || typeof found?.read !== "object") throw new Error();
      save(clean(found));
      report(place);
      say(place, `Progress taken from ${file.name}.`);
    } catch {
      say(place, `${file.name} holds no progress of this course; nothing was changed. Choose a file that this page exported.`);
    }
  };
  const give = (place) => {
    const data = new Blob([JSON.stringify(load(), null, 1)], { type: "application/json" });
    const anchor = Object.assign(document.createElement("a"), { href: URL.createObjectURL(data), download: "progress.json" });
    anchor.click();
    URL.revokeObjectURL(anchor.href);
    say(place, "Exported as progress.json.");
  };

  return { answer, offerMark, report, take, give, load, save, clean, say };
})();

/* Browsers load no modules from a folder, so widgets stay still there. */
const sayWhatAFolderCannot = () => {
  const first = document.querySelector(".cnn-widget");
  if (!first) return;
  const note = document.createElement("p");
  note.className = "cnn-folder";
  note.textContent = "You opened this page from a folder, where browsers load no widgets: the pictures stay still, and the "
    + "search finds nothing. Run “python3 -m http.server --bind 127.0.0.1” in the folder and open the address that it names.";
  first.before(note);
};

document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll(".cnn-quiz")) {
    form.querySelector("button").hidden = false;
    const before = learning.load().quizzes[form.dataset.quiz];
    if (before === "right") form.querySelector('[role="status"]').textContent = "You have answered this before, and right.";
    form.addEventListener("submit", (event) => { event.preventDefault(); learning.answer(form); });
    form.addEventListener("change", () => { form.querySelector('[role="status"]').textContent = ""; delete form.dataset.outcome; });
  }
  learning.offerMark();
  if (location.protocol === "file:") sayWhatAFolderCannot();
  const place = document.querySelector(".cnn-progress");
  if (!place) return;
  learning.report(place);
  place.querySelector("[data-do=export]").addEventListener("click", () => learning.give(place));
  place.querySelector("[data-do=erase]").addEventListener("click", () => {
    learning.save(learning.clean());
    learning.report(place);
    learning.say(place, "Everything is erased.");
  });
  place.querySelector("[data-do=import]").addEventListener("change", (event) => {
    if (event.target.files[0]) learning.take(place, event.target.files[0]);
  });
});
