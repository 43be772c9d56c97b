// The live page of `suite serve`: takes over the parts of the page that the server has made anew.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const shown = new Map();
  let source = null;

  // What the reader has opened stays open.
  function take(part, html) {
    if (shown.get(part.id) === html) return;
    shown.set(part.id, html);
    const open = new Set(all("details[open]", part).map((one) => one.dataset.key));
    part.innerHTML = html;
    for (const one of all("details", part)) one.open = open.has(one.dataset.key);
  }

  function inWords(seconds) {
    if (seconds < 90) return `${Math.max(0, Math.floor(seconds))} s`;
    return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
  }

  function tick() {
    for (const one of all("[data-since]")) {
      one.textContent = `for ${inWords(Date.now() / 1000 - Number(one.dataset.since))}`;
    }
  }

  function listen() {
    if (source || document.hidden) return;
    source = new EventSource("/-/events?live");
    const gone = document.getElementById("connection");
    source.onopen = () => { gone.hidden = true; };
    source.onerror = () => { gone.hidden = false; };
    source.addEventListener("live", (event) => {
      const told = JSON.parse(event.data);
      document.title = told.title;
      for (const [name, html] of Object.entries(told.parts)) take(document.getElementById(name), html);
      tick();
    });
  }

  // A browser holds few connections to one address: tabs that nobody sees give theirs back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && source) {
      source.close();
      source = null;
    }
    listen();
  });
  setInterval(tick, 1000);
  tick();
  listen();
})();
