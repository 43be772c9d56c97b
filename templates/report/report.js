(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const copy = (value) => JSON.parse(JSON.stringify(value));
  document.documentElement.classList.add("js");

  // On a site, charts and details lie beside the page and are read when they are needed.
  const part = (name) => window.suiteRead(document.documentElement.dataset.parts + name);

  // ---- charts ----

  // How many entries the longest legend has.
  function entriesOf(part) {
    if (part === null || typeof part !== "object") return 0;
    const shown = part.field && part.legend !== null && part.scale && Array.isArray(part.scale.domain);
    const inner = Object.entries(part).filter(([key]) => key !== "datasets" && key !== "data").map((pair) => entriesOf(pair[1]));
    return Math.max(shown ? part.scale.domain.length : 0, ...inner);
  }

  // Panels and legends follow the width that the page has; the still images follow the same hints.
  function fit(spec, width) {
    const hints = (spec.usermeta && spec.usermeta.suite) || {};
    const narrow = width < 520;
    const besides = hints.cells ? Math.min(220, width * 0.4) : 0;
    const fitting = Math.floor((width - besides) / (hints.legend || 140));
    spec.config.legend.columns = Math.max(1, Math.min(fitting, entriesOf(spec)));
    // An axis takes 40 pixels beside a legend, a symbol 30 of each entry.
    const room = Math.floor((width - besides - 40) / spec.config.legend.columns) - 30;
    spec.config.legend.labelLimit = Math.min(spec.config.legend.labelLimit || 220, room);
    if (narrow && spec.config.axis) {
      spec.config.axis.labelLimit = Math.min(spec.config.axis.labelLimit || 240, Math.floor(width * 0.36));
    }
    if (spec.facet) {
      const margin = hints.margin || 50;
      const columns = Math.max(1, Math.min(spec.columns || 1, Math.floor(width / (hints.panel || 220))));
      spec.columns = columns;
      spec.spec.width = Math.max(120, Math.floor((width - columns * margin) / columns));
    } else if (!["concat", "hconcat", "vconcat", "repeat"].some((kind) => kind in spec)) {
      const most = hints.square ? Math.min(width, hints.square) : width;
      spec.width = most;
      spec.autosize = { type: "fit-x", contains: "padding" };
      if (hints.square) spec.height = Math.max(160, most - (hints.labels || 90));
    }
    if (narrow && hints.cells) {
      // Model above strategy instead of beside it: names may take a third of the width, not a half.
      for (const layer of spec.layer || [spec]) {
        const axis = layer.encoding && layer.encoding.y && layer.encoding.y.axis;
        if (axis) Object.assign(axis, { labelExpr: "split(datum.label, ' · ')", labelLineHeight: 13, labelFontSize: 11 });
      }
      spec.height = Math.round(spec.height * 1.6);
    }
    if (narrow && hints.crowded && spec.layer) {
      spec.layer = spec.layer.filter((layer) => !hints.crowded.includes(layer.name));
    }
    return spec;
  }

  async function draw(figure, spec) {
    const width = figure.clientWidth || figure.closest("section").clientWidth;
    figure.dataset.width = width;
    const ready = fit(copy(spec), width);
    const options = {
      actions: false, renderer: "svg", defaultStyle: false, ast: true,
      tooltip: { disableDefaultStyle: true },
    };
    try {
      if (data.parts) await window.suiteCanDraw();
      if (figure.view) figure.view.finalize();
      figure.view = (await window.suiteEmbed(figure, ready, options)).view;
    } catch (problem) {
      figure.textContent = "This chart cannot be drawn: " + problem.message;
      throw problem;
    }
  }

  async function chartOf(figure) {
    const key = figure.dataset.chart;
    if (figure.ownSpec) return figure.ownSpec;
    if (!data.charts[key] && data.parts && data.parts.includes(key)) data.charts[key] = await part(key);
    return data.charts[key];
  }

  async function drawAll(figures) {
    for (const figure of figures) {
      const spec = await chartOf(figure);
      if (spec) await draw(figure, spec);
    }
  }

  // Where charts lie beside the page, each is read when the reader comes near it.
  function drawWhenNear(figures) {
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        watcher.unobserve(entry.target);
        drawAll([entry.target]);
      }
    }, { rootMargin: "60% 0px" });
    for (const figure of figures) watcher.observe(figure);
  }

  let resizing = 0;
  function redraw() {
    clearTimeout(resizing);
    resizing = setTimeout(async () => {
      for (const figure of all("figure[data-chart]")) {
        if (figure.dataset.width === undefined) continue;
        const width = figure.clientWidth || figure.closest("section").clientWidth;
        const spec = await chartOf(figure);
        if (spec && Math.abs(width - Number(figure.dataset.width)) > 8) await draw(figure, spec);
      }
    }, 200);
  }

  // ---- tabs ----

  function openTab(tab) {
    for (const other of all("[role=tab]", tab.parentElement)) {
      const open = other === tab;
      other.setAttribute("aria-selected", String(open));
      other.tabIndex = open ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = !open;
    }
  }

  function moveInTabs(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const tabs = all("[role=tab]", event.currentTarget);
    const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
    openTab(next);
    next.focus();
    event.preventDefault();
  }

  function prepareTabs() {
    for (const list of all("[role=tablist]")) {
      list.addEventListener("keydown", moveInTabs);
      for (const tab of all("[role=tab]", list)) tab.addEventListener("click", () => openTab(tab));
      openTab(list.querySelector("[role=tab]"));
    }
  }

  // ---- tables that sort and filter ----

  const valueOf = (row, column) => {
    const cell = row.cells[column];
    const raw = cell.dataset.v === undefined ? cell.textContent.trim() : cell.dataset.v;
    return raw === "" ? null : isNaN(raw) ? raw : Number(raw);
  };

  function compare(a, b, direction) {
    if (a === null || b === null) return (a === null) - (b === null); // what is missing stays last
    if (typeof a === "number" && typeof b === "number") return (a - b) * direction;
    return String(a).localeCompare(String(b), undefined, { numeric: true }) * direction;
  }

  function sortBy(heading) {
    const table = heading.closest("table");
    const column = heading.cellIndex;
    const was = heading.getAttribute("aria-sort");
    const first = heading.dataset.first === "down" ? "descending" : "ascending";
    const order = was === null ? first : was === "ascending" ? "descending" : "ascending";
    for (const other of all("th[aria-sort]", table)) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    const rows = [...table.tBodies[0].rows];
    const direction = order === "ascending" ? 1 : -1;
    rows.sort((a, b) => compare(valueOf(a, column), valueOf(b, column), direction));
    table.tBodies[0].append(...rows);
  }

  function prepareTables() {
    for (const heading of all("table.sorts thead th")) {
      if (!heading.textContent.trim() || heading.dataset.still !== undefined) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sortBy(heading));
    }
  }

  function showAll(table) {
    table.classList.remove("short");
    for (const button of all(`button.all[data-table=${table.id}]`)) button.remove();
  }

  function prepareFilters() {
    for (const button of all("button.all")) {
      button.addEventListener("click", () => showAll(document.getElementById(button.dataset.table)));
    }
    for (const form of all(".filters")) {
      const table = document.getElementById(form.dataset.table);
      const count = form.querySelector("output");
      form.addEventListener("change", () => {
        const wanted = all("select", form).map((select) => [select.dataset.facet, select.value]);
        let shown = 0;
        showAll(table);
        for (const row of table.tBodies[0].rows) {
          row.hidden = wanted.some(([facet, value]) => value !== "" && row.dataset[facet] !== value);
          shown += row.hidden ? 0 : 1;
        }
        count.textContent = shown === table.tBodies[0].rows.length ? "" : shown + " of " + table.tBodies[0].rows.length;
      });
    }
  }

  // ---- the cell that the sections below the leaderboard show ----

  const fraction = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));

  function withValues(key, values) {
    const spec = copy(data.charts[key]);
    spec.datasets = { ...spec.datasets, [key]: values };
    return spec;
  }

  function confusionRows(cell) {
    const totals = {};
    for (const [truth, , count] of cell.confusion) totals[truth] = (totals[truth] || 0) + count;
    const names = data.classes[cell.classes];
    return cell.confusion.map(([truth, predicted, count]) => ({
      truth: names[truth], predicted: names[predicted], count, share: count / totals[truth],
    }));
  }

  function reliabilityRows(cell) {
    return cell.reliability.map(([low, high, confidence, correct, count, from, to]) => ({
      low, high, confidence, correct, count, from, to,
    }));
  }

  function fillPerClass(cell) {
    const body = document.querySelector("#per-class tbody");
    if (!body) return;
    const names = data.classes[cell.classes];
    const rows = cell.per_class.map(([index, precision, recall, f1, support]) => {
      const row = document.createElement("tr");
      const add = (text, kind) => {
        const box = row.insertCell();
        box.textContent = text;
        if (kind) box.className = kind;
      };
      add(names[index], "");
      for (const value of [precision, recall, f1]) add(fraction(value), "n");
      add(String(support), "n");
      return row;
    });
    body.replaceChildren(...rows);
  }

  async function showCell(id) {
    if (data.parts && data.parts.includes("cells")) Object.assign(data, await part("cells"));
    const cell = data.cells[id];
    for (const row of all(".board tbody tr")) {
      const chosen = row.dataset.cell === id;
      row.classList.toggle("chosen", chosen);
      row.querySelector(".pick").setAttribute("aria-pressed", String(chosen));
    }
    const choice = document.getElementById("cell-choice");
    if (!choice) return;
    choice.value = id;
    const missing = document.getElementById("cell-missing");
    missing.hidden = Boolean(cell);
    document.getElementById("cell-detail").hidden = !cell;
    if (!cell) return;
    fillPerClass(cell);
    const rows = { confusion_matrix: confusionRows, reliability: reliabilityRows };
    for (const key of Object.keys(rows)) {
      const figure = document.querySelector(`figure[data-chart=${key}]`);
      if (!figure || !(await chartOf(figure))) continue;
      const spec = withValues(key, rows[key](cell));
      if (spec.usermeta.suite.by_classes) setClasses(spec, data.classes[cell.classes]);
      figure.ownSpec = spec;
      await draw(figure, spec);
    }
  }

  // Another data set has other classes: the order of the axes is part of the specification.
  function setClasses(spec, names) {
    for (const layer of spec.layer || [spec]) {
      for (const channel of ["x", "y"]) {
        if (layer.encoding && layer.encoding[channel] && layer.encoding[channel].type === "nominal") {
          layer.encoding[channel].sort = names;
        }
      }
    }
  }

  function prepareChoice() {
    for (const row of all(".board tbody tr")) {
      row.addEventListener("click", () => showCell(row.dataset.cell));
    }
    const choice = document.getElementById("cell-choice");
    if (choice) choice.addEventListener("change", () => showCell(choice.value));
  }

  // ---- contents ----

  function followContents() {
    const links = new Map(all("nav a[href^='#']").map((link) => [link.getAttribute("href").slice(1), link]));
    const visible = new Set();
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) entry.isIntersecting ? visible.add(entry.target.id) : visible.delete(entry.target.id);
      const first = [...links.keys()].find((id) => visible.has(id));
      if (!first) return;
      for (const [id, link] of links) id === first ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
    }, { rootMargin: "-10% 0px -60% 0px" });
    for (const id of links.keys()) {
      const target = document.getElementById(id);
      if (target) watcher.observe(target);
    }
  }

  prepareTabs();
  prepareTables();
  prepareFilters();
  prepareChoice();
  followContents();
  const figures = all("figure[data-chart]");
  if (data.parts) {
    drawWhenNear(figures);
    document.documentElement.dataset.ready = "true";
  } else {
    drawAll(figures).then(() => (data.chosen ? showCell(data.chosen) : null)).then(() => {
      document.documentElement.dataset.ready = "true";
    });
  }
  window.addEventListener("resize", redraw);
  window.addEventListener("beforeprint", () => all("[role=tabpanel]").forEach((panel) => { panel.hidden = false; }));
  window.addEventListener("afterprint", () => all("[role=tab][aria-selected=true]").forEach(openTab));
})();
