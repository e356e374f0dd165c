// What the agent measures of itself, as Prometheus reads it (text format 0.0.4,
// https://prometheus.io/docs/instrumenting/exposition_formats/). A dozen values need no library.
import { X509Certificate } from 'node:crypto';
import { updateSteps } from '@varve/api';
import { isUpdated, shownDrift } from '../report/status.ts';
import type { View } from '../report/view.ts';

export interface Measured {
  readonly view: View;
  /** Code of an error to how often an attempt ended in it. */
  readonly failures: ReadonlyMap<string, number>;
  /** PEM. */
  readonly certificate: string | undefined;
}

export interface ProcessUsage {
  readonly version: string;
  /** Bytes. */
  readonly residentMemory: number;
  /** Seconds. */
  readonly cpu: number;
  /** Seconds since 1970. */
  readonly start: number;
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [value: number, labels?: Labels];

export function formatMetrics({ view, failures, certificate }: Measured, usage: ProcessUsage): string {
  const { progress } = view;
  return [
    metric('varve_agent_info', 'gauge', 'Version of the agent.', [[1, { version: usage.version }]]),
    metric(
      'varve_agent_step',
      'gauge',
      'Step of the update: 1 for the one that runs.',
      updateSteps.map((step): Sample => [Number(step === view.step), { step }]),
    ),
    metric('varve_agent_updated', 'gauge', 'Whether the host runs what is desired.', [[Number(isUpdated(view))]]),
    metric('varve_agent_drifted_paths', 'gauge', 'Differences from the config.', [[shownDrift(view).length]]),
    metric('varve_agent_stage_done_bytes', 'gauge', 'Bytes fetched by the step that runs.', [
      [progress?.bytesDone ?? 0],
    ]),
    metric('varve_agent_stage_bytes', 'gauge', 'Bytes to fetch.', [[progress?.bytesTotal ?? 0]]),
    metric(
      'varve_agent_failures_total',
      'counter',
      'Failures by their code; one that is tried again counts once.',
      Array.from(failures, ([code, count]): Sample => [count, { code }]),
    ),
    metric(
      'varve_agent_certificate_expiry_timestamp_seconds',
      'gauge',
      "End of the certificate's life.",
      certificate === undefined ? [] : [[new X509Certificate(certificate).validToDate.getTime() / 1000]],
    ),
    metric('process_resident_memory_bytes', 'gauge', 'Resident memory.', [[usage.residentMemory]]),
    metric('process_cpu_seconds_total', 'counter', 'CPU time, user and system.', [[usage.cpu]]),
    metric('process_start_time_seconds', 'gauge', 'Start of the process.', [[usage.start]]),
  ].join('');
}

function metric(name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]): string {
  let text = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  for (const [value, labels] of samples) text += `${name}${formatLabels(labels ?? {})} ${value}\n`;
  return text;
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
