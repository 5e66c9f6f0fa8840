/** The only wiring: how every service and store is made, and of what. */
import { ApiClient, SUBPROTOCOL, WebSocketClient, type SocketLike } from '../clients';
import { EventDispatcher, openStateStream } from '../events';
import {
  Account,
  ACCOUNT,
  API_CLIENT,
  CLOCK,
  CONNECTION,
  ConnectionState,
  createUiState,
  DISPATCHER,
  Preferences,
  PREFERENCES,
  SOCKET,
  TickingClock,
  Toasts,
  TOASTS,
  UI_STATE
} from '../state';
import { COMMAND_SERVICE, COMMAND_STORE, CommandService, createCommandStore } from '$lib/modules/command';
import { createExecutionStore, EXECUTION_STORE } from '$lib/modules/execution';
import {
  createJobActivity,
  createJobHistory,
  createJobRuns,
  createJobStore,
  createOutputGroups,
  JOB_ACTIVITY,
  JOB_HISTORY,
  JOB_SERVICE,
  JOB_STORE,
  JobService,
  OPEN_GROUPS,
  OPEN_RUNS
} from '$lib/modules/job';
import { createLogStore, LOG_STORE, LogService, SearchService } from '$lib/modules/log';
import { createOverviewLayout, OVERVIEW_LAYOUT } from '$lib/modules/overview';
import { createPluginDetails, createPluginStore, OPEN_PLUGIN, PLUGIN_SERVICE, PLUGIN_STORE, PluginService } from '$lib/modules/plugin';
import { createLogSearch, LOG_SEARCH } from '$lib/modules/search';
import { createSecretStore, SECRET_STORE, SecretService } from '$lib/modules/secret';
import { createVmStore, VM_SERVICE, VM_STORE, VmService } from '$lib/modules/vm';
import { Container } from './container';

/** How long events wait while there are no pictures, in milliseconds. */
const UNSEEN_MS = 250;

export function createContainer(): Container {
  const container = new Container();
  registerCore(container);
  registerModules(container);
  return container;
}

/** Makes the stores, so that they hear the first snapshot, then connects. Returns what ends it all. */
export function startContainer(container: Container): () => void {
  for (const store of [VM_STORE, COMMAND_STORE, JOB_STORE, PLUGIN_STORE]) container.get<unknown>(store);
  const socket = container.get(SOCKET);
  const connection = container.get(CONNECTION);
  const dispatcher = container.get(DISPATCHER);
  dispatcher.onSnapshot(() => (connection.synced = true));
  openStateStream(socket, dispatcher, withNextPicture);
  socket.start();
  void container.get(ACCOUNT).load();

  const wake = () => document.visibilityState === 'visible' && socket.wake();
  const themeChanged = () => container.get(UI_STATE).systemThemeChanged();
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  document.addEventListener('visibilitychange', wake);
  window.addEventListener('online', wake);
  scheme.addEventListener('change', themeChanged);
  return () => {
    document.removeEventListener('visibilitychange', wake);
    window.removeEventListener('online', wake);
    scheme.removeEventListener('change', themeChanged);
    socket.stop();
  };
}

function registerCore(container: Container): void {
  container
    .register(UI_STATE, () =>
      createUiState({
        storage: storage(),
        applyTheme: (dark) => document.documentElement.classList.toggle('dark', dark),
        systemDark: () => matchMedia('(prefers-color-scheme: dark)').matches
      })
    )
    .register(CLOCK, () => new TickingClock(Date.now, (run, ms) => setInterval(run, ms)))
    .register(TOASTS, () => new Toasts((run, ms) => setTimeout(run, ms)))
    .register(CONNECTION, () => new ConnectionState())
    .register(DISPATCHER, () => new EventDispatcher())
    .register(API_CLIENT, (c) => {
      const ui = c.get(UI_STATE);
      return new ApiClient({ fetch: fetch.bind(globalThis), onUnauthorized: () => (ui.signedOut = true) });
    })
    .register(ACCOUNT, (c) => new Account(c.get(API_CLIENT), c.get(UI_STATE)))
    .register(PREFERENCES, (c) => new Preferences({ dispatcher: c.get(DISPATCHER), api: c.get(API_CLIENT), account: c.get(ACCOUNT), storage: storage() }))
    .register(SOCKET, (c) => {
      const connection = c.get(CONNECTION);
      const account = c.get(ACCOUNT);
      const ui = c.get(UI_STATE);
      return new WebSocketClient({
        connect: () => new WebSocket(socketUrl(), SUBPROTOCOL) as unknown as SocketLike,
        random: Math.random,
        now: Date.now,
        setTimeout: (run, ms) => window.setTimeout(run, ms),
        clearTimeout: (id) => window.clearTimeout(id),
        onStatus: (status, { retryAt, roundTripMs }) => {
          // A browser does not say why a socket was refused; the account's route does.
          if (status === 'waiting' && connection.status !== 'waiting') void account.load();
          if (status === 'signed-out') ui.signedOut = true;
          connection.update(status, retryAt, roundTripMs);
        }
      });
    });
}

function registerModules(container: Container): void {
  const nextFrame = (run: () => void) => void requestAnimationFrame(run);
  container
    .register(VM_SERVICE, (c) => new VmService(c.get(API_CLIENT)))
    .register(VM_STORE, (c) => createVmStore({ dispatcher: c.get(DISPATCHER), ui: c.get(UI_STATE) }))
    .register(COMMAND_SERVICE, (c) => new CommandService(c.get(API_CLIENT)))
    .register(COMMAND_STORE, (c) => createCommandStore(c.get(DISPATCHER)))
    .register(JOB_SERVICE, (c) => new JobService(c.get(API_CLIENT), newKey))
    .register(JOB_STORE, (c) => createJobStore({ dispatcher: c.get(DISPATCHER), service: c.get(JOB_SERVICE) }))
    .register(JOB_HISTORY, (c) => createJobHistory({ store: c.get(JOB_STORE), service: c.get(JOB_SERVICE), now: Date.now }))
    .register(JOB_ACTIVITY, (c) => createJobActivity({ dispatcher: c.get(DISPATCHER), service: c.get(JOB_SERVICE), now: Date.now, later }))
    .register(OPEN_GROUPS, (c) => (job) => createOutputGroups(job, { service: c.get(JOB_SERVICE), later }))
    .register(OPEN_RUNS, (c) => (job) => createJobRuns(job, { service: c.get(JOB_SERVICE), store: c.get(JOB_STORE) }))
    .register(LOG_STORE, (c) =>
      createLogStore({ service: new LogService(c.get(API_CLIENT)), search: new SearchService(c.get(API_CLIENT)), socket: c.get(SOCKET), nextFrame })
    )
    .register(LOG_SEARCH, (c) => createLogSearch({ search: new SearchService(c.get(API_CLIENT)), now: Date.now, nextFrame }))
    .register(EXECUTION_STORE, (c) =>
      createExecutionStore({
        ui: c.get(UI_STATE),
        vms: c.get(VM_STORE),
        commands: c.get(COMMAND_STORE),
        jobs: c.get(JOB_STORE),
        jobService: c.get(JOB_SERVICE)
      })
    )
    .register(OVERVIEW_LAYOUT, (c) => createOverviewLayout(c.get(PREFERENCES)))
    .register(SECRET_STORE, (c) => createSecretStore({ service: new SecretService(c.get(API_CLIENT)) }))
    .register(PLUGIN_SERVICE, (c) => new PluginService(c.get(API_CLIENT)))
    .register(PLUGIN_STORE, (c) => createPluginStore(c.get(DISPATCHER)))
    .register(OPEN_PLUGIN, (c) => (id) => createPluginDetails(id, { service: c.get(PLUGIN_SERVICE), mayReadLog: () => c.get(ACCOUNT).mayOperate, later }));
}

/** With the next picture; a page that nobody looks at has none, and goes on by the clock. */
function withNextPicture(run: () => void): void {
  const once = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    run();
  };
  const frame = requestAnimationFrame(once);
  const timer = setTimeout(once, UNSEEN_MS);
}

function later(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

function socketUrl(): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/ws`;
}

/** `crypto.randomUUID` exists only on secure origins; the host may be reached by plain HTTP over a tunnel. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function storage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
