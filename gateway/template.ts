// The renderer of the gateway's templates: small enough to be read in a minute, strict enough that a typing mistake
// stops the start instead of reaching Envoy.
//
//   ${name}              the setting as a JSON value (JSON is YAML), so no value can change the structure around it
//   # if name … # end    lines that stay only when the setting is neither undefined nor false; may be nested
//
// Throws on an unknown name, an unbalanced block, and a setting that no line uses.

export type Setting = string | number | boolean | readonly unknown[] | Readonly<Record<string, unknown>> | undefined;

export function renderTemplate(text: string, settings: Readonly<Record<string, Setting>>): string {
  const used = new Set<string>();
  const lookUp = (name: string, line: number): Setting => {
    if (!Object.hasOwn(settings, name)) throw new Error(`line ${line}: there is no setting "${name}"`);
    used.add(name);
    return settings[name];
  };
  const rendered: string[] = [];
  /** Whether each open block's lines stay. */
  const blocks: boolean[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const number = index + 1;
    const [, before = '', condition] = /^(.*?)# if (\w+)$/.exec(line) ?? [];
    if (condition !== undefined) {
      const value = lookUp(condition, number);
      blocks.push(value !== undefined && value !== false);
      rendered.push(before.trimEnd());
    } else if (/^\s*# end$/.test(line)) {
      if (blocks.pop() === undefined) throw new Error(`line ${number}: "# end" without "# if"`);
    } else {
      const stays = blocks.every(Boolean);
      const filled = line.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
        const value = lookUp(name, number);
        if (value === undefined && stays) throw new Error(`line ${number}: the setting "${name}" has no value`);
        return JSON.stringify(value ?? null);
      });
      if (stays) rendered.push(filled);
    }
  }
  if (blocks.length > 0) throw new Error('"# if" without "# end"');
  const unused = Object.keys(settings).filter((name) => !used.has(name));
  if (unused.length > 0) throw new Error(`no line uses the setting "${unused.join('", "')}"`);
  return rendered.join('\n');
}
