/**
 * Lines over time. Drawn on the server as a whole plot; in the browser one takes its place that says what was when the
 * pointer is on it.
 *
 * @module
 */
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { amount, clockTime } from "./amounts.ts";

const HEIGHT = 150;
/** Between two labels of the axis of time, which show minutes. */
const TICKS_S: readonly number[] = [1, 2, 5, 10, 15, 30, 60].map((minutes) => minutes * 60);
/** A plot of less time than that says nothing about time. */
const SPAN_LEAST_MS = 60_000;
/** The drawing made on the server: as many points as can be told apart, and a box that is stretched to its place. */
const POINTS = 300;
const BOX_WIDTH = 600;
const BOX_HEIGHT = 100;
/** Of the box, so that the highest point does not touch its edge. */
const BOX_MARGIN = 4;
/** The second line is told from the first by its dashes too. */
const DASHES: readonly (readonly number[])[] = [[], [4, 3]];
const COLOURS = ["--accent", "--warn"] as const;

export interface PlotLine {
  readonly name: string;
  /** One for each time; null where nothing is known. */
  readonly values: readonly (number | null)[];
}

export interface TimePlotProps {
  /** What is plotted, for whoever cannot see it. */
  readonly title: string;
  /** Of values: `ms`; empty where they are counts. */
  readonly unit: string;
  /** The oldest first, in milliseconds since the epoch. At least one. */
  readonly timesMs: readonly number[];
  /** One or two. */
  readonly lines: readonly PlotLine[];
  /** Whether each point is marked: where they are few, and far from each other. */
  readonly hasMarks?: boolean;
}

export function TimePlot(props: TimePlotProps) {
  const { unit, timesMs, lines } = props;
  const place = useRef<HTMLDivElement>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const isDrawn = useLivePlot(place, props, setPointed);
  const index = pointed !== null && pointed < timesMs.length ? pointed : timesMs.length - 1;
  const text = (value: number | null | undefined) =>
    value === null || value === undefined ? "–" : `${amount(value)}${unit === "" ? "" : ` ${unit}`}`;
  return (
    <figure class="plot">
      <div ref={place}>{!isDrawn && <Drawing {...props} />}</div>
      <figcaption class="row">
        {lines.map(({ name, values }, line) => (
          <span key={name}>
            <span class={`key line-${line}`} aria-hidden="true" />
            {name} <b>{text(values[index])}</b>
          </span>
        ))}
        <span class="muted whole">
          most {text(mostOf(lines))} · {clockTime(timesMs[index] ?? 0, "seconds")} UTC
        </span>
      </figcaption>
    </figure>
  );
}

function mostOf(lines: readonly PlotLine[]): number {
  return Math.max(0, ...lines.flatMap(({ values }) => values.map((value) => value ?? 0)));
}

/** Where the axis of time begins and ends. */
function spanOf(firstMs: number, lastMs: number): [fromMs: number, toMs: number] {
  return [Math.min(firstMs, lastMs - SPAN_LEAST_MS), lastMs];
}

function Drawing({ title, timesMs, lines }: TimePlotProps) {
  const firstMs = timesMs[0] ?? 0;
  const lastMs = timesMs.at(-1) ?? 0;
  return (
    <svg
      class="drawing"
      viewBox={`0 0 ${BOX_WIDTH} ${BOX_HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${title}, ${clockTime(firstMs)} to ${clockTime(lastMs)} UTC`}
      height={HEIGHT}
    >
      {[0.25, 0.5, 0.75, 1].map((share) => (
        <line
          key={share}
          class="grid"
          x1={0}
          x2={BOX_WIDTH}
          y1={BOX_HEIGHT * share}
          y2={BOX_HEIGHT * share}
        />
      ))}
      {lines.map(({ name, values }, line) => (
        <path
          key={name}
          class={`line-${line}`}
          d={pathOf(timesMs, values, { span: spanOf(firstMs, lastMs), most: mostOf(lines) })}
        />
      ))}
    </svg>
  );
}

/** Of each stretch that is one point the highest value, so that no peak is lost. */
function pathOf(
  timesMs: readonly number[],
  values: readonly (number | null)[],
  { span: [fromMs, toMs], most }: { readonly span: readonly [number, number]; readonly most: number },
): string {
  const stretch = Math.max(1, Math.ceil(values.length / POINTS));
  let path = "";
  let isPenDown = false;
  for (let start = 0; start < values.length; start += stretch) {
    const known = values.slice(start, start + stretch).filter((value) => value !== null);
    if (known.length > 0) {
      const x = Math.round(((timesMs[start] ?? toMs) - fromMs) / (toMs - fromMs) * BOX_WIDTH);
      const share = most === 0 ? 0 : Math.max(...known) / most;
      const y = BOX_HEIGHT - 1 - share * (BOX_HEIGHT - BOX_MARGIN);
      // One alone is a short line, or nothing would be seen of it.
      path += isPenDown ? `L${x} ${y.toFixed(1)}` : `M${x - 1} ${y.toFixed(1)}h1`;
    }
    isPenDown = known.length > 0;
  }
  return path;
}

/** Puts the browser's plot in the place, and keeps it up to date. */
function useLivePlot(
  place: { readonly current: HTMLDivElement | null },
  props: TimePlotProps,
  point: (index: number | null) => void,
): boolean {
  const plot = useRef<uPlot | null>(null);
  const [isDrawn, setDrawn] = useState(false);
  /** Colours are the page's, and change with its theme: then it is made anew. */
  const [theme, setTheme] = useState(0);
  const { timesMs, lines } = props;
  const data = (): uPlot.AlignedData => [
    timesMs.map((atMs) => atMs / 1_000),
    ...lines.map(({ values }) => [...values]),
  ];
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const change = () => setTheme((count) => count + 1);
    dark.addEventListener("change", change);
    return () => dark.removeEventListener("change", change);
  }, []);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    setDrawn(true);
    const made = plot.current = new uPlot(optionsFor(element, props, point), data(), element);
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [theme]);
  useEffect(() => plot.current?.setData(data()), [timesMs, lines]);
  return isDrawn;
}

function optionsFor(
  element: HTMLElement,
  { unit, lines, hasMarks = false }: TimePlotProps,
  point: (index: number | null) => void,
): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--muted"),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  const toMs = 1_000;
  return {
    width: element.clientWidth,
    height: HEIGHT,
    tzDate: (second) => uPlot.tzDate(new Date(second * toMs), "Etc/UTC"),
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: {
        // What it would offer for a single point is a day.
        range: ({ data: [times] }) => {
          const [fromMs, untilMs] = spanOf((times[0] ?? 0) * toMs, (times.at(-1) ?? 0) * toMs);
          return [fromMs / toMs, untilMs / toMs];
        },
      },
      y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.05 : 1] },
    },
    axes: [
      {
        ...axis,
        size: 28,
        incrs: [...TICKS_S],
        values: (_plot, seconds) => seconds.map((second) => clockTime(second * toMs)),
      },
      {
        ...axis,
        size: 64,
        values: (_plot, values) =>
          values.map((value) => unit === "" ? amount(value) : `${amount(value)} ${unit}`),
      },
    ],
    series: [
      {},
      ...lines.map(({ name }, line) => {
        const stroke = colour(COLOURS[line] ?? "--accent");
        return {
          label: name,
          stroke,
          width: 1.5,
          dash: [...DASHES[line] ?? []],
          points: hasMarks ? { size: 4, fill: stroke } : { show: false },
        };
      }),
    ],
    hooks: { setCursor: [(plot) => point(plot.cursor.idx ?? null)] },
  };
}
