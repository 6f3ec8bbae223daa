// What the log and the metrics have of what services do, and how fast a service may be.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SendMessageRequest, ThreadAdminServiceService } from '#proto/parley/service/v1/thread_admin_service.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { clientId, directThread, People, textContent } from '../support/raw-people.ts';
import { auditOf, Services } from '../support/services.ts';
import { unlimited } from '../support/unlimited.ts';

const send = ThreadAdminServiceService.sendMessage;
const perS = 3;

let platform: Platform;
let people: People;
let services: Services;

beforeAll(async () => {
  const env = { ...unlimited, PARLEY_LIMIT_SERVICE_PER_S: String(perS), PARLEY_LOG_LEVEL: 'error' };
  platform = await startPlatform({ services: true, direct: true, env });
  people = new People(platform);
  services = new Services(platform);
});
afterAll(async () => {
  services[Symbol.dispose]();
  people[Symbol.dispose]();
  await platform.stop();
});

test('each call is one line with who, what, the ids and what came of it, whatever the level of the log, and no content', async () => {
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  const threadId = await directThread(alice, bob);
  const crm = await services.named('crm', ['messages']);
  const secret = 'a secret between them';
  const sender = { $case: 'userId', value: alice.id } as const;
  const request = SendMessageRequest.create({
    threadId,
    clientMessageId: clientId(),
    sender,
    content: textContent(secret),
  });
  const { sequence } = await crm.ask(send, request);
  await crm.call(send, SendMessageRequest.fromPartial({ ...request, content: textContent('another') }));
  await crm.call(ThreadAdminServiceService.openDirectThread, { userIds: [alice.id, bob.id] });
  const method = 'parley.service.v1.ThreadAdminService/SendMessage';
  const ids = { thread: threadId, requestId: request.clientMessageId, onBehalfOf: alice.id };
  const common = { level: 'info', audit: true, service: 'crm', msg: 'a service asked' };
  expect(auditOf(platform.nodes[0], 'crm')).toEqual(
    [
      { ...common, method, ...ids, sequence: String(sequence), outcome: 'OK' },
      { ...common, method, ...ids, outcome: 'ID_REUSED' },
      { ...common, method: method.replace('SendMessage', 'OpenDirectThread'), outcome: 'SCOPE_REQUIRED' },
    ].map((line) => expect.objectContaining(line) as unknown),
  );
  expect(readFileSync(platform.nodes[0]?.logFile ?? '', 'utf8')).not.toContain(secret);
  const metrics = await (await fetch(`http://${platform.nodes[0]?.metrics}/metrics`)).text();
  expect(metrics).toContain(`parley_service_calls_total{service="crm",method="${method}",outcome="OK"} 1`);
  expect(metrics).toContain(`parley_service_calls_total{service="crm",method="${method}",outcome="ID_REUSED"} 1`);
});

test('a service that is too fast is told how long to wait, others are not slowed, and the audit is not flooded', async () => {
  const [hasty, calm] = [await services.named('hasty'), await services.named('calm')];
  const ask = () => hasty.call(ThreadAdminServiceService.openDirectThread, { userIds: [] });
  const answers = await Promise.all(Array.from({ length: perS * 10 }, ask));
  const limited = answers.filter(({ status }) => status.reason === 'RATE_LIMITED');
  expect(limited.length).toBeGreaterThan(perS * 5);
  for (const { status } of limited) {
    expect(status.retryAfterMs).toBeGreaterThan(0);
    expect(status.retryAfterMs).toBeLessThanOrEqual(1_000 / perS + 1);
  }
  const { status } = await calm.call(ThreadAdminServiceService.openDirectThread, { userIds: [] });
  expect(status.reason).toBe('INVALID_FIELD');
  const lines = auditOf(platform.nodes[0], 'hasty');
  expect(lines.length).toBe(answers.length - limited.length);
});
