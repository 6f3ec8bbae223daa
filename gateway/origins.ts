// Origins of web pages that may call the gateway.

/** What is wrong with the first that is no origin, exact as a browser says it (scheme, host, port if it is not the scheme's own; no path) or with `:*` for any port. */
export function wrongOrigin(origins: readonly string[]): string | undefined {
  const wrong = origins.find((text) => {
    const exact = text.endsWith(':*') ? text.slice(0, -2) : text;
    return !URL.canParse(exact) || new URL(exact).origin !== exact;
  });
  if (wrong === undefined) return undefined;
  return `PARLEY_WEB_ORIGINS: "${wrong}" is no origin such as https://app.example or http://localhost:*`;
}
