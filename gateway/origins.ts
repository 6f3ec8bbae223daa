// Origins of web pages that may call the gateway.

/** Exact as a browser says it (scheme, host, port if it is not the scheme's own; no path), or with `:*` for any port. */
export function isOrigin(text: string): boolean {
  const exact = text.endsWith(':*') ? text.slice(0, -2) : text;
  return URL.canParse(exact) && new URL(exact).origin === exact;
}

export function notAnOrigin(text: string): string {
  return `"${text}" is no origin such as https://app.example or http://localhost:*`;
}
