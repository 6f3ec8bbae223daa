// What every comment log must do, as a function of how its nodes are made. On a log of one node both nodes are the same.
// Each part stands in a file of its own.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Bus } from '../../server/bus/bus.ts';
import type { CommentLog } from '../../server/comments/comment-log.ts';
import { until } from '../../platform/wait.ts';
import { heard, numbers } from './comment-log-heard.ts';
import { ids, slowMode } from './comment-log-ids.ts';
import { answers, keeping } from './comment-log-kept.ts';
import { deleting, pins } from './comment-log-moderation.ts';
import { newChannel } from './comment-samples.ts';

export interface CommentNode {
  readonly log: CommentLog;
  /** Hears what the log publishes. */
  readonly bus: Bus;
}

/** Two nodes of one deployment; the same object twice where there is but one. */
export interface CommentNodes extends AsyncDisposable {
  readonly here: CommentNode;
  readonly there: CommentNode;
  /** Lets time pass for the log, where the test has it in its hand. */
  pass(ms: number): void;
}

/** What a part of the suite uses. */
export interface UnderTest {
  nodes(): CommentNodes;
  here(): CommentLog;
  there(): CommentLog;
  /** Lets time pass until it holds. */
  eventually(what: string, holds: () => Promise<boolean>): Promise<true>;
}

export function commentLogContract(name: string, makeNodes: () => Promise<CommentNodes>): void {
  describe(name, () => {
    let nodes: CommentNodes;
    beforeAll(async () => {
      nodes = await makeNodes();
    });
    afterAll(() => nodes[Symbol.asyncDispose]());
    const underTest: UnderTest = {
      nodes: () => nodes,
      here: () => nodes.here.log,
      there: () => nodes.there.log,
      eventually(what, holds) {
        const tried = async (): Promise<true | undefined> => {
          if (await holds()) return true;
          nodes.pass(20);
          return undefined;
        };
        return until(tried, { what, withinMs: 20_000 });
      },
    };
    describe('numbers', () => numbers(underTest));
    describe('what nodes hear', () => heard(underTest));
    describe('ids', () => ids(underTest));
    describe('slow mode', () => slowMode(underTest));
    describe('what is kept', () => keeping(underTest));
    describe('answers', () => answers(underTest));
    describe('deleting', () => deleting(underTest));
    describe('pins', () => pins(underTest));
    describe('listeners', () => listeners(underTest));
  });
}

function listeners({ nodes, here, there }: UnderTest): void {
  test('a node says how many it has, and hears how many all have', async () => {
    const channel = newChannel();
    const isOne = nodes().here === nodes().there;
    expect(await here().countListeners(channel, undefined)).toBe(0);
    expect(await here().countListeners(channel, 3)).toBe(3);
    expect(await there().countListeners(channel, 4)).toBe(isOne ? 4 : 7);
    expect(await here().countListeners(channel, 2)).toBe(isOne ? 2 : 6);
    expect(await here().countListeners(channel, undefined)).toBe(isOne ? 2 : 6);
    expect(await here().countListeners(channel, 0)).toBe(isOne ? 0 : 4);
    expect(await there().countListeners(channel, 0)).toBe(0);
  });
}
