// The table of contents comes from a stranger, and a host builds files by it without ever seeing the archive: whatever does
// not fit together is refused.
import { posix } from 'node:path';
import * as z from 'zod';
import { type Digest, digestOf, isDigest } from '../digest.ts';
import { describeIssue } from '../manifest.ts';
import type { TarEntryMetadata, TarEntryType } from '../tar/entry.ts';
import { type ContentEntry, checkLayout, contentChunks } from './content-chunks.ts';
import { rangesUnsupported, tocInvalid } from './refusal.ts';
import type { Toc, TocEntry } from './toc.ts';
import { ambiguousKey, isOrdinaryEntry, type RawTocEntry, tocEntrySchema } from './toc-entry-schema.ts';

const maximumEntries = 1_000_000;
const emptyDigest = digestOf(new Uint8Array());
const version = 1;
/** One for all entries without: most have none, and an empty map takes as much memory as all else of an entry. */
const noXattrs: TarEntryMetadata['xattrs'] = new Map();
/** A name that `normalize` would leave as it is: no empty parts and none that begin with a dot. */
const isClean = /^(?:[^/.][^/]*\/)*[^/.][^/]*$/;

export interface TocContext {
  /** For messages. */
  layer: Digest;
  /** Where in the blob the contents end: at the table itself. */
  end: number;
}

const tocSchema = z.object({
  version: z.int(),
  // Each entry is parsed when its turn comes; an array's schema would go through all of them before.
  entries: z.custom<readonly unknown[] | null>(isListOfEntries, `is not a list of at most ${maximumEntries} entries`),
  tarSplitDigest: z.string().refine(isDigest, 'is not a sha256 digest').nullish(),
});

/** A file's own entry, followed by entries for its further chunks; any other entry alone. */
interface Group {
  head: RawTocEntry;
  rest: RawTocEntry[];
}

const entryTypes: Record<Exclude<RawTocEntry['type'], 'chunk'>, TarEntryType> = {
  dir: 'directory',
  reg: 'file',
  symlink: 'symlink',
  hardlink: 'hardlink',
  char: 'character',
  block: 'block',
  fifo: 'fifo',
};

/**
 * Parses a table of contents, in the words of a tar reader.
 * @throws OciError TOC_INVALID; RANGES_UNSUPPORTED for what only the whole layer tells
 */
export function parseToc(bytes: Uint8Array, context: TocContext): Toc {
  const { version: found, entries, tarSplitDigest } = parseDocument(bytes, context);
  if (found !== version) {
    throw rangesUnsupported(`the table of contents of layer ${context.layer} has the unknown version ${found}`);
  }
  const names = new Set<string>();
  const parsed: TocEntry[] = [];
  const contents: ContentEntry[] = [];
  for (const { head, rest } of groups(entries ?? [], context)) {
    checkName(head.name, names, context);
    const metadata = toMetadata(head, context);
    const content = contentChunks(head, rest, metadata.size, (why) => lie(context, head.name, why));
    const entry: TocEntry = { ...metadata, ...contentDigest(head, metadata, context), chunks: content.chunks };
    parsed.push(entry);
    const [first] = content.chunks;
    if (first !== undefined) contents.push({ entry, start: first.offset, end: content.end });
  }
  checkLayout(contents, context.end, (name, why) => lie(context, name, why));
  return { entries: parsed, ...(tarSplitDigest && { tarSplitDigest }) };
}

function isListOfEntries(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length <= maximumEntries);
}

function parseDocument(bytes: Uint8Array, context: TocContext): z.infer<typeof tocSchema> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw tocInvalid(`the table of contents of layer ${context.layer} is not JSON in UTF-8`, cause);
  }
  const result = tocSchema.safeParse(value);
  if (result.success) return result.data;
  throw tocInvalid(`the table of contents of layer ${context.layer} is not valid: ${describeIssue(result.error)}`);
}

function* groups(entries: readonly unknown[], context: TocContext): Generator<Group> {
  let group: Group | undefined;
  for (const value of entries) {
    const entry = parseEntry(value, context);
    if (entry.type !== 'chunk') {
      if (group !== undefined) yield group;
      group = { head: entry, rest: [] };
    } else if (group?.head.type === 'reg' && group.head.name === entry.name) {
      group.rest.push(entry);
    } else {
      throw lie(context, entry.name, 'has a chunk that does not follow its file');
    }
  }
  if (group !== undefined) yield group;
}

function parseEntry(value: unknown, context: TocContext): RawTocEntry {
  if (isOrdinaryEntry(value)) return value;
  const result = tocEntrySchema.safeParse(value);
  if (!result.success) {
    throw tocInvalid(
      `the table of contents of layer ${context.layer} has an entry that is not valid: ${describeIssue(result.error)}`,
    );
  }
  const ambiguous = ambiguousKey(Object(value));
  if (ambiguous !== undefined)
    throw lie(context, result.data.name, `has the ambiguous key ${JSON.stringify(ambiguous)}`);
  return result.data;
}

function checkName(name: string, names: Set<string>, context: TocContext): void {
  // Writers put U+FFFD where a name is not UTF-8: only the archive has the name.
  if (name.includes('\ufffd')) {
    throw rangesUnsupported(`the table of contents of layer ${context.layer} has a name that may not be UTF-8`);
  }
  const trimmed = name.endsWith('/') ? name.slice(0, -1) : name;
  const cleaned = isClean.test(trimmed) ? trimmed : posix.normalize(`/${name}`).replace(/^\/|\/$/g, '');
  if (names.has(cleaned)) throw lie(context, name, 'is there twice');
  names.add(cleaned);
}

function toMetadata(head: RawTocEntry, context: TocContext): TarEntryMetadata {
  if (head.type === 'chunk') throw lie(context, head.name, 'has a chunk that does not follow its file');
  const type = entryTypes[head.type];
  const isLink = type === 'symlink' || type === 'hardlink';
  if (isLink && !head.linkName) throw lie(context, head.name, 'is a link without a target');
  if (isLink && (head.size ?? 0) > 0) throw lie(context, head.name, 'is a link with a content of its own');
  if (isLink && head.linkName?.includes('\ufffd')) {
    throw rangesUnsupported(`the table of contents of layer ${context.layer} has a name that may not be UTF-8`);
  }
  return {
    path: head.name,
    type,
    mode: (head.mode ?? 0) & 0o7777,
    uid: head.uid ?? 0,
    gid: head.gid ?? 0,
    size: type === 'file' ? (head.size ?? 0) : 0,
    mtime: head.modtime ? parseTime(head.modtime) : 0,
    ...(isLink && head.linkName && { linkTarget: head.linkName }),
    xattrs: head.xattrs ? toXattrs(head.xattrs) : noXattrs,
  };
}

function toXattrs(xattrs: Record<string, string>): Map<string, Uint8Array> {
  return new Map(
    Object.entries(xattrs).map(([name, value]): [string, Uint8Array] => [name, Uint8Array.fromBase64(value)]),
  );
}

function contentDigest(head: RawTocEntry, metadata: TarEntryMetadata, context: TocContext): { digest?: Digest } {
  if (metadata.type !== 'file') {
    if (head.digest) throw lie(context, head.name, 'has a digest and is no file');
    return {};
  }
  if (head.digest && isDigest(head.digest) && (metadata.size > 0 || head.digest === emptyDigest)) {
    return { digest: head.digest };
  }
  if (!head.digest && metadata.size === 0) return { digest: emptyDigest };
  throw lie(context, head.name, head.digest ? 'is empty and has the digest of something' : 'has no digest');
}

/** Seconds since 1970. Go's zero time, which old writers put where the archive has none, is 0. */
export function parseTime(text: string): number {
  const fraction = (/\.(\d+)/.exec(text)?.[1] ?? '').padEnd(9, '0');
  const seconds = Date.parse(text.replace(/\.\d+/, '')) / 1000;
  if (seconds === -62_135_596_800) return 0;
  if (seconds >= 0 || Number(fraction) === 0) return Number(`${seconds}.${fraction}`);
  // Before 1970 the fraction counts forwards. Read as text, the number is the one that a tar reader gets.
  return Number(`-${-seconds - 1}.${String(1_000_000_000 - Number(fraction)).padStart(9, '0')}`);
}

function lie(context: TocContext, name: string, why: string): Error {
  return tocInvalid(`the table of contents of layer ${context.layer}: ${JSON.stringify(name.slice(0, 200))} ${why}`);
}
