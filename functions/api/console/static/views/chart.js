// Costs by day as stacked bars. What it shows is in a table beside it too, for those who cannot see or click it.
import { useEffect, useRef, useState } from "../vendor/hooks.mjs";
import { usd } from "../format.js";
import { html } from "../html.js";
import { locale } from "../i18n.js";
import { preferences } from "../preferences.js";

const HEIGHT = 240;
const COLORS = 8;

// `days` as "2026-11-01", `series` as { value, costs }. `onPick` is called with the index of a day.
export function CostChart({ days, series, label, onPick }) {
  const frame = useRef(null);
  const pick = useRef(onPick);
  pick.current = onPick;
  const [hovered, setHovered] = useState(null);
  const { theme, language } = preferences.get();
  const colorChange = useColorScheme();
  const drawn = JSON.stringify([days, series, theme, language, colorChange]);
  useEffect(() => {
    const element = frame.current;
    let chart = null;
    let isGone = false;
    import("./uplot.mjs").then(({ default: UPlot }) => {
      if (isGone) return;
      chart = new UPlot(optionsOf(UPlot, element, series, { setHovered }), dataOf(days, series), element);
      chart.over.addEventListener("click", () => chart.cursor.idx !== null && pick.current(chart.cursor.idx));
    });
    const observer = new ResizeObserver(() => chart?.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      isGone = true;
      observer.disconnect();
      chart?.destroy();
    };
  }, [drawn]);
  const total = hovered === null ? null : series.reduce((sum, each) => sum + each.costs[hovered], 0);
  return html`<div class="chart" role="img" aria-label=${label}><div ref=${frame}></div></div>
    <p class="chart-hint faint" aria-hidden="true">
      ${hovered === null ? "\u00a0" : `${days[hovered]} · ${usd(total)}`}
    </p>`;
}

export function colorClass(index) {
  return `series-${index % COLORS}`;
}

// Bars lie upon each other: each series is drawn as high as itself and those below it, the highest first.
function dataOf(days, series) {
  const x = days.map((day) => Date.parse(`${day}T00:00:00Z`) / 1000);
  const sums = days.map(() => 0);
  const stacked = series.map(({ costs }) => costs.map((cost, day) => (sums[day] += cost)));
  return [x, ...stacked.reverse()];
}

function optionsOf(UPlot, frame, series, { setHovered }) {
  const ink = colorOf(frame, "--ink-faint");
  const grid = { stroke: colorOf(frame, "--line"), width: 1 };
  const day = new Intl.DateTimeFormat(locale(), { month: "short", day: "numeric", timeZone: "UTC" });
  const bars = UPlot.paths.bars({ size: [0.72, 56] });
  const fills = series.map((_, index) => colorOf(frame, `--series-${index % COLORS}`));
  return {
    width: frame.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    scales: {
      x: { range: (_, from, to) => [from - 43_200, to + 43_200] },
      y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] },
    },
    axes: [
      {
        stroke: ink,
        grid: { show: false },
        ticks: grid,
        size: 36,
        incrs: [86_400, 172_800, 604_800],
        values: (_, at) => at.map((each) => day.format(each * 1000)),
      },
      { stroke: ink, grid, ticks: grid, size: 64, values: (_, amounts) => amounts.map((each) => usd(each)) },
    ],
    series: [{}, ...fills.reverse().map((fill) => ({ paths: bars, fill, width: 0, points: { show: false } }))],
    hooks: { setCursor: [(chart) => setHovered(chart.cursor.idx ?? null)] },
  };
}

// What a variable of the style comes to here; a canvas knows no variables.
function colorOf(element, variable) {
  element.style.color = `var(${variable})`;
  const color = getComputedStyle(element).color;
  element.style.color = "";
  return color;
}

// Changes when the reader's system turns dark or light.
function useColorScheme() {
  const [isDark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => setDark(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  return isDark;
}
