// The steps of a timeline as rows of a waterfall.

const DEPTHS = { wait: 0, attempt: 0, batch: 0, question: 0, event: 1, turn: 1, tool: 2, child: 2 };
const ORDER = ["wait", "question", "attempt", "batch", "turn", "tool", "child", "event"];

// Each step with its times as numbers and its depth, in the order in which they began; of those that began together
// the one that holds the others first. What lasts ends `now`.
export function rowsOf(steps, now) {
  const rows = steps.map((step, index) => {
    const startMs = Date.parse(step.startedAt);
    const endMs = step.endedAt ? Date.parse(step.endedAt) : Math.max(now, startMs);
    return {
      ...step,
      id: `${step.kind}-${index}`,
      startMs,
      endMs,
      isOpen: !step.endedAt,
      depth: DEPTHS[step.kind] ?? 0,
    };
  });
  rows.sort((one, other) => one.startMs - other.startMs || ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind));
  const begun = new Set();
  for (const row of rows.filter((each) => each.kind === "attempt")) {
    row.isContinued = begun.has(row.attempt); // as after a question, which is no other attempt
    begun.add(row.attempt);
  }
  return rows;
}

// The part of all costs that a step has, for those that say what they cost.
export function costShare(row, total) {
  return row.usage?.costUsd && total ? row.usage.costUsd / total : 0;
}
