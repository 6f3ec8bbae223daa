/** The browser's, where it has them; TypeScript's library does not know them all. */
interface TrustedTypes {
  createPolicy(name: string, rules: { readonly createScriptURL: (url: string) => string }): unknown;
}

/**
 * The page's policy of content has the browser refuse strings where code is expected. One thing is let through: the scripts of
 * this build, for workers.
 */
export function allowOwnScripts(): void {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  trustedTypes?.createPolicy('default', {
    createScriptURL(text) {
      const url = new URL(text, location.href);
      if (url.origin === location.origin && /^\/assets\/[\w.-]+\.js$/.test(url.pathname)) return url.href;
      throw new TypeError(`${text} is no script of this app`);
    },
  });
}
