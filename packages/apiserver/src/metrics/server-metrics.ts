// What the server counts, under the names that dashboards for kube-apiserver know where the meaning is the same.
import type { Lanes } from '../http/lanes.ts';
import type { RequestInfo } from '../http/request-info.ts';
import type { Resources } from '../resources.ts';
import type { Store } from '../store/store.ts';
import { Counter, formatLabels, formatMetric, Histogram, type Labels } from './instruments.ts';

/** Seconds; a write is a wait for the disk, a read is not. */
const durationBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

interface Sources {
  readonly store: Store;
  readonly resources: Resources;
  readonly lanes: Lanes;
  readonly watches: ReadonlySet<unknown>;
}

export class ServerMetrics {
  readonly #requests = new Counter('apiserver_request_total', 'Requests by verb, resource and code.');
  readonly #durations = new Histogram(
    'apiserver_request_duration_seconds',
    'Time from the arrival of a request to the end of its answer, without watches.',
    durationBounds,
  );
  readonly #sources: Sources;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** Call once at the end of each request. */
  count(info: RequestInfo | undefined, code: number, seconds: number): void {
    const labels = this.#labelsOf(info);
    this.#requests.add({ ...labels, code: String(code) });
    if (labels.verb !== 'WATCH') this.#durations.observe(labels, seconds);
  }

  /** What a client asks for that is not served has no labels of its own. */
  #labelsOf(info: RequestInfo | undefined): Labels & { readonly verb: string } {
    const known =
      info?.kind === 'resource' ? this.#sources.resources.find(info.group, info.version, info.resource) : undefined;
    if (info?.kind !== 'resource' || known === undefined) return { verb: '', resource: '', subresource: '' };
    const subresource = ['status', 'approval', 'finalize'].includes(info.subresource) ? info.subresource : '';
    return { verb: info.verb.toUpperCase(), resource: known.id, subresource };
  }

  format(): string {
    const { store, resources, lanes, watches } = this.#sources;
    const { user, system } = process.cpuUsage();
    const objects = resources.all.map(({ id }) => one({ resource: id }, store.count({ resource: id })));
    const running = lanes.all.map(({ name, lane }) => one({ lane: name }, lane.running));
    const waiting = lanes.all.map(({ name, lane }) => one({ lane: name }, lane.waiting));
    const refused = lanes.all.map(({ name, lane }) => one({ lane: name }, lane.refused));
    const start = Math.round(performance.timeOrigin / 1000);
    return `${[
      this.#requests.format(),
      this.#durations.format(),
      formatMetric('apiserver_current_inflight_requests', 'gauge', 'Requests that are worked on.', running),
      formatMetric('apiserver_current_inqueue_requests', 'gauge', 'Requests that wait for their turn.', waiting),
      formatMetric('apiserver_rejected_requests_total', 'counter', 'Requests that got 429.', refused),
      formatMetric('apiserver_longrunning_requests', 'gauge', 'Open watches.', [one({}, watches.size)]),
      formatMetric('apiserver_storage_objects', 'gauge', 'Stored objects.', objects),
      formatMetric('varve_store_revision', 'counter', 'Revision of the last write.', [one({}, store.revision)]),
      formatMetric('varve_store_commits_total', 'counter', 'Waits for the disk.', [one({}, store.commits)]),
      formatMetric('varve_store_damaged', 'gauge', 'Whether the store was found damaged.', [
        one({}, Number(store.damage !== undefined)),
      ]),
      formatMetric('process_resident_memory_bytes', 'gauge', 'Resident memory.', [one({}, process.memoryUsage.rss())]),
      formatMetric('process_cpu_seconds_total', 'counter', 'CPU time.', [one({}, (user + system) / 1e6)]),
      formatMetric('process_start_time_seconds', 'gauge', 'Start of the process.', [one({}, start)]),
    ].join('\n')}\n`;
  }
}

function one(labels: Labels, value: number) {
  return { labels: formatLabels(labels), value };
}
