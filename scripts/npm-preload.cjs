// Loaded into npm by prepare.sh. npm leaves out optional packages (native bindings among them) whose `engines` exclude the
// Node that runs it; but these will be run by the Node 26 that is installed with them, and so npm is to judge by that one.
const { optionalDependencies } = require('../package.json');

Object.defineProperty(process, 'version', { value: `v${optionalDependencies[`node-linux-${process.arch}`]}` });
