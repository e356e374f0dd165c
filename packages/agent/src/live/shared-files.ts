// Managed files in the trees that all deployments of a host share (/var, /usr/local, /opt). OSTree keeps no version of
// them per deployment, so this does: the contents that each deployment's record names, and what was there before Varve
// wrote to a path for the first time. Whatever boots next, its files can be put in place.
import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { AppliedConfig } from '../content/entry.ts';
import { isShared } from '../content/plan.ts';
import type { ResolvedEntry } from '../content/resolve.ts';
import { listIfThere, readState, writeDurable, writeState } from '../state/durable-file.ts';
import { copyOut } from '../tree/copy-out.ts';
import { extendedAttributesSchema } from '../tree/extended-attributes.ts';
import { syncFileSystems } from '../tree/sync.ts';
import type { Tree } from '../tree/tree.ts';
import { type Wanted, wantedEntry } from './change.ts';

const owner = { uid: z.int(), gid: z.int() };
const inode = { ...owner, mode: z.int(), extended: extendedAttributesSchema.optional() };
const originalSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('absent') }),
  z.object({ kind: z.literal('file'), copy: z.string(), ...inode }),
  z.object({ kind: z.literal('directory'), ...inode }),
  z.object({ kind: z.literal('link'), target: z.string(), ...owner }),
]);
type Original = z.infer<typeof originalSchema>;

const stateSchema = z.object({
  /** Whose files are in place: nothing is done twice, and what a user changes meanwhile is drift, not repaired by chance. */
  inPlace: z.string().optional(),
  originals: z.record(z.string(), originalSchema),
});

export class SharedFiles {
  readonly #state: string;
  readonly #originals: string;
  readonly #contents: string;

  /** `directory`: where to keep them; for root only. */
  constructor(directory: string) {
    this.#state = join(directory, 'shared.json');
    this.#originals = join(directory, 'originals');
    this.#contents = join(directory, 'contents');
  }

  /** Keeps the contents that a record names, for as long as the record is kept. */
  async keep(entries: readonly ResolvedEntry[]): Promise<void> {
    for (const { entry, content } of entries) {
      if (entry.kind !== 'file' || !isShared(entry.path)) continue;
      if ((await this.#readContent(entry.sha256)) === undefined) {
        await writeDurable(join(this.#contents, entry.sha256), content);
      }
    }
  }

  /** Whether the files of this record are in place already. */
  async areInPlace(record: AppliedConfig | undefined): Promise<boolean> {
    const { inPlace, originals } = await this.#read();
    const shared = new Set(record?.entries.map((entry) => entry.path).filter(isShared));
    // Others are left of a config that was taken back.
    if (!Object.keys(originals).every((path) => shared.has(path))) return false;
    return inPlace === nameOf(record) || shared.size === 0;
  }

  /**
   * What the shared paths are to be for a record: its own entries, and the originals of paths that it does not name.
   * Remembers the original of each path that is written for the first time.
   */
  async wantedFor(tree: Tree, record: AppliedConfig | undefined, signal: AbortSignal): Promise<Wanted[]> {
    const entries = (record?.entries ?? []).filter((entry) => isShared(entry.path));
    const state = await this.#read();
    const originals = new Map(Object.entries(state.originals));
    for (const { path } of entries) {
      if (!originals.has(path)) originals.set(path, await this.#take(tree, path));
    }
    if (originals.size > Object.keys(state.originals).length) {
      if (originals.size > 0) await syncFileSystems([this.#originals], signal);
      await writeState(this.#state, { ...state, originals: Object.fromEntries(originals) });
    }
    const named = new Set(entries.map((entry) => entry.path));
    const wanted: Wanted[] = [];
    for (const home of record?.homes ?? []) wanted.push({ kind: 'directory', ifMissing: true, ...home });
    for (const entry of entries) {
      const content = entry.kind === 'file' ? await this.#readContent(entry.sha256) : new Uint8Array();
      // Lost contents are drift, which says what to do; the host's other files need not wait for them.
      if (content) wanted.push(wantedEntry({ entry, content }));
    }
    for (const [path, original] of originals) {
      if (!named.has(path)) wanted.push(await this.#wantedOriginal(path, original));
    }
    return wanted;
  }

  /** After the files are in place: paths that the record does not name are their owners' again. */
  async settle(record: AppliedConfig | undefined): Promise<void> {
    const { originals } = await this.#read();
    const named = new Set(record?.entries.map((entry) => entry.path));
    const kept = Object.fromEntries(Object.entries(originals).filter(([path]) => named.has(path)));
    await writeState(this.#state, { inPlace: nameOf(record), originals: kept });
    for (const name of await listIfThere(this.#originals)) {
      const inUse = Object.values(kept).some((original) => original.kind === 'file' && original.copy === name);
      if (!inUse) await rm(join(this.#originals, name), { force: true });
    }
  }

  /** Forgets contents that no record names. */
  async keepOnly(records: readonly (AppliedConfig | undefined)[]): Promise<void> {
    const named = new Set<string>();
    for (const record of records) {
      for (const entry of record?.entries ?? []) if (entry.kind === 'file') named.add(entry.sha256);
    }
    for (const name of await listIfThere(this.#contents)) {
      if (!named.has(name)) await rm(join(this.#contents, name), { force: true });
    }
  }

  async #read(): Promise<z.infer<typeof stateSchema>> {
    return (await readState(this.#state, stateSchema)) ?? { originals: {} };
  }

  async #readContent(sha256: string): Promise<Uint8Array | undefined> {
    const content = await readFile(join(this.#contents, sha256)).catch(() => undefined);
    return content && createHash('sha256').update(content).digest('hex') === sha256 ? content : undefined;
  }

  async #take(tree: Tree, path: string): Promise<Original> {
    await mkdir(this.#originals, { recursive: true, mode: 0o700 });
    const stats = await tree.lstat(path);
    if (!stats) return { kind: 'absent' };
    if (stats.isDirectory()) {
      return { kind: 'directory', ...attributesOf(stats), extended: await tree.extended(path) };
    }
    if (stats.isSymbolicLink())
      return { kind: 'link', target: (await tree.readLink(path)) ?? '', ...attributesOf(stats) };
    if (!stats.isFile()) return { kind: 'absent' };
    const copy = createHash('sha256').update(path).digest('hex');
    const copied = await tree.inParent(path, (parent, name) =>
      copyOut(join(parent, name), join(this.#originals, copy)),
    );
    return copied ? { kind: 'file', copy, ...copied } : { kind: 'absent' };
  }

  async #wantedOriginal(path: string, original: Original): Promise<Wanted> {
    if (original.kind !== 'file') return { ...original, path };
    const { copy, ...attributes } = original;
    return { ...attributes, path, content: await readFile(join(this.#originals, copy)) };
  }
}

function nameOf(record: AppliedConfig | undefined): string {
  return record ? `${record.deployment} ${record.config ?? ''}` : '';
}

function attributesOf({ mode, uid, gid }: Stats) {
  return { mode: mode & 0o7777, uid, gid };
}
