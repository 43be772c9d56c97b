// What changed between two runs, computed in the browser from their records and evidence: the same numbers as
// suite/publish/judging.py and cell_differences.py, which tests/test_diff.py holds this file to.
//
//   suiteDiffer(before, after, evidenceBefore, evidenceAfter)
//
// takes two records (data/runs/...) and maps of cell id to evidence, and returns {metric, cells, only_before,
// only_after} in the shape of RunDifference.
"use strict";

(function () {
  const WEIGHTS = [0.2, 0.3, 0.25, 0.15, 0.07, 0.03]; // suite.compare.spread.WEIGHTS
  const BOTH = WEIGHTS.flatMap((one) => WEIGHTS.map((other) => one * other));
  const SIGNIFICANT = 0.05;
  const Z = 1.959963984540054; // standard errors from the middle of a 95 % interval to its ends
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

  // Half the width of the 95 % interval: where that p-value is 0.05.
  function reachOf(variances) {
    let low = Z * Math.sqrt(Math.min(...variances));
    let high = Z * Math.sqrt(Math.max(...variances));
    if (high <= low * (1 + CLOSE)) {
      return Z * Math.sqrt(variances.reduce((sum, variance, part) => sum + BOTH[part] * variance, 0));
    }
    for (let step = 0; step < 200 && high - low > 1e-15 * high; step += 1) {
      const middle = (low + high) / 2;
      if (byChance(middle, variances) > SIGNIFICANT) {
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

  function tested(one, other, gap) {
    const examples = examplesVariance(one, other);
    const [first, second] = [ofSeeds(one), ofSeeds(other)];
    const variances = first.flatMap((mine) => second.map((theirs) => examples + mine + theirs));
    const known = first.some((value) => value) || second.some((value) => value);
    const chance = byChance(gap, variances);
    const count = counted(one, other, gap, examples);
    const p = count === null || (known && count < chance) ? chance : count;
    const reach = reachOf(variances);
    const tied = p >= SIGNIFICANT;
    return {
      difference: gap,
      low: tied ? Math.min(gap - reach, 0) : gap - reach,
      high: tied ? Math.max(gap + reach, 0) : gap + reach,
      p_value: p,
      paired: isPaired(one, other),
      notes: notesOf(one, other),
    };
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

  // Holm's step-down correction, in place.
  function correct(cells) {
    const order = [...cells].sort((one, other) => one.p_value - other.p_value);
    let largest = 0;
    order.forEach((cell, at) => {
      largest = Math.max(largest, cell.p_value * (order.length - at));
      cell.p_holm = Math.min(largest, 1);
      if (cell.p_holm < SIGNIFICANT) {
        cell.verdict = cell.difference > 0 ? "better" : "worse";
      } else {
        cell.verdict = "no change beyond noise";
      }
    });
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
  function untested(one, other, before, after, metric) {
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
      p_holm: null,
      paired: false,
      verdict: "not comparable",
      reason: null,
      notes: [],
      rank_before: one.rank,
      rank_after: other.rank,
      costs: costsOf(one, other),
    };
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
      const cell = untested(one, other, before, after, metric);
      if (sameHeadline && isSame(one, other, first, second)) {
        Object.assign(cell, { verdict: "same", paired: true });
      } else {
        cell.reason = reasonOf(one, other, before, after, first, second);
        if (cell.reason === null) {
          Object.assign(cell, tested(first, second, cell.difference));
          able.push(cell);
        }
      }
      cells.push(cell);
    }
    correct(able);
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
    return { metric, cells, only_before: only(before, old, nowKeys), only_after: only(after, now, oldKeys) };
  }

  window.suiteDiffer = suiteDiffer;
})();
