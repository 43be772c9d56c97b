(() => {
  "use strict";
  const root = document.documentElement.dataset.root;
  const waiting = new Map();

  function load(address) {
    return new Promise((done, fail) => {
      // A script, since a page that was opened from disk may fetch nothing else.
      const script = document.createElement("script");
      script.src = address;
      script.onload = done;
      script.onerror = () => fail(new Error(address + " is missing"));
      document.head.append(script);
    });
  }

  window.suitePart = (name, content) => waiting.get(name).done(content);

  // Content that lies beside the page, by its path from the root of the site.
  window.suiteRead = (name) => {
    if (!waiting.has(name)) {
      const entry = {};
      entry.read = new Promise((done, fail) => {
        entry.done = done;
        const address = root + name.split("/").map(encodeURIComponent).join("/") + ".js";
        load(address).catch(fail);
      });
      waiting.set(name, entry);
    }
    return waiting.get(name).read;
  };

  // Vega is larger than all pages together: it comes with the first chart.
  let drawing = null;
  window.suiteCanDraw = () => {
    if (!window.suiteEmbed) drawing ??= load(root + document.documentElement.dataset.charts);
    return drawing ?? Promise.resolve();
  };
})();
