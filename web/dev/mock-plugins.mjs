// What the made-up host tells of its plugins: rights, figures that move, a log, how each came to be, a README that means no good.
import { createHash } from 'node:crypto';

const want = (capability, reason, granted = true, optional = false) => ({ capability, reason, granted, optional });
const HOSTILE = '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>\u001b[31m';

export const plugins = [
  { id: 'templates', name: 'Templates', provides: ['command-template'], wants: [want('read-file:~/.config/corral/templates', 'to read the template files that you keep there')], state: 'active', reason: '' },
  { id: 'redact', name: 'Redact', provides: ['log-filter'], wants: [], state: 'active', reason: '' },
  { id: 'ssh-config', name: 'OpenSSH config', provides: ['discovery'], wants: [want('read-file:~/.ssh', 'to read ssh_config and its includes')], state: 'active', reason: '' },
  { id: 'http-inventory', name: 'HTTP inventory', provides: ['discovery'], wants: [want('http', 'to ask the inventory for its machines', false), want('secrets', 'to log in there', false, true), want('kv', 'to remember what it was told last')], state: 'blocked', reason: 'wants `http`, which is not granted: corral plugin grant http-inventory http:HOST' },
  { id: 'netbox', name: 'NetBox', provides: ['discovery'], wants: [want('http', 'to list devices')], grants: [{ grant: 'http:netbox.internal', configured: true }, { grant: 'vms:env=dev', configured: false }], state: 'broken', reason: 'needs API 0.3, this host has 0.1 to 0.2' },
  { id: 'odd', name: `Odd ${HOSTILE}`, provides: ['log-filter'], wants: [want('vms', HOSTILE)], state: 'quarantined', reason: `trapped 5 times in 60 s: unreachable in \`process\` ${HOSTILE}` },
  { id: 'collapse', name: 'Collapse', provides: ['log-filter'], wants: [], state: 'disabled', reason: '' }
].map((plugin, i) => ({ version: `0.${i + 1}.0`, api: '0.1', generation: i === 1 ? 3 : 1, digest: createHash('sha256').update(plugin.id).digest('hex'), origin: ['netbox', 'odd'].includes(plugin.id) ? `/etc/corral/plugins/${plugin.id}` : 'bundled', grants: [], ...plugin }));

const README = (name) => `# ${name}

A log filter that takes secrets out of a job’s output **before** it is stored or shown. What a rule matches is replaced by \`[redacted:RULE]\`.

| rule | takes out |
| --- | --- |
| \`private-key\` | private keys, line by line to their end |
| \`jwt\`, \`aws-key\` | tokens that are known by their shape |

- [its documentation](https://example.com/redact) and [a trap](javascript:alert(1))
- raw markup stays text: ${HOSTILE}

\`\`\`json
{ "disabled": ["cookie"] }
\`\`\`
`;

export function pluginRoutes({ Problem, emit, iso, start }) {
  const pluginOf = (id) => {
    const plugin = plugins.find((each) => each.id === decodeURIComponent(id));
    if (!plugin) throw new Problem(404, 'Not found', `There is no plugin ${id}.`);
    return plugin;
  };
  const changed = (plugin, changes) => {
    Object.assign(plugin, changes);
    emit({ type: plugin.state === 'active' ? 'plugin-loaded' : 'plugin-failed', plugin });
    return plugin;
  };
  const rights = (plugin) => plugin.wants.map((each) => ({ ...each, granted: plugin.origin === 'bundled' && !['http', 'secrets'].includes(each.capability) ? true : plugin.grants.some(({ grant }) => grant.split(':')[0] === each.capability.split(':')[0]) }));
  const settled = (plugin) => {
    const wants = rights(plugin);
    const missing = wants.find((each) => !each.granted && !each.optional);
    return changed(plugin, missing ? { wants, state: 'blocked', reason: `wants \`${missing.capability}\`, which is not granted` } : { wants, state: 'active', reason: '' });
  };
  const stats = (plugin) => {
    const age = Math.floor((Date.now() - start) / 1000);
    const calls = plugin.state === 'active' ? 4000 + age * 37 : plugin.id === 'odd' ? 91 : 0;
    const filters = plugin.provides.includes('log-filter');
    return {
      calls, failed: plugin.id === 'odd' ? 5 : 0, p50_micros: calls ? 312 : null, p99_micros: calls ? 2140 : null, cpu_micros: calls * 290, peak_memory_bytes: calls ? 9_830_400 : 0, traps: plugin.id === 'odd' ? 5 : 0,
      limit_hits: plugin.id === 'odd' ? { time: 3, memory: 1 } : {}, lines: { seen: filters ? calls * 412 : 0, changed: filters ? calls * 3 : 0, annotated: filters ? calls * 2 : 0, dropped: 0, added: 0 }
    };
  };
  const log = (plugin) => Array.from({ length: 40 }, (_, i) => ({ at: iso(start - (40 - i) * 61_000), level: ['info', 'debug', 'info', 'warn', 'info', 'error'][plugin.id === 'odd' ? i % 6 : i % 4 === 3 ? 1 : i % 3], text: i === 12 ? HOSTILE.replaceAll('\u001b', '␛') : `${['loaded', 'rules compiled', 'batch of 512 lines', 'took longer than usual'][i % 4]} (${i})` }));
  const history = (plugin) => [
    { at: iso(start - 5_400_000), state: 'discovered', version: '', generation: 0, reason: '' },
    { at: iso(start - 5_399_000), state: 'compiling', version: '0.1.0', generation: 0, reason: '' },
    { at: iso(start - 5_398_000), state: 'active', version: '0.1.0', generation: 1, reason: '' },
    ...(plugin.generation > 1 ? [{ at: iso(start - 600_000), state: 'superseded', version: '0.1.0', generation: 1, reason: 'version 0.2.0 took its place' }] : []),
    { at: iso(start - 599_000), state: plugin.state, version: plugin.version, generation: plugin.generation, reason: plugin.reason }
  ];
  return [
    ['GET', /^\/api\/plugins\/([^/]+)\/stats$/, ([id]) => stats(pluginOf(id))],
    ['GET', /^\/api\/plugins\/([^/]+)\/logs$/, ([id]) => ({ items: log(pluginOf(id)) })],
    ['GET', /^\/api\/plugins\/([^/]+)\/history$/, ([id]) => ({ items: history(pluginOf(id)) })],
    ['GET', /^\/api\/plugins\/([^/]+)\/readme$/, ([id]) => ({ text: id === 'collapse' ? null : README(pluginOf(id).name) })],
    ['POST', /^\/api\/plugins\/([^/]+)\/reload$/, ([id]) => changed(pluginOf(id), { generation: pluginOf(id).generation + 1 })],
    ['POST', /^\/api\/plugins\/([^/]+)\/enable$/, ([id]) => settled(pluginOf(id))],
    ['POST', /^\/api\/plugins\/([^/]+)\/disable$/, ([id]) => changed(pluginOf(id), { state: 'disabled', reason: '' })],
    ['POST', /^\/api\/plugins\/([^/]+)\/grants$/, ([id], body) => { const plugin = pluginOf(id); plugin.grants.push(...body.grants.map((grant) => ({ grant, configured: false }))); return settled(plugin); }],
    ['DELETE', /^\/api\/plugins\/([^/]+)\/grants$/, ([id], _, query) => { const plugin = pluginOf(id); plugin.grants = plugin.grants.filter(({ grant }) => grant !== query.get('grant')); return settled(plugin); }]
  ];
}
