// The unary calls that an application seldom makes as it starts, as calls.ts: a module of its own, loaded with the first of them
// (calls-later.ts). Each class takes what makes calls, and what makes ids.
import type { AccountSettings } from '#proto/parley/v1/account.ts';
import type { Device, DevicePlatform } from '#proto/parley/v1/device_service.ts';
import type {
  ListEntriesResponse,
  ListMessagesRequest,
  ListMessagesResponse,
} from '#proto/parley/v1/history_service.ts';
import type { ListReceiptsResponse } from '#proto/parley/v1/receipt_service.ts';
import type { MemberRole } from '#proto/parley/v1/entry.ts';
import type { ListPeopleResponse, ListUserEntriesResponse } from '#proto/parley/v1/people_service.ts';
import type { Presence } from '#proto/parley/v1/presence.ts';
import type { Retention } from '#proto/parley/v1/retention.ts';
import type { GetRetentionResponse } from '#proto/parley/v1/retention_service.ts';
import type { Message, Profile, Thread, ThreadSettings } from '#proto/parley/v1/thread.ts';
import type { ListMembersResponse } from '#proto/parley/v1/thread_service.ts';
import type { Caller, CallLimits } from './caller.ts';
import { there } from './calls.ts';
import type { Page } from './calls.ts';
import { contentOf } from './content.ts';
import type { MessageBody } from './content.ts';

/** What a device says of itself: see the proto's Device. What is left out is not said, whatever was said before. */
export interface DeviceSaid {
  readonly deviceId: string;
  readonly platform?: DevicePlatform;
  readonly displayName?: string;
  readonly pushToken?: string;
  readonly locale?: string;
  readonly keyBlob?: Uint8Array;
}

type Calling = Pick<Caller, 'call'>;

interface Ids {
  newId(): string;
}

export class MoreThreadCalls {
  readonly #caller: Calling;

  constructor(caller: Calling) {
    this.#caller = caller;
  }

  members(threadId: string, page: Page = {}, limits?: CallLimits): Promise<ListMembersResponse> {
    const { pageSize = 0, pageToken = '' } = page;
    return this.#caller.call('/parley.v1.ThreadService/ListMembers', { threadId, pageSize, pageToken }, limits);
  }

  /** Sets the user's own settings of a thread, whole. */
  async updateSettings(threadId: string, settings: ThreadSettings, limits?: CallLimits): Promise<ThreadSettings> {
    const path = '/parley.v1.ThreadService/UpdateThreadSettings';
    return there((await this.#caller.call(path, { threadId, settings }, limits)).settings);
  }

  /** Sets how long its contents are kept from now on; gives the rule as the deployment bounds it. */
  async setRetention(threadId: string, retention: Retention, limits?: CallLimits): Promise<Retention> {
    const path = '/parley.v1.RetentionService/SetRetention';
    return there((await this.#caller.call(path, { threadId, retention }, limits)).retention);
  }

  /** Its rule, and what is still held, for whom and until when. */
  retention(threadId: string, page: Page = {}, limits?: CallLimits): Promise<GetRetentionResponse> {
    const { pageSize = 0, pageToken = '' } = page;
    return this.#caller.call('/parley.v1.RetentionService/GetRetention', { threadId, pageSize, pageToken }, limits);
  }
}

export interface GroupWish {
  /** 1–200 bytes. */
  readonly name: string;
  /** Members beside the caller. */
  readonly memberIds?: readonly string[];
  /** Whether members added later see what was before them. */
  readonly historyForNewMembers?: boolean;
  /** Give the same id to a retry of your own: the same id makes the same group. */
  readonly requestId?: string;
}

export class GroupCalls {
  readonly #caller: Calling;
  readonly #ids: Ids;

  constructor(caller: Calling, ids: Ids) {
    this.#caller = caller;
    this.#ids = ids;
  }

  async create(wish: GroupWish, limits?: CallLimits): Promise<Thread> {
    const { name, memberIds = [], historyForNewMembers = false, requestId = this.#ids.newId() } = wish;
    const request = { requestId, name, memberIds: [...memberIds], historyForNewMembers };
    return there((await this.#caller.call('/parley.v1.GroupService/CreateGroup', request, limits)).thread);
  }

  /** Answers the sequence of the last entry this appended; 0 = they were members already. */
  async add(threadId: string, userIds: readonly string[], limits?: CallLimits): Promise<bigint> {
    const request = { threadId, requestId: this.#ids.newId(), userIds: [...userIds] };
    return (await this.#caller.call('/parley.v1.GroupService/AddMembers', request, limits)).sequence;
  }

  /** Answers the sequence of the removal; 0 = they were no member. */
  async remove(threadId: string, userId: string, limits?: CallLimits): Promise<bigint> {
    const request = { threadId, requestId: this.#ids.newId(), userId };
    return (await this.#caller.call('/parley.v1.GroupService/RemoveMember', request, limits)).sequence;
  }

  /** Answers the sequence of the removal, the last entry the user can read. LAST_OWNER: make another owner first. */
  async leave(threadId: string, limits?: CallLimits): Promise<bigint> {
    const request = { threadId, requestId: this.#ids.newId() };
    return (await this.#caller.call('/parley.v1.GroupService/LeaveGroup', request, limits)).sequence;
  }

  async setRole(threadId: string, userId: string, role: MemberRole, limits?: CallLimits): Promise<bigint> {
    const request = { threadId, requestId: this.#ids.newId(), userId, role };
    return (await this.#caller.call('/parley.v1.GroupService/SetMemberRole', request, limits)).sequence;
  }

  /** Changes what is given, leaves the rest. */
  async update(
    threadId: string,
    change: { name?: string; historyForNewMembers?: boolean },
    limits?: CallLimits,
  ): Promise<bigint> {
    const { name, historyForNewMembers } = change;
    const request = { threadId, requestId: this.#ids.newId(), name, historyForNewMembers };
    return (await this.#caller.call('/parley.v1.GroupService/UpdateGroup', request, limits)).sequence;
  }
}

export class MessageCalls {
  readonly #caller: Calling;
  readonly #ids: Ids;

  constructor(caller: Calling, ids: Ids) {
    this.#caller = caller;
    this.#ids = ids;
  }

  /** Replaces one's own message. Answers the sequence of the edit. NOT_EDITABLE: not one's own, or too late. */
  async edit(threadId: string, targetSequence: bigint, body: MessageBody, limits?: CallLimits): Promise<bigint> {
    const request = {
      threadId,
      clientMessageId: this.#ids.newId(),
      targetSequence,
      ...contentOf(body),
      deviceId: '',
    };
    return (await this.#caller.call('/parley.v1.MessageService/EditMessage', request, limits)).sequence;
  }

  /** Erases a message's content everywhere. Answers the sequence of the delete. */
  async delete(threadId: string, targetSequence: bigint, limits?: CallLimits): Promise<bigint> {
    const request = { threadId, clientMessageId: this.#ids.newId(), targetSequence, deviceId: '' };
    return (await this.#caller.call('/parley.v1.MessageService/DeleteMessage', request, limits)).sequence;
  }

  /** Reacts, or takes it back. Answers the sequence of the entry; 0 = it was so already. */
  async react(
    threadId: string,
    targetSequence: bigint,
    emoji: string,
    options: { removed?: boolean } = {},
    limits?: CallLimits,
  ): Promise<bigint> {
    const { removed = false } = options;
    const request = { threadId, clientMessageId: this.#ids.newId(), targetSequence, emoji, removed, deviceId: '' };
    return (await this.#caller.call('/parley.v1.MessageService/React', request, limits)).sequence;
  }
}

export class HistoryCalls {
  readonly #caller: Calling;

  constructor(caller: Calling) {
    this.#caller = caller;
  }

  /** Messages as they are now, ascending; without an anchor the newest. */
  messages(
    threadId: string,
    page: Page & { anchor?: ListMessagesRequest['anchor'] } = {},
    limits?: CallLimits,
  ): Promise<ListMessagesResponse> {
    const { pageSize = 0, pageToken = '', anchor } = page;
    return this.#caller.call(
      '/parley.v1.HistoryService/ListMessages',
      { threadId, pageSize, pageToken, anchor },
      limits,
    );
  }

  /** The raw log after a sequence. */
  entries(
    threadId: string,
    range: { afterSequence: bigint; upToSequence?: bigint; pageSize?: number },
    limits?: CallLimits,
  ): Promise<ListEntriesResponse> {
    const { afterSequence, upToSequence = 0n, pageSize = 0 } = range;
    const request = { threadId, afterSequence, upToSequence, pageSize };
    return this.#caller.call('/parley.v1.HistoryService/ListEntries', request, limits);
  }

  async message(threadId: string, sequence: bigint, limits?: CallLimits): Promise<Message> {
    const response = await this.#caller.call('/parley.v1.HistoryService/GetMessage', { threadId, sequence }, limits);
    return there(response.message);
  }
}

export class PeopleCalls {
  readonly #caller: Calling;

  constructor(caller: Calling) {
    this.#caller = caller;
  }

  /** Profiles of up to 200 users, in the order asked. */
  async profiles(userIds: readonly string[], limits?: CallLimits): Promise<Profile[]> {
    const path = '/parley.v1.PeopleService/BatchGetProfiles';
    return (await this.#caller.call(path, { userIds: [...userIds] }, limits)).profiles;
  }

  async updateProfile(profile: { displayName: string; avatarUrl?: string }, limits?: CallLimits): Promise<Profile> {
    const { displayName, avatarUrl = '' } = profile;
    const path = '/parley.v1.PeopleService/UpdateProfile';
    return there((await this.#caller.call(path, { displayName, avatarUrl }, limits)).profile);
  }

  /** With whom the user shares threads, with presence. */
  list(page: Page = {}, limits?: CallLimits): Promise<ListPeopleResponse> {
    const { pageSize = 0, pageToken = '' } = page;
    return this.#caller.call('/parley.v1.PeopleService/ListPeople', { pageSize, pageToken }, limits);
  }

  /** Presence of up to 200 users, in the order asked. */
  async presences(userIds: readonly string[], limits?: CallLimits): Promise<Presence[]> {
    const path = '/parley.v1.PresenceService/BatchGetPresences';
    return (await this.#caller.call(path, { userIds: [...userIds] }, limits)).presences;
  }

  async block(userId: string, limits?: CallLimits): Promise<void> {
    await this.#caller.call('/parley.v1.PeopleService/BlockUser', { userId }, limits);
  }

  async unblock(userId: string, limits?: CallLimits): Promise<void> {
    await this.#caller.call('/parley.v1.PeopleService/UnblockUser', { userId }, limits);
  }

  blocked(page: Page = {}, limits?: CallLimits): Promise<{ userIds: string[]; nextPageToken: string }> {
    const { pageSize = 0, pageToken = '' } = page;
    return this.#caller.call('/parley.v1.PeopleService/ListBlockedUsers', { pageSize, pageToken }, limits);
  }
}

export class AccountCalls {
  readonly #caller: Calling;

  constructor(caller: Calling) {
    this.#caller = caller;
  }

  /** The user's own log after a sequence. */
  entries(afterSequence: bigint, limits?: CallLimits): Promise<ListUserEntriesResponse> {
    return this.#caller.call('/parley.v1.PeopleService/ListUserEntries', { afterSequence, pageSize: 0 }, limits);
  }

  async settings(limits?: CallLimits): Promise<AccountSettings> {
    return there((await this.#caller.call('/parley.v1.PeopleService/GetAccountSettings', {}, limits)).settings);
  }

  /** Sets them, whole. */
  async updateSettings(settings: AccountSettings, limits?: CallLimits): Promise<AccountSettings> {
    const path = '/parley.v1.PeopleService/UpdateAccountSettings';
    return there((await this.#caller.call(path, { settings }, limits)).settings);
  }

  /** Registers a device of the user's or refreshes what is known of it, whole. */
  async registerDevice(said: DeviceSaid, limits?: CallLimits): Promise<Device> {
    const nothing = { platform: 0, displayName: '', pushToken: '', locale: '', keyBlob: new Uint8Array(0) };
    const setByServer = { lastSeenTime: undefined, active: false, notified: false };
    // Codecs of browsers have Uint8Array, node's generated types say Buffer.
    const device = { ...nothing, ...said, ...setByServer } as Device;
    return there((await this.#caller.call('/parley.v1.DeviceService/RegisterDevice', { device }, limits)).device);
  }

  devices(page: Page = {}, limits?: CallLimits): Promise<{ devices: Device[]; nextPageToken: string }> {
    const { pageSize = 0, pageToken = '' } = page;
    return this.#caller.call('/parley.v1.DeviceService/ListDevices', { pageSize, pageToken }, limits);
  }

  /** Signs a device of the user's out. */
  async removeDevice(deviceId: string, limits?: CallLimits): Promise<void> {
    await this.#caller.call('/parley.v1.DeviceService/RemoveDevice', { deviceId }, limits);
  }
}

export class ReceiptCalls {
  readonly #caller: Calling;

  constructor(caller: Calling) {
    this.#caller = caller;
  }

  /** Each member's positions. */
  list(threadId: string, page: Page = {}, limits?: CallLimits): Promise<ListReceiptsResponse> {
    const { pageSize = 0, pageToken = '' } = page;
    return this.#caller.call('/parley.v1.ReceiptService/ListReceipts', { threadId, pageSize, pageToken }, limits);
  }

  /** Those of all members, page by page. */
  async all(threadId: string, limits?: CallLimits): Promise<ListReceiptsResponse['receipts']> {
    const all: ListReceiptsResponse['receipts'] = [];
    for (let pageToken = ''; ;) {
      const { receipts, nextPageToken } = await this.list(threadId, { pageSize: 500, pageToken }, limits);
      all.push(...receipts);
      if (nextPageToken === '') return all;
      pageToken = nextPageToken;
    }
  }
}
