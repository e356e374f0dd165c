import { testKilledImports } from './testing/killed-imports.ts';

testKilledImports(6);
