// What changed between two runs, computed in the browser from their records and evidence: the same numbers as
// suite/publish/change_tests.py and cell_differences.py, and the same words as change_words.py and difference_words.py,
// which tests/test_diff.py holds this file to.
//
//   suiteDiffer(before, after, evidenceBefore, evidenceAfter)
//
// takes two records (data/runs/...) and maps of cell id to evidence, and returns {metric, cells, only_before,
// only_after, scores} in the shape of RunDifference, and in "changes" the sentences about its cells.
"use strict";

(function () {
  const WEIGHTS = [0.2, 0.3, 0.25, 0.15, 0.07, 0.03]; // suite.compare.statistics.seed_variance.WEIGHTS
  const BOTH = WEIGHTS.flatMap((one) => WEIGHTS.map((other) => one * other));
  const SIGNIFICANT = 0.05;
  const Z_POWER = 0.8416212335729143; // standard errors beyond the interval where a change shows 4 times in 5
  const NEARLY_ZERO = 1e-9;
  const CLOSE = 1e-7;
  const COSTS = ["latency_ms", "training_seconds", "parameters", "trainable_parameters", "macs", "size_bytes"];
  const TIMES = new Set(["latency_ms", "training_seconds"]);

  // The complementary error function for x >= 0: its series of positive terms, and far out its continued fraction.
  function erfc(x) {
    if (x > 27) {
      return 0;
    }
    const bell = Math.exp(-x * x);
    if (x < 2.5) {
      let term = x;
      let sum = x;
      for (let n = 1; term > sum * 1e-17; n += 1) {
        term *= (2 * x * x) / (2 * n + 1);
        sum += term;
      }
      return 1 - (2 / Math.sqrt(Math.PI)) * bell * sum;
    }
    let fraction = 0;
    for (let n = 80; n >= 1; n -= 1) {
      fraction = n / 2 / (x + fraction);
    }
    return bell / (Math.sqrt(Math.PI) * (x + fraction));
  }

  // Resampled scores; null where they cannot be read.
  function resamplesOf(evidence) {
    let text;
    try {
      text = atob(evidence.resamples);
    } catch {
      return null;
    }
    if (text.length % 2) {
      return null;
    }
    const bytes = new DataView(new ArrayBuffer(text.length));
    for (let at = 0; at < text.length; at += 1) {
      bytes.setUint8(at, text.charCodeAt(at));
    }
    const found = new Float64Array(text.length / 2);
    for (let at = 0; at < found.length; at += 1) {
      found[at] = evidence.centre + evidence.step * bytes.getInt16(2 * at, true);
    }
    return found;
  }

  function varianceOf(values) {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  }

  function isPaired(one, other) {
    return one.examples === other.examples;
  }

  // What other examples add to the variance of the difference.
  function examplesVariance(one, other) {
    let first = resamplesOf(one);
    let second = resamplesOf(other);
    if (!isPaired(one, other)) {
      return varianceOf(first) * one.stretch + varianceOf(second) * other.stretch;
    }
    const both = Math.min(first.length, second.length);
    first = first.slice(0, both);
    second = second.slice(0, both);
    const apart = varianceOf(second.map((value, at) => value - first[at]));
    const summed = varianceOf(first) + varianceOf(second);
    return apart > NEARLY_ZERO * summed ? apart * Math.max(one.stretch, other.stretch) : 0;
  }

  function ofSeeds(evidence) {
    return WEIGHTS.map((_, part) => evidence.seed_factor * (evidence.spread.length ? evidence.spread[part] : 0));
  }

  // The two-sided p-value of a normal difference whose variance is not quite known.
  function byChance(gap, variances) {
    const size = Math.abs(gap);
    return variances.reduce((sum, variance, part) => {
      const p = variance > 0 ? erfc(size / Math.sqrt(variance) / Math.SQRT2) : size > 0 ? 0 : 1;
      return sum + BOTH[part] * p;
    }, 0);
  }

  // Half the width of the interval: where that p-value is so small.
  function reachOf(variances, chance) {
    const [least, most] = [Math.sqrt(Math.min(...variances)), Math.sqrt(Math.max(...variances))];
    const far = quantile(chance);
    if (most <= least * (1 + CLOSE)) {
      return far * Math.sqrt(variances.reduce((sum, variance, part) => sum + BOTH[part] * variance, 0));
    }
    return between(far * least, far * most, (middle) => byChance(middle, variances) > chance);
  }

  // Standard errors from the middle to the ends of an interval that misses the truth with this chance.
  function quantile(chance) {
    return between(0, 40, (middle) => erfc(middle / Math.SQRT2) > chance);
  }

  // Where what is true below stops being true.
  function between(low, high, below) {
    for (let step = 0; step < 200 && high - low > 1e-15 * high; step += 1) {
      const middle = (low + high) / 2;
      if (below(middle)) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return (low + high) / 2;
  }

  function gcd(one, other) {
    return other ? gcd(other, one % other) : one;
  }

  // The p-value over examples alone of scores that count whole numbers; null for other scores.
  function counted(one, other, gap, examples) {
    if (!(one.steps && other.steps && one.size && other.size)) {
      return null;
    }
    const paired = isPaired(one, other);
    const steps = (one.steps * other.steps) / gcd(one.steps, other.steps);
    const grain = paired ? 1 / (one.size * steps) : (1 / (one.size * one.steps) + 1 / (other.size * other.steps)) / 2;
    const variance = paired ? examples + gap ** 2 / one.size : examples;
    const size = Math.max(0, Math.abs(gap) - grain);
    if (variance <= 0) {
      return size > 0 ? 0 : 1;
    }
    return erfc(size / Math.sqrt(2 * variance));
  }

  function tested(one, other, cell, tests) {
    const gap = cell.difference;
    const examples = examplesVariance(one, other);
    const [first, second] = [ofSeeds(one), ofSeeds(other)];
    const seeds = first.flatMap((mine) => second.map((theirs) => mine + theirs));
    const variances = seeds.map((part) => examples + part);
    const known = seeds.some((value) => value);
    const chance = byChance(gap, variances);
    const count = counted(one, other, gap, examples);
    const p = count === null || (known && count < chance) ? chance : count;
    const reach = reachOf(variances, SIGNIFICANT / tests);
    const corrected = Math.min(1, p * tests);
    const tied = corrected >= SIGNIFICANT;
    const mean = weighted(variances);
    const found = {
      low: tied ? Math.min(gap - reach, 0) : gap - reach,
      high: tied ? Math.max(gap + reach, 0) : gap + reach,
      p_value: p,
      p_corrected: corrected,
      paired: isPaired(one, other),
      smallest_detectable: mean > 0 ? reach + Z_POWER * Math.sqrt(mean) : null,
      seed_share: mean > 0 ? weighted(seeds) / mean : null,
      notes: notesOf(one, other),
    };
    if (found.low > 0 || found.high < 0) {
      return { ...found, verdict: gap > 0 ? "better" : "worse" };
    }
    const share = found.seed_share || 0;
    return {
      ...found,
      verdict: "not proven",
      proof: proofWords(cell.seeds, cell.examples, share),
      settles: settleWords(Math.abs(gap), found.smallest_detectable || 0, cell.examples, cell.seeds, share),
    };
  }

  function weighted(values) {
    return values.reduce((sum, value, part) => sum + BOTH[part] * value, 0);
  }

  function notesOf(before, after) {
    const notes = [];
    if (!isPaired(before, after)) {
      notes.push(
        "They were scored on different examples and are compared as independent, so a small change does not show.",
      );
    }
    const alone = [["before", before], ["after", after]].filter(([, one]) => !one.spread.length);
    if (alone.length === 2) {
      notes.push("With one seed in both runs, nothing is known of how much another would change.");
    } else if (alone.length) {
      notes.push(`With one seed ${alone[0][0]}, nothing is known of how much another would change there.`);
    }
    return notes;
  }

  function whyNot(evidence) {
    if (!evidence) {
      return "no predictions were kept";
    }
    const resamples = resamplesOf(evidence);
    const unreadable = "the resampled scores cannot be read";
    if (resamples === null || resamples.length < 2 || ![0, WEIGHTS.length].includes(evidence.spread.length)) {
      return unreadable;
    }
    const known = [evidence.seed_factor, evidence.stretch, ...evidence.spread];
    return [...known, ...resamples].every(Number.isFinite) && known.every((one) => one >= 0) ? null : unreadable;
  }

  // What a record may leave out, since it is as usual.
  const filledEvidence = (one) => one && { spread: [], stretch: 1, size: 0, steps: 0, ...one };
  const filledCell = (one) => ({ rank: null, score: null, metrics: {}, costs: {}, ...one });

  const keyOf = (cell) => JSON.stringify([cell.model, cell.strategy, cell.dataset]);

  function metricOf(before, after) {
    if (before.headline.name === after.headline.name) {
      return after.headline;
    }
    const has = (run, metric) => run.cells.some((cell) => Number.isFinite((cell.metrics || {})[metric.name]));
    return [after.headline, before.headline].find((metric) => has(before, metric) && has(after, metric)) || null;
  }

  function scoreOf(cell, run, metric) {
    if (!metric) {
      return null;
    }
    if (run.headline.name === metric.name) {
      return cell.score ? cell.score.value : null;
    }
    return cell.metrics[metric.name] ?? null;
  }

  function seedsOf(cell) {
    return JSON.stringify(Object.entries(cell.score.seeds || {}).sort());
  }

  function isSame(one, other, first, second) {
    if (!one.score || !other.score || seedsOf(one) === "[]") {
      return false;
    }
    const told = (evidence) => JSON.stringify(["examples", "centre", "step", "resamples"].map((key) => evidence[key]));
    const alike = one.score.value === other.score.value && seedsOf(one) === seedsOf(other);
    return alike && (!first || !second || told(first) === told(second));
  }

  function reasonOf(one, other, before, after, first, second) {
    if (before.headline.name !== after.headline.name) {
      return (
        `the runs rank by other metrics, ${before.headline.label} and ${after.headline.label}, and only the mean ` +
        "of the other one was kept."
      );
    }
    const sides = [["before", one, first], ["after", other, second]];
    const missing = sides.filter(([, cell]) => !cell.score).map(([word]) => word);
    if (missing.length) {
      return `there is no score ${missing.join(" and ")}.`;
    }
    const whys = sides.map(([word, , evidence]) => [whyNot(evidence), word]).filter(([why]) => why);
    if (whys.length === 2 && whys[0][0] === whys[1][0]) {
      return `${whys[0][0]} in either run.`;
    }
    return whys.length ? `${whys.map((why) => why.join(" ")).join("; ")}.` : null;
  }

  function costsOf(one, other) {
    const devices = [one.costs.device, other.costs.device];
    const moved = devices.every(Boolean) && devices[0] !== devices[1];
    return COSTS.map((name) => [name, one.costs[name] ?? null, other.costs[name] ?? null])
      .filter(([, old, now]) => old !== null && now !== null)
      .map(([name, old, now]) => ({
        name,
        before: old,
        after: now,
        ratio: old ? now / old : null,
        other_device: moved && TIMES.has(name),
      }));
  }

  // A cell of both runs before it is tested.
  function untested(one, other, before, after, metric, sides) {
    const [from, to] = [scoreOf(one, before, metric), scoreOf(other, after, metric)];
    const gap = from === null || to === null ? null : metric.higher_is_better ? to - from : from - to;
    return {
      model: other.model,
      strategy: other.strategy,
      dataset: other.dataset,
      cell_before: one.cell_id,
      cell_after: other.cell_id,
      before: from,
      after: to,
      difference: gap,
      low: null,
      high: null,
      p_value: null,
      p_corrected: null,
      smallest_detectable: null,
      seed_share: null,
      seeds: Math.min(...[one, other].map((cell) => (cell.score ? Object.keys(cell.score.seeds || {}).length : 0))),
      examples: Math.min(...sides.map((side) => (side ? side.size : 0))),
      moved: movedWords(gap, metric),
      proof: "",
      settles: "",
      paired: false,
      verdict: "not comparable",
      reason: null,
      notes: [],
      rank_before: one.rank,
      rank_after: other.rank,
      costs: costsOf(one, other),
    };
  }

  // ---- words: change_words.py, settle.py, wording.py and difference_words.py ----

  // Of records from before metrics had units.
  const SHARES = new Set([
    "accuracy", "balanced_accuracy", "top5_accuracy", "precision_macro", "precision_weighted", "recall_macro",
    "recall_weighted", "f1_macro", "f1_weighted", "roc_auc", "bleu", "chrf", "rouge_1", "rouge_2", "rouge_l",
    "exact_match", "distinct_1", "distinct_2", "repetition_rate",
  ]);
  const isShare = (metric) => (metric.unit === undefined ? SHARES.has(metric.name) : metric.unit === "%");
  const [THIN, MINUS, ARROW, MOST] = ["\u202f", "\u2212", "\u2192", 5];
  const [LARGE, HALF, PART] = [0.01, 0.5, 0.1];
  const [NEGLIGIBLE, MOST_SEEDS, HOPELESS] = [0.01, 30, 100];

  const thin = (text) => text.replaceAll(" %", `${THIN}%`);
  const whole = (number, mark = THIN) => String(number).replace(/\B(?=(\d{3})+$)/g, mark);
  const plural = (count, one) => `${whole(count, ",")} ${count === 1 ? one : `${one}s`}`;
  const sizeOf = (cell) => Math.abs(cell.difference || 0);
  const nameOf = (cell) => `${cell.model}, ${cell.strategy}`;

  // As Python rounds: what lies exactly in the middle goes to the even neighbour.
  function fixed(value, digits) {
    const exact = Math.abs(value).toFixed(60);
    const cut = exact.length - 60 + digits;
    const below = exact.slice(0, digits ? cut : cut - 1);
    const isEven = /^50*$/.test(exact.slice(cut)) && Number(below.at(-1)) % 2 === 0;
    return (value < 0 ? "-" : "") + (isEven ? below : Math.abs(value).toFixed(digits));
  }

  function withSign(value, digits) {
    const text = fixed(value, digits);
    return Number(text) === 0 ? text.replace(/^-/, "") : text.replace("-", MINUS);
  }

  function plain(value) {
    return withSign(value, Math.abs(value) < 10 ? 3 : Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value)))));
  }

  const scaled = (value, metric) => (isShare(metric) ? withSign(100 * value, 1) : plain(value));
  const quality = (value, metric) => scaled(value, metric) + (isShare(metric) ? `${THIN}%` : "");
  const points = (value, metric) => scaled(value, metric) + (isShare(metric) ? " points" : "");

  function movedWords(gap, metric) {
    if (gap === null || !metric) {
      return "";
    }
    if (gap === 0) {
      return "did not change";
    }
    const [up, down] = metric.higher_is_better ? ["rose", "fell"] : ["is better", "is worse"];
    return `${gap > 0 ? up : down} by ${points(Math.abs(gap), metric)}`;
  }

  function proofWords(seeds, examples, share) {
    const named = share > PART ? [plural(seeds, "seed")] : [];
    if (examples && (share < HALF || !named.length)) {
      named.push(plural(examples, "test example"));
    }
    return named.join(" and ") || "the test set";
  }

  function unprovenWords(proof) {
    const one = proof === "the test set" || (proof.startsWith("1 ") && !proof.includes(" and "));
    return `${proof} ${one ? "does" : "do"} not prove it`;
  }

  // Two digits: the estimate is no better. Python rounds what lies in the middle to the even neighbour.
  function rounded(number) {
    const unit = 10 ** Math.max(0, String(number).length - 2);
    const below = Math.floor(number / unit);
    const rest = number - below * unit;
    return whole((below + (rest * 2 > unit || (rest * 2 === unit && below % 2) ? 1 : 0)) * unit);
  }

  function settleWords(difference, detectable, examples, seeds, seedShare) {
    if (difference <= 0 || detectable <= difference) {
      return "";
    }
    const room = (difference / detectable) ** 2;
    const share = seedShare > NEGLIGIBLE ? seedShare : 0;
    if (1 / room > HOPELESS) {
      const what = share ? "seeds and test examples" : "test examples";
      return `more than ${HOPELESS} times as many ${what}`;
    }
    const needed = (now, part, left) => (left > 0 && now ? Math.ceil((now * part) / left) : null);
    const byExamples = needed(examples, 1 - share, room - share);
    const bySeeds = share ? needed(seeds, share, room - (1 - share)) : null;
    const few = bySeeds !== null && bySeeds <= MOST_SEEDS ? bySeeds : null;
    const many = byExamples !== null && byExamples <= HOPELESS * examples ? byExamples : null;
    const said = [
      few ? `${few} seeds in each run instead of ${seeds}` : "",
      many ? `about ${rounded(many)} test examples instead of ${whole(examples)}` : "",
    ].filter(Boolean);
    if (said.length) {
      return said.join(", or ");
    }
    const both = Math.ceil(seeds / room);
    if (both > MOST_SEEDS) {
      return `more than ${MOST_SEEDS} seeds in each run${examples ? " and more test examples" : ""}`;
    }
    const rest = ` together with about ${rounded(Math.ceil(examples / room))} test examples instead of ${whole(examples)}`;
    return `${both} seeds in each run instead of ${seeds}${examples ? rest : ""}`;
  }

  // The cell that changed most, the first of equals, with its scores before and after.
  function largestOf(cells, metric) {
    const cell = cells.reduce((most, one) => (sizeOf(one) > sizeOf(most) ? one : most));
    const scores = `${metric.label} ${quality(cell.before, metric)} ${ARROW} ${quality(cell.after, metric)}`;
    return [cell, `${nameOf(cell)} ${cell.moved} on ${cell.dataset} (${scores})`];
  }

  function scoresSaid(cells, metric) {
    const of = (...verdicts) => cells.filter((cell) => verdicts.includes(cell.verdict));
    const all = cells.length === 1 ? "the one cell of both runs" : `all ${whole(cells.length, ",")} cells`;
    if (!cells.length) {
      return "The two runs have no cell in common";
    }
    if (of("same").length === cells.length) {
      return `The scores are the same, seed for seed, in ${all}`;
    }
    if (of("not comparable").length === cells.length) {
      return `No score can be compared, in ${all}`;
    }
    const beyond = of("worse", "better");
    if (!beyond.length) {
      return unprovenSaid(of("not proven"), of("same").length, metric);
    }
    const told = ["worse", "better"]
      .map((verdict) => [of(verdict).length, verdict])
      .filter(([count]) => count)
      .map(([count, verdict]) => `${whole(count, ",")} ${count === 1 ? "is" : "are"} ${verdict} beyond noise`);
    const most = beyond.length > 1 ? "; the largest change" : "";
    return `Of ${plural(cells.length, "cell")} ${told.join(" and ")}${most}: ${largestOf(beyond, metric)[1]}`;
  }

  function unprovenSaid(open, still, metric) {
    const moved = open.filter((cell) => cell.difference);
    if (!moved.length) {
      return `No score changed, in ${plural(open.length + still, "cell")}`;
    }
    const [largest, words] = largestOf(moved, metric);
    const said = `${words}; ${unprovenWords(largest.proof)}`;
    if (open.length === 1 && !still) {
      return said;
    }
    const rest = open.length > 1 ? [`none of ${plural(open.length, "change")} is proven`] : [];
    if (still) {
      rest.push(`${whole(still, ",")} ${still === 1 ? "is" : "are"} the same`);
    }
    return `Of ${plural(open.length + still, "cell")} ${rest.join(" and ")}. The largest change: ${said}`;
  }

  // What is beyond noise, what is large and not proven, and how large the rest is at most.
  function changesOf(cells, metric) {
    const of = (verdict) =>
      cells.filter((cell) => cell.verdict === verdict).sort((one, other) => sizeOf(other) - sizeOf(one));
    const said = [];
    for (const verdict of ["worse", "better"]) {
      const told = of(verdict);
      said.push(...told.slice(0, MOST).map((cell) => movedSaid(cell, metric)));
      if (told.length > MOST) {
        said.push(`${plural(told.length - MOST, "more cell")} ${told.length === MOST + 1 ? "is" : "are"} ${verdict}.`);
      }
    }
    const open = of("not proven");
    const isLarge = (cell) => sizeOf(cell) >= LARGE * (isShare(metric) ? 1 : Math.abs(cell.before));
    const large = open.filter(isLarge).slice(0, MOST);
    said.push(...large.map((cell) => movedSaid(cell, metric)));
    const rest = open.slice(large.length);
    if (rest.length) {
      const what = plural(rest.length, `${rest.length < open.length ? "other " : ""}cell`);
      said.push(`${what} moved by at most ${points(sizeOf(rest[0]), metric)}, which is not proven.`);
    }
    return said;
  }

  function movedSaid(cell, metric) {
    const ends = cell.difference >= 0 ? [cell.low, cell.high] : [-cell.high, -cell.low];
    const p = cell.p_corrected < 0.001 ? "p < 0.001" : `p = ${fixed(cell.p_corrected, 3)}`;
    const sure = `95 % interval ${ends.map((end) => scaled(end, metric)).join(" to ")}, ${p}`;
    const scores = `${metric.label} ${quality(cell.before, metric)} ${ARROW} ${quality(cell.after, metric)}`;
    const said = `${nameOf(cell)} ${cell.moved} on ${cell.dataset}: ${scores} (${sure})`;
    if (cell.verdict !== "not proven") {
      return `${said}.`;
    }
    const takes = cell.settles ? ` To show it takes ${cell.settles}, if it stays as large.` : "";
    return `${said}; ${unprovenWords(cell.proof)}.${takes}`;
  }

  function suiteDiffer(before, after, evidenceBefore, evidenceAfter) {
    const metric = metricOf(before, after);
    const sameHeadline = before.headline.name === after.headline.name;
    const [old, now] = [before, after].map((run) => run.cells.map(filledCell));
    const [oldKeys, nowKeys] = [old, now].map((cells) => new Map(cells.map((cell) => [keyOf(cell), cell])));
    const able = [];
    const cells = [];
    for (const other of now.filter((cell) => oldKeys.has(keyOf(cell)))) {
      const one = oldKeys.get(keyOf(other));
      const first = filledEvidence(evidenceBefore[one.cell_id]);
      const second = filledEvidence(evidenceAfter[other.cell_id]);
      const cell = untested(one, other, before, after, metric, [first, second]);
      if (sameHeadline && isSame(one, other, first, second)) {
        Object.assign(cell, { verdict: "same", paired: true });
      } else {
        cell.reason = reasonOf(one, other, before, after, first, second);
        if (cell.reason === null) {
          able.push([cell, first, second]);
        }
      }
      cells.push(cell);
    }
    for (const [cell, first, second] of able) {
      Object.assign(cell, tested(first, second, cell, able.length));
    }
    const only = (run, mine, theirs) =>
      mine
        .filter((cell) => !theirs.has(keyOf(cell)))
        .map((cell) => ({
          cell_id: cell.cell_id,
          model: cell.model,
          strategy: cell.strategy,
          dataset: cell.dataset,
          score: scoreOf(cell, run, metric),
        }));
    return {
      metric,
      cells,
      only_before: only(before, old, nowKeys),
      only_after: only(after, now, oldKeys),
      scores: thin(`${scoresSaid(cells, metric)}.`),
      changes: metric ? changesOf(cells, metric).map(thin) : [],
    };
  }

  window.suiteDiffer = suiteDiffer;
})();
