/** What the token of a service may allow: proto/README.md says which calls. */
export const scopes = ['channels', 'comments', 'threads', 'messages', 'notifications', 'users', 'tokens'] as const;

export type Scope = (typeof scopes)[number];
