/** Prometheus metrics (text exposition format 0.0.4). Label sets are bounded by the caller: never put object names in. */
export interface Metrics {
  counter(name: string, help: string): Counter;
  gauge(name: string, help: string): Gauge;
  histogram(name: string, help: string, buckets: readonly number[]): Histogram;
  /** Called before each scrape, for gauges that are cheaper to compute than to keep. */
  onCollect(collect: () => void): void;
  render(): string;
}

/** Never changed once it was given: its text is kept with it. */
export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(amount: number, labels?: Labels): void;
}

export interface Gauge {
  set(value: number, labels?: Labels): void;
}

export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

interface Family {
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: () => Iterable<string>;
}

export function createMetrics(): Metrics {
  const families = new Map<string, Family>();
  const collectors: (() => void)[] = [];
  const add = (name: string, family: Family): void => {
    if (families.has(name)) throw new Error(`metric ${name} is registered twice`);
    families.set(name, family);
  };
  return {
    counter(name, help) {
      const values = new Map<string, number>();
      add(name, { help, type: "counter", samples: () => plainSamples(name, values) });
      return {
        add: (amount, labels = {}) => {
          const key = formatLabels(labels);
          values.set(key, (values.get(key) ?? 0) + amount);
        },
      };
    },
    gauge(name, help) {
      const values = new Map<string, number>();
      add(name, { help, type: "gauge", samples: () => plainSamples(name, values) });
      return { set: (value, labels = {}) => void values.set(formatLabels(labels), value) };
    },
    histogram(name, help, buckets) {
      const series = new Map<string, HistogramSeries>();
      add(name, { help, type: "histogram", samples: () => histogramSamples(name, buckets, series) });
      return { observe: (value, labels = {}) => observe(series, buckets, labels, value) };
    },
    onCollect: (collect) => void collectors.push(collect),
    render() {
      for (const collect of collectors) collect();
      const lines: string[] = [];
      for (const [name, family] of families) {
        lines.push(`# HELP ${name} ${family.help}`, `# TYPE ${name} ${family.type}`, ...family.samples());
      }
      return `${lines.join("\n")}\n`;
    },
  };
}

interface HistogramSeries {
  readonly labels: Labels;
  readonly counts: number[];
  sum: number;
  count: number;
}

function observe(
  series: Map<string, HistogramSeries>,
  buckets: readonly number[],
  labels: Labels,
  value: number,
): void {
  const key = formatLabels(labels);
  const entry = series.get(key) ?? { labels, counts: buckets.map(() => 0), sum: 0, count: 0 };
  series.set(key, entry);
  buckets.forEach((bound, index) => {
    if (value <= bound) entry.counts[index] = (entry.counts[index] ?? 0) + 1;
  });
  entry.sum += value;
  entry.count += 1;
}

function* histogramSamples(name: string, buckets: readonly number[], series: ReadonlyMap<string, HistogramSeries>) {
  for (const { labels, counts, sum, count } of series.values()) {
    for (const [index, bound] of buckets.entries()) {
      yield `${name}_bucket${formatLabels({ ...labels, le: String(bound) })} ${counts[index] ?? 0}`;
    }
    yield `${name}_bucket${formatLabels({ ...labels, le: "+Inf" })} ${count}`;
    yield `${name}_sum${formatLabels(labels)} ${sum}`;
    yield `${name}_count${formatLabels(labels)} ${count}`;
  }
}

function* plainSamples(name: string, values: ReadonlyMap<string, number>) {
  for (const [labels, value] of values) yield `${name}${labels} ${value}`;
}

/** Of label sets that are used again and again: who counts every request keeps the set. */
const formatted = new WeakMap<Labels, string>();

function formatLabels(labels: Labels): string {
  const known = formatted.get(labels);
  if (known !== undefined) return known;
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escapeLabel(value)}"`);
  const text = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
  formatted.set(labels, text);
  return text;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
