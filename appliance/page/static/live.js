"use strict";
// Asks for this page again every few seconds; 304 costs nothing. Parts marked data-live are replaced when they changed.
(() => {
  if (!document.querySelector("[data-live]")) return;
  const note = document.getElementById("live");
  let tag = "", busy = false;
  const keepOpen = (old, fresh) => {
    for (const each of old.querySelectorAll("details[id][open]")) {
      const twin = fresh.querySelector("#" + CSS.escape(each.id));
      if (twin) twin.open = true;
    }
  };
  const take = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    let all = true;
    for (const fresh of page.querySelectorAll("[data-live]")) {
      const old = document.getElementById(fresh.id);
      if (!old) continue;
      keepOpen(old, fresh);
      if (old.innerHTML === fresh.innerHTML) continue;
      if (old.contains(document.activeElement)) { all = false; continue; }
      old.innerHTML = fresh.innerHTML;
      old.className = fresh.className;
    }
    return all;
  };
  const look = async () => {
    if (document.hidden || busy) return;
    busy = true;
    try {
      const headers = { "X-Live": "1" };
      if (tag) headers["If-None-Match"] = tag;
      const answer = await fetch(location.href, { headers, cache: "no-store", redirect: "error" });
      if (answer.status === 200) tag = take(await answer.text()) ? answer.headers.get("ETag") || "" : "";
      if (note) note.textContent = answer.ok || answer.status === 304 ? "" : "This view may be old: reload the page.";
    } catch {
      if (note) note.textContent = "The box does not answer; this view may be old.";
    }
    busy = false;
  };
  setInterval(look, 5000);
  document.addEventListener("visibilitychange", look);
})();
