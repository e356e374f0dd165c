// yaml as the agent uses it: to print, which it seldom does. Its own index also loads the parser.

/** `stringify` of the index, for a value that is no document. */
function stringify(value) {
  const { Document } = require('../../node_modules/yaml/dist/doc/Document.js');
  return new Document(value).toString();
}

module.exports = { stringify };
