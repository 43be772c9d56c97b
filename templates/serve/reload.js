// Put into served copies of pages by `suite serve`: loads the page again when its files have changed.
(() => {
  "use strict";
  const version = document.currentScript.dataset.version;
  const place = "suite-serve:" + location.pathname;
  const patience = 4000; // milliseconds in which a page that draws may grow to its height
  let source = null;

  // A page that draws its charts grows above the place where the reader was: it is held until the page has its height.
  function restore() {
    const kept = sessionStorage.getItem(place);
    if (kept === null) return;
    sessionStorage.removeItem(place);
    const [left, top, height] = JSON.parse(kept);
    let until = Date.now() + patience;
    const step = () => {
      if (Date.now() > until) return;
      window.scrollTo({ left, top, behavior: "instant" });
      const isThere = Math.abs(window.scrollY - top) < 2;
      if (isThere && document.documentElement.scrollHeight >= height) until = Math.min(until, Date.now() + 400);
      setTimeout(step, 60);
    };
    // A reader who scrolls meanwhile wins.
    for (const kind of ["wheel", "touchmove", "keydown", "mousedown"]) {
      addEventListener(kind, () => { until = 0; }, { once: true, passive: true });
    }
    step();
  }

  function listen() {
    if (source || document.hidden) return;
    source = new EventSource("/-/events");
    source.addEventListener("files", (event) => {
      if (event.data === version) return;
      sessionStorage.setItem(place, JSON.stringify([window.scrollX, window.scrollY, document.documentElement.scrollHeight]));
      source.close();
      location.reload();
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
  restore();
  listen();
})();
