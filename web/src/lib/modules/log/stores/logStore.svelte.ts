import type { WebSocketClient } from '$lib/core/clients';
import type { LogService } from '../services/LogService';
import { MergedLog, type MergedTask } from './mergedLog.svelte';
import { TaskLog } from './taskLog.svelte';

export interface LogStoreDeps {
  service: LogService;
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

  downloadUrl(job: string, vm: string): string {
    return this.deps.service.downloadUrl(job, vm);
  }
}

export function createLogStore(deps: LogStoreDeps): LogStore {
  return new LogStore(deps);
}
