import type { Presence } from '#proto/parley/v1/presence.ts';
import type { Message } from '#proto/parley/v1/thread.ts';
import { wireTime } from '../core/times.ts';
import type { Chat } from './chat.ts';
import { presenceMark, presenceText, roleName } from './chat-lines.ts';
import { help } from './commands.ts';
import type { Command } from './commands.ts';

/** What the front end is to do after a command. */
export interface Outcome {
  readonly notice?: string;
  /** Lines to show instead of the thread. */
  readonly overlay?: readonly string[];
  readonly scroll?: 'end';
  /** Older messages to be shown from their first. */
  readonly older?: readonly Message[];
  readonly quit?: true;
  /** Settles when what was sent has its answer; its failure is on the screen already. */
  readonly sending?: Promise<unknown>;
}

const forGoodMs = 253_402_300_799_000;

/** What a command depends on beside the chat. */
export interface Now {
  /** Wall clock. */
  readonly nowMs: number;
  /** Sequence of the first line that is shown of the open thread. */
  readonly top: bigint;
}

/** Does what a line asked for. Rejects with a ParleyError. Sending is not waited for: its state is on the screen. */
export async function act(chat: Chat, command: Command, now: Now): Promise<Outcome> {
  const { nowMs } = now;
  const { client, rows } = chat;
  switch (command.name) {
    case 'wrong':
      return { notice: command.why };
    case 'help':
      return { overlay: help };
    case 'quit':
      return { quit: true };
    case 'open': {
      const thread = rows.directWith(command.user)?.thread ?? (await client.threads.open(command.user));
      rows.put(thread);
      await chat.openThread(thread.threadId);
      return { scroll: 'end' };
    }
    case 'join': {
      const row = rows.list()[command.number - 1];
      if (row === undefined) return { notice: `the list has no number ${command.number}` };
      await chat.openThread(row.thread.threadId);
      return { scroll: 'end' };
    }
    case 'group': {
      const thread = await client.groups.create({ name: command.title, memberIds: command.users });
      rows.put(thread);
      await chat.openThread(thread.threadId);
      return { scroll: 'end' };
    }
    case 'who': {
      const { people } = await client.people.list({ pageSize: 200 });
      for (const { profile } of people) chat.names.note(profile);
      const lines = people.map(({ profile, presence }) => personLine(chat, profile?.userId ?? '', presence, '', nowMs));
      return { overlay: lines.length === 0 ? ['nobody yet: /open USER'] : lines };
    }
    case 'say':
    case 'reply':
    case 'back':
    case 'edit':
    case 'delete':
    case 'react':
    case 'members':
    case 'add':
    case 'remove':
    case 'leave':
    case 'mute':
      return chat.openId === undefined
        ? { notice: 'open a thread first: /open USER, or /join N' }
        : inThread(chat, chat.openId, command, now);
  }
}

type ThreadCommand = Extract<
  Command,
  { name: 'say' | 'reply' | 'back' | 'edit' | 'delete' | 'react' | 'members' | 'add' | 'remove' | 'leave' | 'mute' }
>;

async function inThread(chat: Chat, threadId: string, command: ThreadCommand, now: Now): Promise<Outcome> {
  const { nowMs } = now;
  const { client } = chat;
  switch (command.name) {
    case 'say':
      return { scroll: 'end', sending: send(chat, threadId, command.text, undefined) };
    case 'reply': {
      const target = command.target ?? chat.lastMessage(false)?.sequence;
      if (target === undefined) return { notice: 'there is no message to answer: /reply #N TEXT' };
      return { scroll: 'end', sending: send(chat, threadId, command.text, target) };
    }
    case 'back': {
      const older = await chat.back(now.top, command.count);
      const { length } = older;
      const notice = `${length} older message${length === 1 ? '' : 's'}`;
      return { older, notice: length < command.count ? `${notice}: the beginning` : notice };
    }
    case 'edit': {
      const target = command.target ?? chat.lastMessage(true)?.sequence;
      if (target === undefined) return { notice: 'there is no message of yours: /edit #N TEXT' };
      await client.messages.edit(threadId, target, { text: command.text });
      return { notice: `#${target} changed` };
    }
    case 'delete': {
      const target = command.target ?? chat.lastMessage(true)?.sequence;
      if (target === undefined) return { notice: 'there is no message of yours: /delete #N' };
      await client.messages.delete(threadId, target);
      return { notice: `#${target} erased` };
    }
    case 'react': {
      const target = command.target ?? chat.lastMessage(false)?.sequence;
      if (target === undefined) return { notice: 'there is no message to react to: /react #N EMOJI' };
      await client.messages.react(threadId, target, command.emoji, { removed: command.removed });
      return {};
    }
    case 'members':
      return { overlay: await memberLines(chat, threadId, nowMs) };
    case 'add':
      await client.groups.add(threadId, command.users);
      return { notice: `added ${command.users.join(', ')}` };
    case 'remove':
      await client.groups.remove(threadId, command.user);
      return { notice: `removed ${command.user}` };
    case 'leave':
      await client.groups.leave(threadId);
      chat.closeThread();
      await chat.rows.refresh(threadId);
      return { notice: 'you left' };
    case 'mute': {
      const old = chat.rows.get(threadId)?.thread.settings;
      const untilMs = command.hours === Number.POSITIVE_INFINITY ? forGoodMs : nowMs + command.hours * 3_600_000;
      const muteUntilTime = command.hours === 0 ? undefined : wireTime(Math.min(untilMs, forGoodMs));
      const now = old ?? { pinned: false, archived: false, notificationLevel: 0 };
      await client.threads.updateSettings(threadId, { ...now, muteUntilTime });
      await chat.rows.refresh(threadId);
      return { notice: command.hours === 0 ? 'no longer muted' : 'muted' };
    }
  }
}

function send(chat: Chat, threadId: string, text: string, replyTo: bigint | undefined): Promise<unknown> {
  chat.client.typing(threadId, false);
  // The event sendFailed shows a refusal.
  return chat.client.send(threadId, text, replyTo === undefined ? {} : { replyTo }).catch(() => undefined);
}

async function memberLines(chat: Chat, threadId: string, nowMs: number): Promise<string[]> {
  const lines: string[] = [];
  for (let pageToken = ''; ;) {
    const page = await chat.client.threads.members(threadId, { pageSize: 500, pageToken });
    for (const { member, profile, presence } of page.members) {
      chat.names.note(profile);
      lines.push(personLine(chat, member?.userId ?? '', presence, roleName(member?.role ?? 1), nowMs));
    }
    pageToken = page.nextPageToken;
    if (pageToken === '') return lines;
  }
}

function personLine(chat: Chat, userId: string, presence: Presence | undefined, role: string, nowMs: number): string {
  const name = chat.names.of(userId);
  const words = [name === userId ? name : `${name} (${userId})`, role, presenceText(presence, nowMs)];
  return `${presenceMark(presence) || ' '} ${words.filter((word) => word !== '').join(' · ')}`;
}
