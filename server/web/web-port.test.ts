import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readWebFiles } from './web-files.ts';
import type { HttpPort } from '../http-port.ts';
import { serveWeb } from './web-port.ts';

const script = `console.log('${'hello '.repeat(200)}');`;
let folder: string;
let port: HttpPort;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'parley-web-'));
  mkdirSync(path.join(folder, 'app/assets'), { recursive: true });
  writeFileSync(path.join(folder, 'app/index.html'), '<!doctype html><title>app</title>');
  writeFileSync(path.join(folder, 'app/assets/app-1234.js'), script);
  writeFileSync(path.join(folder, 'app/assets/app-1234.js.br'), brotliCompressSync(script));
  writeFileSync(path.join(folder, 'app/assets/app-1234.js.gz'), gzipSync(script));
  writeFileSync(path.join(folder, 'app/.stamp'), 'hidden');
  writeFileSync(path.join(folder, 'secret.txt'), 'secret');
  const config = { dev: false, tokenUrl: 'https://id.example/token', signInUrl: '' };
  port = await serveWeb(await readWebFiles(path.join(folder, 'app')), config, { host: '127.0.0.1', port: 0 });
});

afterAll(async () => {
  await port.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** The path goes out as it is: fetch would tidy it up. */
function get(target: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const [host, number] = port.address.split(':');
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host, port: number, path: target, method, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
      );
    });
    request.on('error', reject).end();
  });
}

test('a hashed name may be kept for ever, the page is asked for again', async () => {
  expect((await get('/assets/app-1234.js')).headers['cache-control']).toBe('public, max-age=31536000, immutable');
  expect((await get('/')).headers['cache-control']).toBe('no-cache');
});

test('the path of a screen is the page; a missing asset, and any other path, is not', async () => {
  for (const screen of ['/', '/t/g_abc', '/live/post.1:2', '/?as=alice']) {
    expect((await get(screen)).body.toString()).toContain('<title>app</title>');
  }
  for (const missing of ['/assets/app-0000.js', '/assets/', '/other', '/.stamp', '/index', '/assets/app-1234.js.br']) {
    expect((await get(missing)).status).toBe(404);
  }
});

test('no path leads out of the folder', async () => {
  const tries = ['/../secret.txt', '/assets/../../secret.txt', '/%2e%2e/secret.txt', '/assets/..%2f..%2fsecret.txt'];
  for (const path of [...tries, '//etc/passwd', '/assets/\\..\\..\\secret.txt', `/${'../'.repeat(20)}etc/passwd`]) {
    const { status, body } = await get(path);
    expect([status, body.toString()]).toEqual([404, 'There is nothing here.\n']);
  }
});

test('a body is sent as the page takes it', async () => {
  const brotli = await get('/assets/app-1234.js', { 'accept-encoding': 'gzip, deflate, br' });
  expect(brotli.headers['content-encoding']).toBe('br');
  expect(brotliDecompressSync(brotli.body).toString()).toBe(script);
  const gzip = await get('/assets/app-1234.js', { 'accept-encoding': 'gzip, br;q=0' });
  expect(gunzipSync(gzip.body).toString()).toBe(script);
  const plain = await get('/assets/app-1234.js');
  expect([plain.headers['content-encoding'], plain.body.toString()]).toEqual([undefined, script]);
  expect(plain.headers['vary']).toBe('accept-encoding');
});

test('what the page holds is not sent again', async () => {
  const first = await get('/assets/app-1234.js', { 'accept-encoding': 'br' });
  const again = await get('/assets/app-1234.js', {
    'accept-encoding': 'br',
    'if-none-match': `"other", ${String(first.headers['etag'])}`,
  });
  expect([again.status, again.body.length]).toEqual([304, 0]);
  expect((await get('/', { 'if-none-match': '"other"' })).status).toBe(200);
});

test('HEAD has the headers of GET and no body; nothing else is taken', async () => {
  const head = await get('/assets/app-1234.js', {}, 'HEAD');
  expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, String(script.length), 0]);
  const post = await get('/', {}, 'POST');
  expect([post.status, post.headers['allow']]).toEqual([405, 'GET, HEAD']);
});

test('every answer forbids inline code, frames, and other origins but that of tokens', async () => {
  for (const target of ['/', '/assets/app-1234.js', '/nothing', '/config.json']) {
    const { headers } = await get(target);
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("connect-src 'self' https://id.example;");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect([headers['x-content-type-options'], headers['referrer-policy']]).toEqual(['nosniff', 'no-referrer']);
  }
});

test('the page learns where tokens come from, and that is not kept', async () => {
  const { body, headers } = await get('/config.json');
  expect(JSON.parse(body.toString())).toEqual({ dev: false, tokenUrl: 'https://id.example/token', signInUrl: '' });
  expect(headers['cache-control']).toBe('no-store');
});
