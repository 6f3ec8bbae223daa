import type { PeopleServiceService } from '#proto/parley/v1/people_service.ts';
import type { Chat } from '../chat/chat.ts';
import { maxNameBytes } from '../chat/profiles.ts';
import { parseUserId } from '../core/ids.ts';
import { presenceToProto } from './convert/head.ts';
import { profileToProto } from './convert/thread.ts';
import { accountFromProto, accountToProto, userEntryToProto } from './convert/user-entry.ts';
import type { ServiceHandlers } from './service.ts';
import { pageSize, parseName, parseOptionalSequence, parseUri, parseUserIds, required } from './validate.ts';

export function peopleHandlers({ account, people, profiles }: Chat): ServiceHandlers<PeopleServiceService> {
  return {
    async batchGetProfiles(request, caller) {
      const users = parseUserIds(request.userIds, 1, 200, 'user_ids');
      return { profiles: (await profiles.get(users, caller.signal)).map(profileToProto) };
    },
    async updateProfile(request, caller) {
      const displayName = parseName(request.displayName, 0, maxNameBytes, 'display_name');
      const avatarUrl = request.avatarUrl === '' ? '' : parseUri(request.avatarUrl, 'avatar_url', 'https');
      return { profile: profileToProto(await profiles.update(caller, { displayName, avatarUrl })) };
    },
    async listPeople({ pageToken, ...request }, caller) {
      const page = await people.list(caller, { limit: pageSize(request.pageSize, 50, 200), pageToken });
      const listed = page.people.map(({ profile, presence, directThreadId, blocked }) => ({
        profile: profileToProto(profile),
        presence: presenceToProto(presence),
        directThreadId: directThreadId ?? '',
        blocked,
      }));
      return { people: listed, nextPageToken: page.nextPageToken };
    },
    async blockUser(request, caller) {
      await account.block(caller, parseUserId(request.userId));
      return {};
    },
    async unblockUser(request, caller) {
      await account.unblock(caller, parseUserId(request.userId));
      return {};
    },
    async listBlockedUsers({ pageToken, ...request }, caller) {
      const page = await account.blocked(caller, { limit: pageSize(request.pageSize, 50, 200), pageToken });
      return { userIds: [...page.users], nextPageToken: page.nextPageToken };
    },
    async getAccountSettings(_request, caller) {
      return { settings: accountToProto(await account.settings(caller)) };
    },
    async updateAccountSettings(request, caller) {
      const settings = accountFromProto(required(request.settings, 'settings'), 'settings');
      return { settings: accountToProto(await account.setSettings(caller, settings)) };
    },
    async listUserEntries(request, caller) {
      const after = parseOptionalSequence(request.afterSequence, 'after_sequence');
      const limit = pageSize(request.pageSize, 200, 1_000);
      const { entries, headSequence, epoch } = await account.entries(caller, { after, limit });
      return { entries: entries.map(userEntryToProto), headSequence, epoch };
    },
  };
}
