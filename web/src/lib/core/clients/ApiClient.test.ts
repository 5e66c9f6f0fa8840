import { describe, expect, it, vi } from 'vitest';
import { ApiClient, ApiError, queryString } from './ApiClient';

function clientOf(response: Response | Error) {
  const fetch = vi.fn(async () => {
    if (response instanceof Error) throw response;
    return response.clone();
  });
  const onUnauthorized = vi.fn();
  return { api: new ApiClient({ fetch: fetch as unknown as typeof globalThis.fetch, onUnauthorized }), fetch, onUnauthorized };
}

describe('ApiClient', () => {
  it('answers with the body, and with nothing where there is none', async () => {
    expect(await clientOf(new Response('{"a":1}')).api.get('/x')).toEqual({ a: 1 });
    expect(await clientOf(new Response(null, { status: 204 })).api.delete('/x')).toBeUndefined();
  });

  it('says JSON on every request that changes something', async () => {
    const { api, fetch } = clientOf(new Response('{}'));
    await api.post('/x');
    const [, init] = fetch.mock.calls[0] as unknown as [string, RequestInit];
    expect(init.headers).toMatchObject({ 'content-type': 'application/json' });
    expect(init.body).toBe('{}');
  });

  it('sends a file as it is, under its own type', async () => {
    const { api, fetch } = clientOf(new Response('{"id":"x"}'));
    const file = new Blob(['bytes']);
    expect(await api.upload('/x', file, 'application/gzip')).toEqual({ id: 'x' });
    const [, init] = fetch.mock.calls[0] as unknown as [string, RequestInit];
    expect(init.headers).toMatchObject({ 'content-type': 'application/gzip' });
    expect(init.body).toBe(file);
  });

  it('turns a problem document into an error with its fields', async () => {
    const problem = { title: 'Invalid', status: 422, detail: 'name: must not be empty', errors: [{ field: 'name', message: 'must not be empty' }] };
    const { api } = clientOf(new Response(JSON.stringify(problem), { status: 422 }));
    const error = await api.post('/x').catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 422, message: problem.detail, fields: { name: 'must not be empty' } });
  });

  it('makes an error even of an answer that is no problem document', async () => {
    const { api } = clientOf(new Response('<h1>Bad gateway</h1>', { status: 502 }));
    await expect(api.get('/x')).rejects.toMatchObject({ status: 502, title: 'Error 502' });
  });

  it('says what to do when nobody answers', async () => {
    await expect(clientOf(new TypeError('Failed to fetch')).api.get('/x')).rejects.toThrow(/corral serve/);
  });

  it('tells when the host does not know who asks', async () => {
    const { api, onUnauthorized } = clientOf(new Response('{}', { status: 401 }));
    await expect(api.get('/x')).rejects.toBeInstanceOf(ApiError);
    expect(onUnauthorized).toHaveBeenCalledOnce();
  });

  it('gives objects as they come, wherever the network cuts their lines', async () => {
    const bytes = new TextEncoder().encode('{"n":1}\n{"n":2,"text":"漢"}\n\n{"n":3}');
    const all: unknown[][] = [];
    for (const size of [1, 7, 18, 1000]) {
      const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size));
      const body = new ReadableStream({
        pull: (controller) => {
          const part = parts.shift();
          if (part) controller.enqueue(part);
          else controller.close();
        }
      });
      const found: unknown[] = [];
      const api = new ApiClient({ fetch: (async () => new Response(body)) as unknown as typeof fetch });
      for await (const objects of api.lines('/x')) found.push(...objects);
      all.push(found);
    }
    for (const found of all) expect(found).toEqual([{ n: 1 }, { n: 2, text: '漢' }, { n: 3 }]);
  });

  it('hangs up when the reader has seen enough, and throws what the host refuses', async () => {
    const cancelled = vi.fn();
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('{"n":1}\n')), cancel: cancelled });
    const api = new ApiClient({ fetch: (async () => new Response(body)) as unknown as typeof fetch });
    for await (const objects of api.lines('/x')) {
      expect(objects).toEqual([{ n: 1 }]);
      break;
    }
    expect(cancelled).toHaveBeenCalledOnce();
    const refused = clientOf(new Response('{"title":"Invalid","detail":"q: no","errors":[{"field":"q","message":"no"}]}', { status: 422 })).api;
    await expect(refused.lines('/x').next()).rejects.toMatchObject({ status: 422, fields: { q: 'no' } });
  });

  it('leaves empty parts out of a query', () => {
    expect(queryString({ a: 1, b: '', c: null, d: undefined, e: 'x y' })).toBe('?a=1&e=x+y');
    expect(queryString({})).toBe('');
  });
});
