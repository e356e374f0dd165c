// A database that rpm itself wrote.
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readRpmDatabase } from './rpm-database.ts';

let directory: string;

const specification = `Name: varve-test
Epoch: 3
Version: 1.2~rc1
Release: 4
Summary: test
License: Apache-2.0
BuildArch: noarch
%description
%install
mkdir -p %{buildroot}/usr/share/varve-test %{buildroot}/etc
echo hello > %{buildroot}/usr/share/varve-test/hello
echo a=b > %{buildroot}/etc/varve-test.conf
%files
/usr/share/varve-test
/etc/varve-test.conf
`;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-rpm-'));
  await writeFile(join(directory, 'test.spec'), specification);
  await spawn('rpmbuild', ['-bb', '--quiet', '--define', `_topdir ${directory}`, join(directory, 'test.spec')]);
  const built = join(directory, 'RPMS/noarch/varve-test-1.2~rc1-4.noarch.rpm');
  await mkdir(join(directory, 'root'));
  const rpm = ['--root', join(directory, 'root'), '--dbpath', '/var/lib/rpm', '--define', '_db_backend sqlite'];
  await spawn('rpm', [...rpm, '--install', '--nodeps', '--ignorearch', built]);
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe('readRpmDatabase', () => {
  test("reads what rpm's own database holds", async () => {
    expect(await readRpmDatabase(createReadStream(join(directory, 'root/var/lib/rpm/rpmdb.sqlite')))).toEqual([
      {
        name: 'varve-test',
        version: '3:1.2~rc1-4',
        architecture: 'noarch',
        files: ['etc/varve-test.conf', 'usr/share/varve-test', 'usr/share/varve-test/hello'],
      },
    ]);
  });

  test('refuses what is no database, and one whose table would run expressions', async () => {
    async function* text(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('no database');
    }
    await expect(readRpmDatabase(text())).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
    const statements = [
      'CREATE VIEW Packages AS SELECT zeroblob(100) AS blob',
      'CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob AS (zeroblob(100)))',
      'CREATE VIRTUAL TABLE Packages USING fts5(blob)',
    ];
    for (const [index, statement] of statements.entries()) {
      const path = join(directory, `hostile-${index}.sqlite`);
      const database = new DatabaseSync(path);
      database.exec(statement);
      database.close();
      await expect(readRpmDatabase(createReadStream(path)), statement).rejects.toMatchObject({
        code: 'IMAGE_UNREADABLE',
      });
    }
  });
});
