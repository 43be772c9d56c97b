(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const root = document.documentElement.dataset.root;
  const AT_ONCE = 100;
  const WHOLE = 40; // letters that a box surely shows; of a longer text the title tells the rest
  document.documentElement.classList.add("js");

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  // ---- cells: the same boxes as in parts.html.j2 ----

  function mark(cell) {
    if (!cell.c) return "";
    if (!cell.s) return element("span", { class: "dot", style: `--c:${cell.c}`, "aria-hidden": "true" });
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    for (const [key, value] of Object.entries({ class: "mark", viewBox: "0 0 12 12", "aria-hidden": "true", style: `--c:${cell.c}` })) {
      svg.setAttribute(key, value);
    }
    use.setAttribute("href", "#shape-" + cell.s);
    svg.append(use);
    return svg;
  }

  function contents(cell, column) {
    if (cell.i) {
      const [low, at, high, leaves] = cell.i;
      const style = `--c:${cell.c};--lo:${low}%;--at:${at}%;--hi:${high}%`;
      return [element("span", { class: "iv", role: "img", "aria-label": cell.t, style }, element("i", leaves ? { class: leaves } : {}), element("b"))];
    }
    if (cell.p) return [element("img", { src: root + cell.p, alt: cell.t, loading: "lazy", width: 120, height: 40 })];
    let said;
    if (cell.h) said = element("a", { href: root + cell.h, dir: "auto" }, cell.t);
    else if (column.code) said = element("code", { class: "hash" }, cell.t);
    else said = element(cell.b ? "b" : "bdi", {}, cell.t);
    const alarms = (cell.a || []).map((alarm) => element("small", { class: "below alarm", dir: "auto" }, alarm));
    return [mark(cell), said, cell.u ? element("small", { class: "below", dir: "auto" }, cell.u) : "", ...alarms];
  }

  function rowOf(cells, columns) {
    const row = element("tr");
    cells.forEach((raw, index) => {
      const cell = typeof raw === "string" ? { t: raw } : raw;
      const column = columns[index];
      const kind = column.number ? (cell.t === "–" ? "n missing" : "n") : cell.i ? "drawn" : cell.p ? "imaged" : column.long ? "long" : column.minor ? "minor" : "";
      const attributes = {};
      if (kind) attributes.class = kind;
      if (cell.m || cell.t.length > WHOLE) attributes.title = cell.m || cell.t;
      row.append(element("td", attributes, ...contents(cell, column)));
    });
    return row;
  }

  // ---- tables that sort, search and narrow, with ten thousand rows too ----

  const textOf = (raw) => (typeof raw === "string" ? raw : raw.t);
  const valueOf = (raw) => {
    const value = typeof raw === "string" ? raw : raw.v === undefined ? raw.t : raw.v;
    if (value === "" || value === "–") return null;
    return typeof value === "number" || isNaN(value) ? value : Number(value);
  };

  function compare(a, b, direction) {
    if (a === null || b === null) return (a === null) - (b === null); // what is missing stays last
    if (typeof a === "number" && typeof b === "number") return (a - b) * direction;
    return collator.compare(String(a), String(b)) * direction;
  }
  const collator = new Intl.Collator(undefined, { numeric: true });

  class Grid {
    constructor(table) {
      this.table = table;
      this.body = table.tBodies[0];
      this.headings = [...table.tHead.rows[0].cells];
      this.columns = this.headings.map((heading) => ({
        title: heading.firstChild ? heading.firstChild.textContent.trim() : "",
        number: heading.classList.contains("n"),
        code: "code" in heading.dataset,
        long: "long" in heading.dataset,
        minor: heading.classList.contains("minor"),
      }));
      this.rows = table.dataset.rows ? null : [...this.body.rows].map((row) => this.fromPage(row));
      this.shown = null;
      this.order = null;
      this.form = document.querySelector(`form.filters[data-table="${table.id}"]`);
    }

    fromPage(row) {
      const cells = [...row.cells].map((box) => {
        const told = box.querySelector("[aria-label]") || box.querySelector("img");
        const below = [...box.querySelectorAll("small")].map((small) => small.textContent);
        let text = told ? told.getAttribute("aria-label") || told.alt : box.textContent.trim();
        if (below.length) text = text.slice(0, text.length - below.join("").length).trim();
        const cell = { t: text, u: below.join(" ") };
        if (box.dataset.v !== undefined) cell.v = box.dataset.v;
        return cell;
      });
      return { cells, row };
    }

    async read() {
      if (this.rows === null) {
        this.reading ??= window.suiteRead(this.table.dataset.rows).then((rows) => {
          this.rows = rows.map((cells) => ({ cells, row: null }));
        });
        await this.reading;
      }
      this.shown ??= this.rows;
      return this.rows;
    }

    start() {
      for (const [index, heading] of this.headings.entries()) {
        if ("still" in heading.dataset || !heading.textContent.trim()) continue;
        const button = element("button", { type: "button" });
        button.append(...heading.childNodes);
        heading.append(button);
        button.addEventListener("click", () => this.sort(index));
      }
      if (this.form) {
        this.form.addEventListener("input", () => this.narrow());
        this.form.addEventListener("submit", (event) => event.preventDefault());
      }
      if (this.table.dataset.rows) {
        this.end = element("p", { class: "more" });
        this.table.parentElement.after(this.end);
        const watcher = new IntersectionObserver((entries) => {
          if (entries.some((entry) => entry.isIntersecting)) this.further();
        }, { rootMargin: "600px" });
        watcher.observe(this.end);
        this.tell();
      }
    }

    async sort(index) {
      const heading = this.headings[index];
      const was = heading.getAttribute("aria-sort");
      const first = heading.dataset.first === "down" ? "descending" : "ascending";
      const order = was === null ? first : was === "ascending" ? "descending" : "ascending";
      for (const other of this.headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", order);
      await this.read();
      const direction = order === "ascending" ? 1 : -1;
      const keyed = this.rows.map((row) => [valueOf(row.cells[index]), row]);
      keyed.sort((a, b) => compare(a[0], b[0], direction));
      this.rows = keyed.map((pair) => pair[1]);
      await this.narrow();
    }

    async narrow() {
      await this.read();
      const search = this.form && this.form.querySelector("input[type=search]");
      const words = search ? search.value.toLocaleLowerCase().split(/\s+/).filter(Boolean) : [];
      const wanted = this.form ? all("select", this.form).filter((one) => one.value !== "") : [];
      this.shown = this.rows.filter((row) => {
        if (wanted.some((one) => textOf(row.cells[Number(one.dataset.column)]) !== one.value)) return false;
        if (!words.length) return true;
        row.text ??= row.cells.map((cell) => textOf(cell) + " " + (cell.u || "") + " " + (cell.a || []).join(" ")).join(" ").toLocaleLowerCase();
        return words.every((word) => row.text.includes(word));
      });
      this.body.replaceChildren();
      this.further();
      if (this.form) {
        const narrowed = words.length > 0 || wanted.length > 0;
        this.form.querySelector("output").textContent = narrowed ? `${this.shown.length} of ${this.rows.length}` : "";
      }
    }

    async further() {
      await this.read();
      const at = this.body.rows.length;
      for (const one of this.shown.slice(at, at + AT_ONCE)) {
        one.row ??= rowOf(one.cells, this.columns);
        this.body.append(one.row);
      }
      this.tell();
    }

    tell() {
      if (!this.end) return;
      const there = this.body.rows.length;
      const of = this.shown ? this.shown.length : Number(this.table.dataset.count);
      this.end.textContent = there < of ? `${there} of ${of} rows; the others come as you go down.` : "";
    }
  }

  // ---- charts of the site's own pages; those of a report are drawn by its own script ----

  async function draw(figure) {
    const spec = JSON.parse(JSON.stringify(await window.suiteRead(figure.dataset.spec)));
    await window.suiteCanDraw();
    spec.width = figure.clientWidth;
    spec.autosize = { type: "fit-x", contains: "padding" };
    const names = spec.layer[0].encoding.color.scale.domain.length;
    spec.config.legend.columns = Math.max(1, Math.min(names, Math.floor(figure.clientWidth / 160)));
    spec.config.legend.labelLimit = Math.floor((figure.clientWidth - 40) / spec.config.legend.columns) - 30;
    if (figure.view) figure.view.finalize();
    const options = { actions: false, renderer: "svg", defaultStyle: false, ast: true, tooltip: { disableDefaultStyle: true } };
    figure.view = (await window.suiteEmbed(figure, spec, options)).view;
  }

  function prepareCharts() {
    const figures = all("figure[data-spec]");
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        watcher.unobserve(entry.target);
        draw(entry.target);
      }
    }, { rootMargin: "60% 0px" });
    for (const figure of figures) watcher.observe(figure);
    let waiting = 0;
    window.addEventListener("resize", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => figures.filter((figure) => figure.view).forEach(draw), 200);
    });
  }

  // ---- what can be taken home: every table as CSV, JSON and LaTeX, every chart as SVG and PNG ----

  const tex = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}" };
  const latexText = (text) => text.replace(/[\\~^&%$#_{}]/g, (letter) => tex[letter] || "\\" + letter);
  const csvText = (text) => (/[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text);

  async function tableOf(table) {
    const grid = grids.get(table);
    const headings = [...table.tHead.rows[0].cells];
    const titles = headings.map((heading, index) => {
      const unit = heading.querySelector("small");
      const whole = heading.textContent.trim();
      const title = unit ? whole.slice(0, whole.length - unit.textContent.length).trim() + ` (${unit.textContent})` : whole;
      return "still" in heading.dataset ? "" : title || `column ${index + 1}`;
    });
    const kept = titles.map((title, index) => index).filter((index) => titles[index] !== "");
    let rows;
    if (grid) {
      await grid.read();
      rows = grid.shown.map((row) => row.cells);
    } else {
      rows = [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => [...row.cells].map((box) => {
        const name = box.querySelector(".name");
        const text = (name || box).textContent.trim();
        return box.dataset.v === undefined ? { t: text } : { t: text, v: box.dataset.v };
      }));
    }
    return {
      titles: kept.map((index) => titles[index]),
      numbers: kept.map((index) => headings[index].classList.contains("n")),
      values: rows.map((row) => kept.map((index) => valueOf(row[index]))),
      texts: rows.map((row) => kept.map((index) => textOf(row[index]))),
    };
  }

  const kinds = {
    CSV: ["csv", "text/csv", ({ titles, values }) =>
      [titles, ...values].map((row) => row.map((value) => csvText(String(value ?? ""))).join(",")).join("\n") + "\n"],
    JSON: ["json", "application/json", ({ titles, values }) =>
      JSON.stringify(values.map((row) => Object.fromEntries(row.map((value, index) => [titles[index], value]))), null, 1) + "\n"],
    LaTeX: ["tex", "text/x-tex", ({ titles, numbers, texts }) => [
      `\\begin{tabular}{${numbers.map((is) => (is ? "r" : "l")).join("")}}`, "\\toprule",
      titles.map(latexText).join(" & ") + " \\\\", "\\midrule",
      ...texts.map((row) => row.map(latexText).join(" & ") + " \\\\"), "\\bottomrule", "\\end{tabular}", ""].join("\n")],
  };

  function save(content, type, name) {
    const link = element("a", { href: URL.createObjectURL(new Blob([content], { type: type + ";charset=utf-8" })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  const fileName = (text) => (text || "table").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60).toLowerCase() || "table";

  function captionOf(table) {
    if (table.dataset.caption) return table.dataset.caption;
    const opener = table.closest("details");
    const section = table.closest("section");
    const said = opener ? opener.querySelector("summary") : section && section.querySelector("h2");
    return said ? said.textContent : document.title;
  }

  function prepareTables(place) {
    for (const table of all("table.grid", place)) {
      const grid = new Grid(table);
      grids.set(table, grid);
      grid.start();
    }
    for (const table of all("table.sorts", place)) {
      const caption = captionOf(table);
      const line = element("p", { class: "save" }, "Save as ");
      for (const [label, [ending, type, write]] of Object.entries(kinds)) {
        const button = element("button", { type: "button", "aria-label": `Save ${caption} as ${label}` }, label);
        button.addEventListener("click", async () => save(write(await tableOf(table)), type, `${fileName(caption)}.${ending}`));
        line.append(button);
      }
      (table.closest(".wrap") || table).after(line);
    }
  }

  function prepareFigures() {
    for (const figure of all("figure.chart")) {
      const still = figure.querySelector("img.still");
      const label = figure.getAttribute("aria-label");
      const line = element("p", { class: "save" }, "Save as ");
      if (still) line.append(element("a", { href: still.getAttribute("src"), download: "", "aria-label": `Save ${label} as SVG` }, "SVG"));
      const button = element("button", { type: "button", "aria-label": `Save ${label} as PNG` }, "PNG");
      button.addEventListener("click", async () => {
        if (!figure.view) return;
        const address = await figure.view.toImageURL("png", 2);
        element("a", { href: address, download: fileName(label) + ".png" }).click();
      });
      line.append(button);
      figure.after(line);
    }
  }

  const grids = new Map();
  prepareTables(document);
  prepareCharts();
  prepareFigures();
  // For tables that a page makes later.
  window.suitePrepare = prepareTables;
  document.documentElement.dataset.site = "ready";
})();
