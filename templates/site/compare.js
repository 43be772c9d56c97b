(() => {
  "use strict";
  const place = document.getElementById("compared");
  const chosen = { before: document.getElementById("before"), after: document.getElementById("after") };

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  const fixed = (value) => (value === null || value === undefined ? "–" : value.toFixed(3));
  const signed = (value) => (value === null || value === undefined ? "–" : (value >= 0 ? "+" : "") + value.toFixed(3));
  const said = (value) => (value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));

  function table(caption, columns, rows) {
    if (!rows.length) return element("p", { class: "none" }, "None.");
    const head = element("tr");
    for (const [title, kind] of columns) head.append(element("th", kind === "n" ? { scope: "col", class: "n" } : { scope: "col" }, title));
    const body = element("tbody");
    for (const row of rows) {
      const line = element("tr");
      row.forEach((cell, index) => {
        const kind = columns[index][1];
        line.append(element("td", kind ? { class: kind } : {}, cell instanceof Node ? cell : element("bdi", {}, cell)));
      });
      body.append(line);
    }
    const made = element("table", { class: "grid sorts", "data-caption": caption }, element("thead", {}, head), body);
    return element("div", { class: "wrap", tabindex: "0", role: "region", "aria-label": caption }, made);
  }

  function section(title, read, ...contents) {
    return element("section", {}, element("h2", {}, title), ...(read ? [element("p", { class: "read" }, read)] : []), ...contents);
  }

  // ---- what was asked for: entries of lists are known by their names, as suite diff has it ----

  const NAMES = ["label", "name", "preset", "path", "handle", "strategy", "format", "corruption", "source"];
  const nameOf = (entry) => String(entry[NAMES.find((key) => typeof entry[key] === "string")] ?? "entry");
  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

  function flatten(value, path, found) {
    if (isObject(value)) {
      for (const [key, inner] of Object.entries(value)) {
        if (path || key !== "$schema") flatten(inner, path ? `${path}.${key}` : key, found);
      }
    } else if (Array.isArray(value) && value.length && value.every(isObject)) {
      const seen = new Map();
      for (const entry of value) {
        const name = nameOf(entry);
        const place = seen.has(name) ? `${name} #${seen.get(name) + 1}` : name;
        seen.set(name, (seen.get(name) ?? 1) + (seen.has(name) ? 1 : 0));
        flatten(entry, `${path}[${place}]`, found);
      }
    } else {
      found.set(path, value);
    }
    return found;
  }

  function changes(before, after) {
    const [old, now] = [flatten(before, "", new Map()), flatten(after, "", new Map())];
    return [...new Set([...old.keys(), ...now.keys()])]
      .filter((path) => JSON.stringify(old.get(path)) !== JSON.stringify(now.get(path)))
      .map((path) => [element("code", {}, path), said(old.get(path)), said(now.get(path))]);
  }

  function verdict(cell) {
    const word = cell.verdict;
    if (word === "better" || word === "worse") return element("span", { class: `change ${word}` }, word);
    return cell.proof ? `${word} by ${cell.proof}` : word;
  }

  function sentences(lines) {
    if (!lines.length) return [];
    const list = element("ul", { class: "said opening" });
    for (const line of lines) list.append(element("li", { dir: "auto" }, line));
    return [list];
  }

  function tested(cell) {
    if (cell.reason) return cell.reason;
    if (cell.verdict === "same") return "the same scores, seed for seed";
    return cell.paired ? "on the same examples" : "on different examples";
  }

  function alone(title, cells) {
    if (!cells.length) return [];
    const list = element("ul", { class: "lines" });
    for (const cell of cells) {
      const score = cell.score === null ? "" : `: ${fixed(cell.score)}`;
      list.append(element("li", { dir: "auto" }, `${cell.model}, ${cell.strategy} on ${cell.dataset}${score}`));
    }
    return [element("h3", {}, title), list];
  }

  function show(before, after, found) {
    const cells = found.cells;
    const names = [...new Set([...Object.keys(before.versions), ...Object.keys(after.versions)])].sort();
    const versions = names
      .filter((name) => before.versions[name] !== after.versions[name])
      .map((name) => [name, before.versions[name] ?? "–", after.versions[name] ?? "–"]);
    const data = [...new Set([...after.datasets, ...before.datasets].map((one) => one.name))].map((name) => {
      const [one, other] = [before, after].map((run) => run.datasets.find((each) => each.name === name));
      const state = !one ? "only after" : !other ? "only before" : one.fingerprint === other.fingerprint ? "same" : "other content";
      const hash = (each) => element("code", { class: "hash" }, each ? each.fingerprint.slice(0, 12) : "–");
      return [name, state, hash(one), hash(other)];
    });
    const asked = changes(before.spec, after.spec);
    const devices = (run) => run.devices.join(", ") || "unknown";
    place.replaceChildren(
      element("p", { class: "lead", dir: "auto" }, found.scores),
      ...sentences(found.changes),
      section("Scores", "Cells that both runs have. A difference above 0 is better. Intervals count other test examples and other seeds, and allow for the number of cells: all of them together hold the truth in 95 of 100 comparisons. Better and worse is what is beyond that; what is not proven may be a change all the same.",
        table("Scores before and after",
          [["model"], ["strategy"], ["data set"], ["before", "n"], ["after", "n"], ["difference", "n"], ["95 % interval"], ["verdict", "long"], ["tested", "long"]],
          cells.map((cell) => [cell.model, cell.strategy, cell.dataset, fixed(cell.before), fixed(cell.after), signed(cell.difference),
            cell.low === null ? "–" : `${signed(cell.low)} to ${signed(cell.high)}`, verdict(cell), tested(cell)])),
        ...alone("Only before", found.only_before),
        ...alone("Only after", found.only_after)),
      section("What was asked for", "The values of the spec that are not the same.",
        asked.length ? table("Changes of the spec", [["place", "long"], ["before", "long"], ["after", "long"]], asked)
          : element("p", { class: "none" }, "Nothing changed.")),
      section("Versions and devices", "",
        versions.length ? table("Versions", [["package"], ["before"], ["after"]], versions) : element("p", { class: "none" }, "The same versions."),
        element("p", { class: "note" }, devices(before) === devices(after) ? `On the same devices: ${devices(after)}.`
          : `Before on ${devices(before)}, after on ${devices(after)}: times do not compare.`)),
      section("Data", "A fingerprint is equal exactly when the content is.",
        table("Data sets", [["data set"], ["content"], ["before"], ["after"]], data)),
    );
  }

  let latest = 0;
  async function compare() {
    const ids = [chosen.before.value, chosen.after.value];
    const asked = ++latest;
    history.replaceState(null, "", `?before=${encodeURIComponent(ids[0])}&after=${encodeURIComponent(ids[1])}`);
    try {
      const [before, after, one, other] = await Promise.all([
        ...ids.map((id) => window.suiteRead(`data/runs/${id}`)),
        ...ids.map((id) => window.suiteRead(`data/evidence/${id}`)),
      ]);
      if (asked !== latest) return;
      show(before, after, window.suiteDiffer(before, after, one, other));
      window.suitePrepare(place);
    } catch (problem) {
      place.replaceChildren(element("p", { class: "none" }, `The two cannot be compared: ${problem.message}`));
    }
    document.documentElement.dataset.compared = ids.join(" ");
  }

  window.suiteRead("compare/runs").then((runs) => {
    for (const select of Object.values(chosen)) {
      for (const run of runs) select.append(element("option", { value: run.id }, `${run.ended} · ${run.title} · ${run.task}`));
      select.addEventListener("change", compare);
    }
    const asked = new URLSearchParams(location.search);
    const after = runs.find((run) => run.id === asked.get("after")) || runs[0];
    if (!after) return;
    // Without a wish, the run before it: of the same history, else of the same task.
    const others = runs.filter((run) => run !== after);
    const history = (run) => run.id.split("/")[0];
    const before = runs.find((run) => run.id === asked.get("before")) || others.find((run) => history(run) === history(after))
      || others.find((run) => run.task === after.task) || others[0] || after;
    chosen.before.value = before.id;
    chosen.after.value = after.id;
    compare();
  });
})();
