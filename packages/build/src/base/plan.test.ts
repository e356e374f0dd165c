import { expect, test } from 'vitest';
import { parseAptConfig } from './apt-settings.ts';
import { parseSimulation } from './cache-key.ts';
import type { Machine } from './machine.ts';
import { mmdebstrapArguments, planBase } from './plan.ts';
import { parseSourcesList } from './sources.ts';

const machine: Machine = {
  distribution: 'debian',
  suite: 'bookworm',
  architecture: 'amd64',
  sources: parseSourcesList('deb [signed-by=/etc/apt/keyrings/own.asc] http://mirror.example/debian bookworm main\n'),
  settings: parseAptConfig(
    'Acquire "";\nAcquire::http::Proxy "http://user:secret@proxy.example:3128";\nAcquire::Check-Date "false";\nAPT::Get::Assume-Yes "true";\n',
  ),
};

test('the plan takes mirror and keyring from the machine, and no proxy into the image', () => {
  const plan = planBase(machine, 'bookworm');
  expect(plan.sources).toContain('URIs: http://mirror.example/debian');
  expect(plan.keyrings).toEqual(['/etc/apt/keyrings/own.asc']);
  expect(plan.imageAptConfiguration).toBe('Acquire::Check-Date "false";\n');
  expect(plan.packages).toContain('linux-image-cloud-amd64');
});

test('mmdebstrap reaches the mirror as the machine does', () => {
  const args = mmdebstrapArguments(planBase(machine, 'bookworm'), machine.settings, '/target', '/sources');
  expect(args).toContain('--aptopt=Acquire::http::Proxy "http://user:secret@proxy.example:3128";');
  expect(args.some((arg) => arg.includes('Assume-Yes'))).toBe(false);
  expect(args.slice(-3)).toEqual(['bookworm', '/target', '/sources']);
});

test('a machine without a source of the suite is told so', () => {
  expect(() => planBase({ ...machine, sources: [] }, 'bookworm')).toThrow(
    expect.objectContaining({ code: 'APT_SOURCES_UNUSABLE' }),
  );
});

test('an architecture without a base image is named', () => {
  expect(() => planBase({ ...machine, architecture: 'm68k' }, 'bookworm')).toThrow(/m68k/);
});

test('parseSimulation reads versions, upgraded or new, in a stable order', () => {
  const output = `Inst zlib1g (1:1.2.13 Debian:12.15/oldstable [amd64])
Inst bash [5.1] (5.2.15-2 Debian:12.15/oldstable [amd64])
Conf bash (5.2.15-2 Debian:12.15/oldstable [amd64])
`;
  expect(parseSimulation(output)).toEqual(['bash 5.2.15-2', 'zlib1g 1:1.2.13']);
});
