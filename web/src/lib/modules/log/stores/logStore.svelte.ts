import type { WebSocketClient } from '$lib/core/clients';
import type { LogService } from '../services/LogService';
import type { SearchService } from '../services/SearchService';
import { LogFind } from './logFind.svelte';
import { MergedLog, type MergedTask } from './mergedLog.svelte';
import { TaskLog } from './taskLog.svelte';

export interface LogStoreDeps {
  service: LogService;
  search: SearchService;
  socket: WebSocketClient;
  nextFrame: (run: () => void) => void;
}

/** Opens logs. Who opens one closes it. */
export class LogStore {
  constructor(private readonly deps: LogStoreDeps) {}

  open(job: string, vm: string): TaskLog {
    const log = new TaskLog(job, vm, this.deps);
    log.follow();
    return log;
  }

  openMerged(job: string, tasks: readonly MergedTask[]): MergedLog {
    return new MergedLog(job, tasks, this.deps);
  }

  /** A search in one log; who makes it ends it. */
  find(job: string, vm: string): LogFind {
    return new LogFind(job, vm, this.deps);
  }

  /** The bytes of some lines as a file. */
  linesUrl(job: string, vm: string, from: number, count: number): string {
    return this.deps.service.linesUrl(job, vm, from, count);
  }
}

export function createLogStore(deps: LogStoreDeps): LogStore {
  return new LogStore(deps);
}
