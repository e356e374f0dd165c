import { expect, test } from 'vitest';
import { parseDisabledChecks } from './find-checks.ts';

test.each<[string, string[]]>([
  ['', []],
  ['DISABLED_HEALTHCHECKS=()', []],
  ['DISABLED_HEALTHCHECKS=("01_dns.sh" \'b c.sh\' bare)', ['01_dns.sh', 'b c.sh', 'bare']],
  ['GREENBOOT_MAX_BOOT_ATTEMPTS=3\nDISABLED_HEALTHCHECKS=(\n  "a.sh" # "not.sh"\n  "b.sh"\n)\n', ['a.sh', 'b.sh']],
  ['# DISABLED_HEALTHCHECKS=("a.sh")', []],
])('%j disables %j', (text, names) => {
  expect([...parseDisabledChecks(text)]).toEqual(names);
});
