import type { ProblemDocument } from './types';

/** Longest that a request may take before it is given up, in milliseconds. */
export const REQUEST_TIMEOUT_MS = 60_000;

/** A request that the host refused or that never reached it. The message says what happened and what to do. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly fields: Readonly<Record<string, string>> = {}
  ) {
    super(detail || title);
    this.name = 'ApiError';
  }

  static from(status: number, problem: ProblemDocument | null): ApiError {
    const fields: Record<string, string> = {};
    for (const { field, message } of problem?.errors ?? []) fields[field] ??= message;
    return new ApiError(status, problem?.title ?? `Error ${status}`, problem?.detail ?? '', fields);
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface RequestOptions {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface ApiClientDeps {
  fetch: typeof fetch;
  /** Called when the host does not know who asks. */
  onUnauthorized?: () => void;
}

/** Speaks HTTP with the host and nothing else: JSON in, JSON or an ApiError out. */
export class ApiClient {
  constructor(private readonly deps: ApiClientDeps) {}

  get<T>(path: string, options?: RequestOptions): Promise<T> {
    return this.request<T>('GET', path, options);
  }

  post<T>(path: string, body?: unknown, options?: RequestOptions): Promise<T> {
    return this.request<T>('POST', path, { ...options, body: body ?? {} });
  }

  put<T>(path: string, body: unknown, options?: RequestOptions): Promise<T> {
    return this.request<T>('PUT', path, { ...options, body });
  }

  /** Sends a file as it is; takes as long as it takes. */
  async upload<T>(path: string, file: Blob, type: string, signal?: AbortSignal): Promise<T> {
    const response = await this.send(path, { method: 'POST', headers: { accept: 'application/json', 'content-type': type }, body: file, credentials: 'same-origin', signal });
    if (response.ok) return (await readJson(response)) as T;
    throw await this.refused(response);
  }

  delete(path: string, options?: RequestOptions): Promise<void> {
    return this.request<void>('DELETE', path, options);
  }

  /**
   * Objects that come one a line (NDJSON), as they come, several at once if they came together. Takes as long as it takes; who has
   * seen enough ends the loop or aborts.
   */
  async *lines<T>(path: string, { query, signal }: Pick<RequestOptions, 'query' | 'signal'> = {}): AsyncGenerator<T[], void> {
    const response = await this.send(path + queryString(query), {
      headers: { accept: 'application/x-ndjson' },
      credentials: 'same-origin',
      signal
    });
    if (!response.ok) throw await this.refused(response);
    const reader = response.body?.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, BufferSource>).getReader();
    if (!reader) return;
    let rest = '';
    try {
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        const lines = (rest + read.value).split('\n');
        rest = lines.pop() ?? '';
        const objects = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T);
        if (objects.length > 0) yield objects;
      }
      if (rest !== '') yield [JSON.parse(rest) as T];
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }

  private async request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const headers: Record<string, string> = { accept: 'application/json', ...options.headers };
    // Every request that changes something says JSON, even without a body: it is part of the same-site check.
    if (method !== 'GET') headers['content-type'] = 'application/json';
    const response = await this.send(path + queryString(options.query), {
      method,
      headers,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      credentials: 'same-origin',
      signal: timeLimit(options.signal)
    });
    if (response.ok) return (await readJson(response)) as T;
    throw await this.refused(response);
  }

  private async refused(response: Response): Promise<ApiError> {
    if (response.status === 401) this.deps.onUnauthorized?.();
    return ApiError.from(response.status, (await readJson(response).catch(() => null)) as ProblemDocument | null);
  }

  private async send(url: string, init: RequestInit): Promise<Response> {
    try {
      return await this.deps.fetch(url, init);
    } catch (cause) {
      if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
      throw new ApiError(0, 'The host does not answer', 'The host does not answer. Is `corral serve` still running?');
    }
  }
}

function timeLimit(signal: AbortSignal | undefined): AbortSignal {
  const limit = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  return signal ? AbortSignal.any([signal, limit]) : limit;
}

async function readJson(response: Response): Promise<unknown> {
  if (response.status === 204) return undefined;
  const text = await response.text();
  return text === '' ? undefined : JSON.parse(text);
}

/** `?a=1&b=2`, leaving out what is null, undefined or empty. */
export function queryString(query: Query | undefined): string {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== '') parts.set(key, String(value));
  }
  const text = parts.toString();
  return text ? `?${text}` : '';
}
