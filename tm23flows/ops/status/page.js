"use strict";
const every = 1000 * Number(document.body.dataset.every);
const gone = document.getElementById("gone");
async function refresh() {
  try {
    const answer = await fetch("/", {cache: "no-store"});
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ["live", "when"])
      document.getElementById(id).replaceWith(fresh.getElementById(id));
    gone.hidden = true;
  } catch {
    gone.textContent = "'tm23 status --serve' does not answer any more; the numbers below are of " +
      document.getElementById("when").textContent + ".";
    gone.hidden = false;
  }
  setTimeout(refresh, every);
}
setTimeout(refresh, every);
