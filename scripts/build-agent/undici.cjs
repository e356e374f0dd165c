// undici as the agent uses it: pools, agents and plain requests. Its own index also loads fetch, WebSockets, caches, mocks
// and proxies, 6 MB of memory.
const Agent = require('undici/lib/dispatcher/agent.js');
const Dispatcher = require('undici/lib/dispatcher/dispatcher.js');
const Pool = require('undici/lib/dispatcher/pool.js');

// As the index does it for all methods.
Dispatcher.prototype.request = require('undici/lib/api/api-request.js');

/** `request` of the index, with a dispatcher, which is given wherever the agent calls it. */
function request(target, { dispatcher, ...options }) {
  const url = new URL(target);
  return dispatcher.request({
    ...options,
    method: options.method ?? (options.body ? 'PUT' : 'GET'),
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
  });
}

module.exports = { Agent, Pool, request };
