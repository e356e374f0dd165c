import { expect, test } from 'vitest';
import { limitOptions, readLimitOptions } from './resource-limits.ts';

test("keeps the process's own limits, the unlimited ones too", () => {
  const limits = `Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max processes             unlimited            unlimited            processes 
Max open files            1024                 20000                files     
`;
  expect(limitOptions(limits)).toEqual(['--ulimit=nofile=1024:20000', '--ulimit=nproc=-1:-1']);
});

test("reads this machine's", async () => {
  expect(await readLimitOptions()).toEqual([
    expect.stringMatching(/^--ulimit=nofile=\d+:\d+$/),
    expect.stringMatching(/^--ulimit=nproc=-?\d+:-?\d+$/),
  ]);
});
