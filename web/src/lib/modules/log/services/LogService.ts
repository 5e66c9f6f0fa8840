import type { ApiClient, LogLine, LogPage } from '$lib/core/clients';
import type { Damage } from '../types';

export interface Window {
  lines: LogLine[];
  total: number;
  complete: boolean;
  damaged: Damage[];
}

export type ExportFormat = 'text' | 'ndjson';
export type ExportPacking = 'none' | 'gzip' | 'zstd';

/** How output is taken away as a file. */
export interface ExportChoice {
  format: ExportFormat;
  packing: ExportPacking;
  /** Colours and other escape sequences stay. */
  colours: boolean;
}

/** Stored output by windows, and where it can be had as a file. */
export class LogService {
  constructor(private readonly api: ApiClient) {}

  async window(job: string, vm: string, from: number, count: number, signal?: AbortSignal): Promise<Window> {
    const page = await this.api.get<LogPage>(`/api/jobs/${job}/tasks/${vm}/log`, {
      query: { from, count, format: 'json' },
      signal
    });
    return { lines: page.lines.map(lineOf), total: page.total, complete: page.complete, damaged: page.damaged ?? [] };
  }

  /** The bytes of some lines, as they came. */
  linesUrl(job: string, vm: string, from: number, count: number): string {
    return `/api/jobs/${job}/tasks/${vm}/log?from=${from}&count=${count}&format=text`;
  }
}

export function lineOf(line: LogPage['lines'][number]): LogLine {
  return {
    n: line.n,
    at: Date.parse(line.at),
    stderr: line.stream === 'stderr',
    partial: line.partial ?? false,
    text: line.text,
    ...(line.annotations && Object.keys(line.annotations).length > 0 ? { annotations: line.annotations } : {}),
    ...(line.changed_by && line.changed_by.length > 0 ? { changedBy: line.changed_by } : {})
  };
}

/** Where a browser saves the output from: of one task, or of a whole job as an archive. Plain links, so that it is streamed to disk. */
export function exportUrl(job: string, vm: string | null, { format, packing, colours }: ExportChoice): string {
  const query = new URLSearchParams();
  if (format !== 'text') query.set('format', format);
  if (packing !== 'none') query.set('compress', packing);
  if (!colours) query.set('ansi', 'strip');
  const text = query.toString();
  return `/api/jobs/${job}${vm === null ? '' : `/tasks/${vm}/log`}/export${text && `?${text}`}`;
}

/** The end of the file's name, as the host will give it. */
export function exportExtension(vm: string | null, { format, packing }: ExportChoice): string {
  const file = vm === null ? '.tar' : format === 'ndjson' ? '.ndjson' : '.log';
  return file + { none: '', gzip: '.gz', zstd: '.zst' }[packing];
}
