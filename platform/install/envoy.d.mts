export const envoyVersion: string;
export function locateEnvoy(): string | undefined;
