// Many of image-kill.integration.test.ts.
import { testKilledImports } from './testing/killed-imports.ts';

testKilledImports(200);
