// From moments to places in a waterfall, in percent. Where a task has mostly waited, the waits can be shortened, so
// that what it did is still to be seen.
const WORKING = new Set(["attempt", "turn", "tool", "child", "batch"]);
const SHORTENED_FROM = 0.12; // of the whole: a wait that is longer is drawn shorter
const SHORTENED_TO = 0.07; // of what is drawn
const STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 216e5,
  432e5, 864e5,
];
const TICKS = 6;
const LEAST_GAP = 9; // percent between two ticks

// `steps` have startMs and endMs. Gives { at, ticks, breaks, canShorten }: `at` maps a moment, `breaks` are shortened
// waits as { from, to, ms }, and `canShorten` tells whether there are waits to shorten.
export function timeScale(steps, start, end, isShortened) {
  const length = Math.max(1, end - start);
  const waits = waitsOf(steps, start, end).filter(([from, to]) => to - from > SHORTENED_FROM * length);
  const pieces = piecesOf(isShortened ? waits : [], start, start + length);
  const at = (ms) => placeOf(pieces, ms);
  return {
    at,
    ticks: ticksOf(pieces, start, at),
    breaks: pieces
      .filter((piece) => piece.isBreak)
      .map((piece) => ({ from: at(piece.from), to: at(piece.to), ms: piece.to - piece.from })),
    canShorten: waits.length > 0,
  };
}

// The times in which nobody worked, in order.
function waitsOf(steps, start, end) {
  const busy = steps.filter((step) => WORKING.has(step.kind)).map((step) => [step.startMs, step.endMs]);
  busy.sort((one, other) => one[0] - other[0]);
  const waits = [];
  let last = start;
  for (const [from, to] of busy) {
    if (from > last) waits.push([last, from]);
    last = Math.max(last, to);
  }
  if (end > last) waits.push([last, end]);
  return waits;
}

// The whole time in pieces with their share of what is drawn.
function piecesOf(waits, start, end) {
  const pieces = [];
  let last = start;
  for (const [from, to] of waits) {
    if (from > last) pieces.push({ from: last, to: from });
    pieces.push({ from, to, isBreak: true });
    last = to;
  }
  if (end > last) pieces.push({ from: last, to: end });
  const worked = pieces.filter((piece) => !piece.isBreak).reduce((sum, piece) => sum + piece.to - piece.from, 0);
  const forBreaks = worked > 0 ? SHORTENED_TO * 100 : 100 / Math.max(1, waits.length);
  const forWork = 100 - forBreaks * waits.length;
  let place = 0;
  for (const piece of pieces) {
    piece.place = place;
    piece.share = piece.isBreak ? forBreaks : (forWork * (piece.to - piece.from)) / worked;
    place += piece.share;
  }
  return pieces;
}

function placeOf(pieces, ms) {
  const piece = pieces.find((each) => ms <= each.to) ?? pieces.at(-1);
  const into = Math.min(1, Math.max(0, (ms - piece.from) / (piece.to - piece.from)));
  return piece.place + into * piece.share;
}

// Round times since the start, where something is drawn in its true length.
function ticksOf(pieces, start, at) {
  const worked = pieces.filter((piece) => !piece.isBreak);
  const length = worked.reduce((sum, piece) => sum + piece.to - piece.from, 0);
  const step = STEPS_MS.find((each) => each * TICKS >= length) ?? Math.ceil(length / TICKS / 864e5) * 864e5;
  const ticks = [];
  for (const piece of worked) {
    for (let ms = Math.ceil((piece.from - start) / step) * step; ms <= piece.to - start; ms += step) {
      const place = at(start + ms);
      if (ticks.length === 0 || place - ticks.at(-1).place >= LEAST_GAP) ticks.push({ ms, place });
    }
  }
  return ticks.filter((tick) => tick.place < 97);
}
