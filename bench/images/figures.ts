// From what was measured to the rows of the table: medians, and beside each the limit of the machine.
import type { Row } from '../row.ts';
import { type Content, totalSize } from './content.ts';
import type { Hardware } from './hardware.ts';
import type { MeasuredImport } from './importer.ts';

export interface Update {
  readonly seconds: number;
  /** On the wire. */
  readonly bytes: number;
}

export interface Figures {
  readonly first: MeasuredImport[];
  /** Seconds. */
  readonly merge: number[];
  readonly onePackage: Update[];
  readonly baseRebuild: Update[];
}

export interface Measured {
  readonly ours: Figures;
  readonly peer: Figures;
}

export interface UpdateFacts {
  /** Contents that changed, compressed, and the tables of contents: the least on the wire. */
  readonly wire: number;
  /** Contents that changed: the least that is hashed and written. */
  readonly content: number;
}

/** What is true of the images, whoever imports them. */
export interface Facts {
  readonly image: Content;
  readonly onePackage: UpdateFacts;
  readonly baseRebuild: UpdateFacts;
}

const peerName = 'skopeo, ostree commit, checkout, commit';
const layerWise = 'skopeo, whole layers';

export function noFigures(): Figures {
  return { first: [], merge: [], onePackage: [], baseRebuild: [] };
}

export function rowsOf({ ours, peer }: Measured, { image, onePackage, baseRebuild }: Facts, hardware: Hardware): Row[] {
  const time = (name: string, seconds: (figures: Figures) => number[], limit: Limit): Row => {
    const value = median(seconds(ours));
    return {
      name,
      unit: 's',
      ours: value,
      peer: { name: peerName, value: median(seconds(peer)) },
      limit: describe(limit, value, 's'),
    };
  };
  const bytes = (name: string, updates: (figures: Figures) => Update[], { wire }: UpdateFacts): Row => {
    const [value, other] = [ours, peer].map((figures) => median(updates(figures).map((update) => update.bytes)) / 1e6);
    const limit = { value: wire / 1e6, why: 'changed files, compressed, and the table of contents' };
    return {
      name,
      unit: 'MB',
      ours: value ?? 0,
      peer: { name: layerWise, value: other ?? 0 },
      limit: describe(limit, value ?? 0, 'MB'),
    };
  };
  const memory = ({ first }: Figures): number => Math.max(...first.map(({ peakMemory }) => peakMemory)) / 1e6;
  return [
    time('import-first', ({ first }) => first.map(({ seconds }) => seconds), importLimit(image, hardware)),
    time('merge', ({ merge }) => merge, mergeLimit(image, hardware)),
    bytes('update-bytes-one-package', (figures) => figures.onePackage, onePackage),
    bytes('update-bytes-base-rebuild', (figures) => figures.baseRebuild, baseRebuild),
    time(
      'update-time',
      (figures) => figures.onePackage.map(({ seconds }) => seconds),
      updateLimit(onePackage, hardware),
    ),
    time(
      'update-time-base-rebuild',
      (figures) => figures.baseRebuild.map(({ seconds }) => seconds),
      updateLimit(baseRebuild, hardware),
    ),
    {
      name: 'import-peak-memory',
      unit: 'MB',
      ours: memory(ours),
      peer: { name: 'the largest of its processes', value: memory(peer) },
      limit: 'a Node process that does nothing: about 45 MB',
    },
  ];
}

interface Limit {
  readonly value: number;
  readonly why: string;
}

/** Layer digest, diff-id and object checksums on one core, or writing: whichever takes longer. */
function importLimit(image: Content, hardware: Hardware): Limit {
  const content = totalSize(image);
  return slower((image.compressed + 2 * content) / hardware.hash, content / hardware.write, hardware);
}

function updateLimit({ wire, content }: UpdateFacts, hardware: Hardware): Limit {
  return slower((wire + 2 * content) / hardware.hash, content / hardware.write, hardware);
}

/** A checksum of 32 bytes and a short name for each entry, hashed once, and made to last. */
function mergeLimit({ files }: Content, { hash, sync }: Hardware): Limit {
  return { value: (files * 64) / hash + sync, why: 'hashing the directories, and one sync' };
}

/** Hashing and writing go on at once; the result has to last. */
function slower(hashing: number, writing: number, { hash, write, sync }: Hardware): Limit {
  const verb = hashing > writing ? 'hashing' : 'writing';
  const speed = hashing > writing ? hash : write;
  return { value: Math.max(hashing, writing) + sync, why: `${verb} at ${Math.round(speed / 1e6)} MB/s, and one sync` };
}

function describe({ value, why }: Limit, ours: number, unit: string): string {
  const factor = ours / value;
  return `${value.toPrecision(3)} ${unit}, ${why}: ${factor < 10 ? factor.toFixed(2) : Math.round(factor)} times that`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [upper = Number.NaN, lower = upper] = [sorted[middle], sorted[sorted.length % 2 === 0 ? middle - 1 : middle]];
  return (upper + lower) / 2;
}
