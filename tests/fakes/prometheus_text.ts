/**
 * A strict reader of Prometheus's text format 0.0.4, enough for what we write.
 *
 * @module
 */

export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"/g;
const ESCAPED: Readonly<Record<string, string>> = { "\\\\": "\\", '\\"': '"', "\\n": "\n" };

/** All samples of the text. Throws on a line that is none, and on a series that comes twice. */
export function readMetrics(text: string): Sample[] {
  const samples: Sample[] = [];
  const series = new Set<string>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# HELP ") || line.startsWith("# TYPE ")) continue;
    const match = SAMPLE.exec(line);
    if (match === null) throw new Error(`Cannot read metrics line: ${JSON.stringify(line)}`);
    const [, name = "", labelText = "", value = ""] = match;
    const labels = new Map<string, string>();
    for (const [, label = "", escaped = ""] of labelText.matchAll(LABEL)) {
      labels.set(label, escaped.replace(/\\["\\n]/g, (pair) => ESCAPED[pair] ?? pair));
    }
    const key = JSON.stringify([name, [...labels].sort()]);
    if (series.has(key)) throw new Error(`Cannot read metrics: ${key} comes twice`);
    series.add(key);
    samples.push({ name, labels, value: Number(value) });
  }
  return samples;
}

/** The value of the one series with exactly these labels; undefined where there is none. */
export function metricValue(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const wanted = Object.entries(labels);
  return samples.find((sample) =>
    sample.name === name && sample.labels.size === wanted.length &&
    wanted.every(([label, value]) => sample.labels.get(label) === value)
  )?.value;
}
