// A small tar writer for tests: ustar with pax records for extended attributes.

export interface TarInput {
  path: string;
  type?: 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'fifo';
  content?: string | Uint8Array;
  mode?: number;
  uid?: number;
  gid?: number;
  linkTarget?: string;
  xattrs?: Record<string, Uint8Array | string>;
}

const typeFlags = { file: '0', hardlink: '1', symlink: '2', character: '3', directory: '5', fifo: '6' };

export function tar(entries: readonly TarInput[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocksOf), Buffer.alloc(1024)]);
}

function blocksOf(entry: TarInput): Buffer[] {
  const records: Buffer[] = [];
  if (Buffer.byteLength(entry.path) > 100) records.push(paxRecord('path', Buffer.from(entry.path)));
  if (Buffer.byteLength(entry.linkTarget ?? '') > 100)
    records.push(paxRecord('linkpath', Buffer.from(entry.linkTarget ?? '')));
  for (const [name, value] of Object.entries(entry.xattrs ?? {})) {
    records.push(paxRecord(`SCHILY.xattr.${name}`, Buffer.from(value)));
  }
  const content = Buffer.from(entry.content ?? '');
  const own = [header(entry, typeFlags[entry.type ?? 'file'], content.length), padded(content)];
  if (records.length === 0) return own;
  const pax = Buffer.concat(records);
  return [header({ path: 'pax' }, 'x', pax.length), padded(pax), ...own];
}

function header(entry: TarInput, typeFlag: string, size: number): Buffer {
  const block = Buffer.alloc(512);
  block.write(Buffer.from(entry.path).subarray(0, 100).toString('latin1'), 0, 'latin1');
  const mode = entry.mode ?? (entry.type === 'directory' ? 0o755 : 0o644);
  for (const [value, offset, digits] of [
    [mode, 100, 7],
    [entry.uid ?? 0, 108, 7],
    [entry.gid ?? 0, 116, 7],
    [size, 124, 11],
    [1_700_000_000, 136, 11],
  ] as const) {
    block.write(value.toString(8).padStart(digits, '0'), offset);
  }
  block.write(typeFlag, 156);
  block.write(entry.linkTarget ?? '', 157, 100);
  block.write('ustar\0' + '00', 257);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}
