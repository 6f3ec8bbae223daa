import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** Files of a folder, however deep, that hold the words: by name. */
export async function holding(folder: string, words: string): Promise<string[]> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((one) => one.isFile());
  const found = await Promise.all(
    files.map(async (file) => {
      const bytes = await readFile(path.join(file.parentPath, file.name));
      return bytes.includes(words) ? [file.name] : [];
    }),
  );
  return found.flat();
}
