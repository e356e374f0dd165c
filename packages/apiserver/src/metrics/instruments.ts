// Counters and histograms in the text format of Prometheus, version 0.0.4
// (prometheus.io/docs/instrumenting/exposition_formats). Labels are given by code, never by a client: what a client can
// make up would fill the memory.

export type Labels = Readonly<Record<string, string>>;

interface Series {
  readonly labels: string;
  value: number;
}

export class Counter {
  readonly #name: string;
  readonly #help: string;
  readonly #series = new Map<string, Series>();

  constructor(name: string, help: string) {
    this.#name = name;
    this.#help = help;
  }

  add(labels: Labels, value = 1): void {
    const key = formatLabels(labels);
    const series = this.#series.get(key);
    if (series === undefined) this.#series.set(key, { labels: key, value });
    else series.value += value;
  }

  format(): string {
    return formatMetric(this.#name, 'counter', this.#help, [...this.#series.values()]);
  }
}

interface Distribution {
  readonly labels: Labels;
  /** How many were at most as large as the bound of that index; the last one counts all. */
  readonly counts: number[];
  sum: number;
}

export class Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #distributions = new Map<string, Distribution>();

  /** `bounds` grow. */
  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#bounds = bounds;
  }

  observe(labels: Labels, value: number): void {
    const key = formatLabels(labels);
    let distribution = this.#distributions.get(key);
    if (distribution === undefined) {
      distribution = { labels, counts: new Array<number>(this.#bounds.length + 1).fill(0), sum: 0 };
      this.#distributions.set(key, distribution);
    }
    distribution.sum += value;
    const { counts } = distribution;
    for (let index = counts.length - 1; index >= 0; index--) {
      if (index < this.#bounds.length && value > (this.#bounds[index] ?? 0)) break;
      counts[index] = (counts[index] ?? 0) + 1;
    }
  }

  format(): string {
    const lines = [`# HELP ${this.#name} ${this.#help}`, `# TYPE ${this.#name} histogram`];
    for (const { labels, counts, sum } of this.#distributions.values()) {
      for (const [index, count] of counts.entries()) {
        const le = index < this.#bounds.length ? String(this.#bounds[index]) : '+Inf';
        lines.push(`${this.#name}_bucket${formatLabels({ ...labels, le })} ${count}`);
      }
      lines.push(`${this.#name}_sum${formatLabels(labels)} ${sum}`);
      lines.push(`${this.#name}_count${formatLabels(labels)} ${counts.at(-1) ?? 0}`);
    }
    return lines.join('\n');
  }
}

/** A metric whose values are read when they are asked for. */
export function formatMetric(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  samples: readonly { readonly labels: string; readonly value: number }[],
): string {
  const lines = samples.map(({ labels, value }) => `${name}${labels} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].join('\n');
}

export function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
