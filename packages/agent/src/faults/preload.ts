// `node --import preload.ts …`: lets one call of the process go wrong, as its environment says.
import fs from 'node:fs';
import { countVariable, faultVariable, parseFault, releasePath, traceVariable } from './fault.ts';
import { Injector } from './injector.ts';
import { wrapAll } from './wrap.ts';

const { [faultVariable]: fault = '', [countVariable]: count = '0', [traceVariable]: trace } = process.env;
const file = trace ? fs.openSync(trace, 'a') : undefined;
// The real one: it is replaced below.
const write = fs.writeSync;
const onCall = (line: string) => {
  if (file !== undefined) write(file, `${line}\n`);
};
const isReleased = () => trace !== undefined && fs.existsSync(releasePath(trace));
await wrapAll(new Injector({ fault: parseFault(fault), count: Number(count), onCall, isReleased }));
