import { expect, test } from 'vitest';
import { parseLastChange } from './who-changed.ts';

// Lines of ausearch 3.0.9.
const call = (event: number, fields: string) =>
  `----\ntype=PATH msg=audit(11/26/25 15:00:01.123:${event}) : item=1 name=/etc/motd nametype=NORMAL \ntype=SYSCALL msg=audit(11/26/25 15:00:01.123:${event}) : arch=x86_64 ${fields} \n`;
const write =
  'syscall=openat success=yes a2=O_WRONLY|O_CREAT|O_TRUNC pid=42 auid=alice uid=root comm=vi exe=/usr/bin/vim key=etc';
const rename =
  'syscall=rename success=yes a2=0x2 pid=43 auid=unset uid=daemon comm=some tool exe=/opt/some tool key=(null)';
const read = 'syscall=openat success=yes a2=O_RDONLY pid=44 auid=bob uid=bob comm=cat exe=/usr/bin/cat key=etc';

test.each([
  ['an editor', call(456, write), 'alice with /usr/bin/vim (audit event 456)'],
  ['a service, after that', call(456, write) + call(457, rename), 'daemon with /opt/some tool (audit event 457)'],
  ['whoever only reads is not told', call(456, write) + call(458, read), 'alice with /usr/bin/vim (audit event 456)'],
  ['nobody', '<no matches>\n', undefined],
])('%s', (_name, text, who) => {
  expect(parseLastChange(text)).toBe(who);
});
