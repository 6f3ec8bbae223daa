import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { claimFolder, ClaimedError, FolderError } from './claim.ts';

function tempFolder(): Disposable & { readonly path: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'parley-claim-'));
  return { path: folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

test('a folder is claimed once, and free again after the release', () => {
  using folder = tempFolder();
  const data = path.join(folder.path, 'data');
  const claim = claimFolder(data, '127.0.0.1:8080');
  expect(() => claimFolder(data, '127.0.0.1:9')).toThrow(ClaimedError);
  expect(() => claimFolder(data, '127.0.0.1:9')).toThrow(`process ${process.pid}, listening on 127.0.0.1:8080`);
  claim.release();
  expect(readdirSync(data)).toEqual([]);
  claimFolder(data, '127.0.0.1:9').release();
});

test.each([
  ['a process that is gone', { pid: 2 ** 22 + 1, began: '1', gateway: 'x' }],
  ['a process id that somebody else has now', { pid: process.pid, began: '1', gateway: 'x' }],
])('the claim of %s is taken over', (_whose, holder) => {
  using folder = tempFolder();
  writeFileSync(path.join(folder.path, 'start.json'), JSON.stringify(holder));
  claimFolder(folder.path, '127.0.0.1:1');
  expect(JSON.parse(readFileSync(path.join(folder.path, 'start.json'), 'utf8'))).toMatchObject({ pid: process.pid });
});

test('a claim of which only half was written is taken over', () => {
  using folder = tempFolder();
  writeFileSync(path.join(folder.path, 'start.json'), '{"pid":');
  expect(() => claimFolder(folder.path, '127.0.0.1:1')).not.toThrow();
});

test('a folder that cannot be is named, with the reason', () => {
  using folder = tempFolder();
  const file = path.join(folder.path, 'file');
  writeFileSync(file, '');
  for (const data of [file, path.join(file, 'data')]) {
    expect(() => claimFolder(data, '127.0.0.1:9')).toThrow(FolderError);
    expect(() => claimFolder(data, '127.0.0.1:9')).toThrow(`the data folder ${data} cannot be used: E`);
  }
});

test('the folder of a store is no data folder: what is in it would not be seen', () => {
  using folder = tempFolder();
  writeFileSync(path.join(folder.path, 'format'), '1');
  expect(() => claimFolder(folder.path, '127.0.0.1:9')).toThrow(`${folder.path} is a store itself`);
});
