import type { ApiClient, LogLine, LogPage } from '$lib/core/clients';

export interface Window {
  lines: LogLine[];
  total: number;
  complete: boolean;
  damaged: { first: number; count: number }[];
}

/** Stored output by windows. */
export class LogService {
  constructor(private readonly api: ApiClient) {}

  async window(job: string, vm: string, from: number, count: number, signal?: AbortSignal): Promise<Window> {
    const page = await this.api.get<LogPage>(`/api/jobs/${job}/tasks/${vm}/log`, {
      query: { from, count, format: 'json' },
      signal
    });
    return {
      lines: page.lines.map((line) => ({
        n: line.n,
        at: Date.parse(line.at),
        stderr: line.stream === 'stderr',
        partial: line.partial ?? false,
        text: line.text,
        ...(line.annotations && Object.keys(line.annotations).length > 0 ? { annotations: line.annotations } : {}),
        ...(line.changed_by && line.changed_by.length > 0 ? { changedBy: line.changed_by } : {})
      })),
      total: page.total,
      complete: page.complete,
      damaged: page.damaged ?? []
    };
  }

  /** Where the whole log can be downloaded as text. */
  downloadUrl(job: string, vm: string): string {
    return `/api/jobs/${job}/tasks/${vm}/log?from=0&format=text`;
  }
}
