import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { keptConnectionMs } from '../../server/http-port.ts';

test.each(['web', 'dev_door'])(
  'an idle connection to %s is let go by the gateway before its other end does',
  (name) => {
    const text = readFileSync(path.join(import.meta.dirname, '../../gateway/envoy.yaml'), 'utf8');
    const cluster = text.split(/^ {4}- name: /m).find((part) => part.startsWith(`${name}\n`));
    const [, seconds] = /common_http_protocol_options: \{ idle_timeout: (\d+)s \}/.exec(cluster ?? '') ?? [];
    expect(Number(seconds)).toBeGreaterThan(0);
    expect(Number(seconds) * 2_000).toBeLessThanOrEqual(keptConnectionMs);
  },
);
